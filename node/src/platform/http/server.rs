//! The listening side: accepts connections, bounds them (I11), and lets them finish at the end.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::linger;
use crate::platform::limits::{Tether, Tethered};
use crate::platform::tasks::Tasks;

/// How long a client may take for the head of a request, waiting for its next one included.
const HEAD_TIMEOUT: Duration = Duration::from_mins(1);
/// Bytes that the head of a request may take.
const HEAD_LIMIT: usize = 64 * 1024;
/// The gauge of connections that are open (`docs/metrics.md`).
pub const CONNECTIONS: &str = "folkmoot_connections";
/// How long to wait when the system has no file descriptor left.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// The place of a connection among those allowed at once, free again when the last copy is dropped.
///
/// Every request carries it as an extension; whoever makes its connection a WebSocket holds on to
/// it.
#[derive(Clone, Debug)]
pub struct Place {
    _held: Arc<Held>,
}

/// A connection as it is counted.
#[derive(Debug)]
struct Held {
    /// The same for its end as for its start: the one that counts may come in between.
    gauge: metrics::Gauge,
    _permit: OwnedSemaphorePermit,
}

impl Held {
    fn new(permit: OwnedSemaphorePermit) -> Self {
        let gauge = metrics::gauge!(CONNECTIONS);
        gauge.increment(1);
        Self {
            gauge,
            _permit: permit,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gauge.decrement(1);
    }
}

/// The other end of the connection that a request came over, which may be a proxy.
///
/// Every request carries it as an extension.
#[derive(Clone, Copy, Debug)]
pub struct PeerAddress(pub IpAddr);

/// Accepts connections until the signal to stop, `at_once` of them at the same time.
///
/// Each connection is background work of `tasks`: on the signal it finishes the request under way
/// and closes. A connection that became a WebSocket is its handler's to end, as is its [`Place`].
pub async fn serve(listener: TcpListener, router: Router, at_once: usize, tasks: Tasks) {
    let places = Arc::new(Semaphore::new(at_once.min(Semaphore::MAX_PERMITS)));
    let shutdown = tasks.shutdown().clone();
    loop {
        let accepted = shutdown
            .run_until_cancelled(accept(&listener, &places))
            .await;
        let Some(accepted) = accepted else { return };
        match accepted {
            Ok((stream, peer, place)) => {
                let router = router.clone();
                tasks.spawn(connection(stream, router, (peer, place), tasks.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, PeerAddress, Place)> {
    let permit = Arc::clone(places)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    let place = Place {
        _held: Arc::new(Held::new(permit)),
    };
    // Answers are small and someone waits for each.
    stream.set_nodelay(true)?;
    Ok((stream, PeerAddress(peer.ip()), place))
}

async fn connection(
    stream: TcpStream,
    router: Router,
    (peer, place): (PeerAddress, Place),
    tasks: Tasks,
) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_LIMIT);
    let router = TowerToHyperService::new(router);
    let tether = Tether::default();
    let service = service_fn(|mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(place.clone());
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(tether.clone());
        router.call(linger::lingering(request, &tasks))
    });
    let serving = builder
        .serve_connection(TokioIo::new(Tethered::new(stream, tether.clone())), service)
        .with_upgrades();
    let mut serving = std::pin::pin!(serving);
    let outcome = tokio::select! {
        outcome = serving.as_mut() => outcome,
        () = tasks.shutdown().cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = outcome {
        // Clients go away all the time; what they sent wrong was answered.
        tracing::trace!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::Instant;

    use super::*;

    /// A byte of the head now and then, which never ends.
    #[tokio::test(start_paused = true)]
    async fn attack_55_a_head_that_drips_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let places = Arc::new(Semaphore::new(1));
        let (stream, peer, place) = accept(&listener, &places).await.unwrap();
        let started = Instant::now();
        let serving = connection(stream, Router::new(), (peer, place), Tasks::default());
        let dripping = async {
            client
                .write_all(b"GET / HTTP/1.1\r\nHost: here\r\nX-Slow: ")
                .await?;
            loop {
                tokio::time::sleep(Duration::from_secs(7)).await;
                client.write_all(b"x").await?;
                let mut answer = [0; 512];
                match client.try_read(&mut answer) {
                    Ok(_answered_or_closed) => return client.read(&mut answer).await,
                    Err(waiting) if waiting.kind() == io::ErrorKind::WouldBlock => {}
                    Err(broken) => return Err(broken),
                }
            }
        };
        let both = async { tokio::join!(serving, dripping) };
        let ended = tokio::time::timeout(HEAD_TIMEOUT * 2, both).await;
        assert!(ended.is_ok(), "the head is still waited for");
        let took = started.elapsed();
        assert!(took >= HEAD_TIMEOUT, "{took:?}");
        assert_eq!(places.available_permits(), 1);
    }
}
