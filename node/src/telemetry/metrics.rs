//! Serves what is measured to Prometheus, on a listener of its own (`docs/metrics.md`).

use std::io;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;

use crate::auth::operations::OPERATIONS;
use crate::platform::cluster::CONNECTED;
use crate::platform::events::Bus;
use crate::platform::http::server;
use crate::platform::tasks::Tasks;

/// The gauge of WebSockets that are open.
pub const SOCKETS: &str = "folkmoot_sockets";

/// Upper bounds of the buckets of every histogram, in seconds: from 50 µs to a day.
const BUCKETS: &[f64] = &[
    0.000_05, 0.000_2, 0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 600.0, 3_600.0, 86_400.0,
];
/// How often what was recorded is gathered, so that it takes no more memory than its buckets.
const GATHER_EVERY: Duration = Duration::from_secs(5);
/// Collectors that may be connected at once.
const COLLECTORS: usize = 16;
/// The media type of the text format (Prometheus exposition format 0.0.4).
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The listener for collectors, not serving yet.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
    recorded: PrometheusHandle,
}

/// Takes the address, and begins to record.
///
/// # Errors
/// The address is in use or not of this machine.
pub async fn listen(address: SocketAddr) -> io::Result<Listener> {
    let listener = TcpListener::bind(address).await?;
    Ok(Listener {
        address: listener.local_addr()?,
        listener,
        recorded: recorder()?,
    })
}

impl Listener {
    /// The address it listens on.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers collectors until the server stops.
    pub async fn serve(self, bus: Bus, tasks: Tasks) {
        let recorded = self.recorded.clone();
        let gathered = self.recorded;
        let answer = move || {
            let (recorded, bus) = (recorded.clone(), bus.clone());
            async move {
                let sockets = u32::try_from(bus.subscriptions()).unwrap_or(u32::MAX);
                metrics::gauge!(SOCKETS).set(sockets);
                ([(CONTENT_TYPE, TEXT_FORMAT)], recorded.render())
            }
        };
        let routes = Router::new().route("/metrics", get(answer));
        let shutdown = tasks.shutdown().clone();
        tasks.spawn(async move {
            let gathering = async {
                loop {
                    tokio::time::sleep(GATHER_EVERY).await;
                    gathered.run_upkeep();
                }
            };
            shutdown.run_until_cancelled(gathering).await;
        });
        server::serve(self.listener, routes, COLLECTORS, tasks).await;
    }
}

/// The recorder of this process, which the first to ask installs.
fn recorder() -> io::Result<PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let handle = RECORDER.get_or_init(|| {
        let handle = PrometheusBuilder::new()
            .set_buckets(BUCKETS)
            .and_then(PrometheusBuilder::install_recorder)
            .inspect_err(|error| tracing::error!(%error, "metrics cannot be recorded"))
            .ok()?;
        federation_core::metrics::describe();
        metrics::describe_counter!(OPERATIONS, "Operations on tokens of members.");
        metrics::describe_gauge!(CONNECTED, "Whether Redis is connected.");
        metrics::describe_gauge!(SOCKETS, "WebSockets of members that are open.");
        metrics::describe_gauge!(
            server::CONNECTIONS,
            "Connections that are open, WebSockets and collectors included."
        );
        Some(handle)
    });
    handle
        .clone()
        .ok_or_else(|| io::Error::other("this process records its metrics elsewhere"))
}
