//! The server as a whole: put together, started, stopped.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use federation_core::fetch::client::ClientError;
use federation_core::inbox::TrustedProxies;
use federation_core::store::sql::{Database, DatabaseError};
use federation_core::{Clock, SystemClock};
use tokio::net::TcpListener;

use crate::auth::Auth;
use crate::auth::error::AuthError;
use crate::channels;
use crate::communities::error::CommunityError;
use crate::communities::known::Known;
use crate::config::Config;
use crate::federation::{Edge, EdgeError, Foundation};
use crate::gateway::Analytics;
use crate::messages::recent::Recent;
use crate::messages::typing::Typing;
use crate::nodes::{Guests, Nodes, Streams};
use crate::oidc::Oidc;
use crate::platform::activity::Activity;
use crate::platform::cluster::Cluster;
use crate::platform::ctx::{Ctx, CtxParts};
use crate::platform::db;
use crate::platform::domains::Domains;
use crate::platform::events::{self, Bus};
use crate::platform::filters::Filters;
use crate::platform::http::server;
use crate::platform::limits::Limits;
use crate::platform::sealing::{Keyring, KeyringError};
use crate::platform::tasks::Tasks;
use crate::presence::Tracker;
use crate::router;
use crate::telemetry::metrics;
use crate::workers;

/// What features need beside the [`Ctx`].
#[derive(Clone, Debug)]
pub struct Parts {
    /// Signing in.
    pub auth: Auth,
    /// Carries events to sockets.
    pub bus: Bus,
    /// Counts the sockets of members.
    pub presence: Tracker,
    /// Figures for dashboards.
    pub analytics: Analytics,
    /// The newest messages of channels.
    pub recent: Recent,
    /// Tells who is writing.
    pub typing: Typing,
    /// What was found out of permissions.
    pub known: Known,
    /// Speaks to other nodes.
    pub edge: Edge,
    /// Sessions with other nodes.
    pub nodes: Nodes,
    /// Push streams with other nodes.
    pub streams: Streams,
    /// The issuer that the operator trusts.
    pub oidc: Oidc,
}

/// A running server.
#[derive(Debug)]
pub struct App {
    ctx: Ctx,
    parts: Parts,
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address to listen on cannot be used.
    #[error("cannot listen on {address}: {cause}; stop what uses it, or set server.bind (--bind)")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The address to serve metrics on cannot be used.
    #[error("cannot serve metrics on {address}: {cause}; set telemetry.metrics_bind")]
    Metrics {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The key ring cannot be used.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The keys of access tokens cannot be used.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The default community cannot be made.
    #[error(transparent)]
    Community(#[from] CommunityError),
    /// Federation cannot be set up.
    #[error(transparent)]
    Federation(#[from] EdgeError),
    /// The client that asks the issuer cannot be set up.
    #[error("{0}; see federation.extra_ca_file")]
    Oidc(#[from] ClientError),
}

/// Takes the address that the settings name.
///
/// # Errors
/// It is in use or not of this machine.
pub async fn listen(config: &Config) -> Result<TcpListener, StartError> {
    let address = config.server.bind;
    TcpListener::bind(address)
        .await
        .map_err(|cause| StartError::Listen { address, cause })
}

impl App {
    /// Starts a server on `listener`, by the clock of the machine.
    ///
    /// # Errors
    /// The data directory, the database or the listener cannot be used.
    pub async fn start(config: Config, listener: TcpListener) -> Result<Self, StartError> {
        Self::start_with(config, listener, Arc::new(SystemClock)).await
    }

    /// Starts a server on `listener`, by the given clock.
    ///
    /// # Errors
    /// As [`App::start`].
    pub async fn start_with(
        config: Config,
        listener: TcpListener,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let bind = config.server.bind;
        let address = listener.local_addr().map_err(|cause| StartError::Listen {
            address: bind,
            cause,
        })?;
        let origin = config.origin(address);
        let metrics_listener = listen_for_metrics(&config).await?;
        let keyring = Arc::new(Keyring::open(&config.data_dir)?);
        let db = db::open(&config).await?;
        let tasks = Tasks::default();
        let cluster = Cluster::start(config.cache.server(), &origin, clock.now(), &tasks);
        let auth = Auth::start(&config, &origin, &db, &clock, &keyring, &cluster).await?;
        let domains = Arc::new(Domains::of(&db).await?);
        let edge = Edge::open(Foundation {
            config: &config,
            origin: &origin,
            db: &db,
            clock: &clock,
            keyring: &keyring,
            domains: &domains,
        })
        .await?;
        let most = &config.limits;
        let bus = Bus::new(most.socket_queue_events, most.sockets_per_user);
        events::start(&db, &bus).await?;
        let connections = config.limits.connections;
        let limits = limits_of(&config, &db, &clock).await?;
        let ctx = Ctx::new(CtxParts {
            config,
            origin,
            db,
            clock,
            keyring,
            authenticator: Arc::<crate::auth::gate::Gate>::clone(&auth.gate),
            cluster,
            limits,
            domains,
            filters: Filters::default(),
            activity: Activity::default(),
            tasks,
        });
        let oidc = Oidc::new(&ctx)?;
        auth.gate.trust(oidc.bearer());
        channels::structure::ensure_default(&ctx).await?;
        let known = Known::new(ctx.cluster().clone());
        let nodes = Nodes::new(&ctx, &edge);
        let streams = Streams::new(&ctx, &edge, &nodes);
        let guests = Arc::new(Guests::new(&ctx, nodes.sessions(), edge.people()));
        auth.gate.welcome(guests);
        let parts = Parts {
            auth,
            presence: Tracker::new(ctx.clock()),
            analytics: Analytics::default(),
            recent: Recent::new(bus.clone(), ctx.config().cache.recent_bytes),
            typing: Typing::new(bus.clone()),
            bus,
            known,
            edge,
            nodes,
            streams,
            oidc,
        };
        workers::start(&ctx, &parts);
        let routes = router::router(&ctx, &parts);
        let tasks = ctx.tasks().clone();
        ctx.tasks()
            .spawn(server::serve(listener, routes, connections, tasks));
        let metrics_address = metrics_listener.as_ref().map(metrics::Listener::address);
        if let Some(listener) = metrics_listener {
            let bus = parts.bus.clone();
            ctx.tasks().spawn(listener.serve(bus, ctx.tasks().clone()));
        }
        Ok(Self {
            ctx,
            parts,
            address,
            metrics_address,
        })
    }

    /// The address the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address that metrics are served on, when they are.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// The handles of the server.
    pub fn ctx(&self) -> &Ctx {
        &self.ctx
    }

    /// What features have beside the handles.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Stops: no new connection, requests under way finish within the grace, then the database.
    ///
    /// Whether everything ended in time.
    pub async fn stop(self) -> bool {
        let grace = Duration::from_secs(self.ctx.config().server.shutdown_grace_seconds);
        self.ctx.tasks().begin_shutdown();
        let ended = self.ctx.tasks().ended_within(grace).await;
        // Even this must end, whatever a query that hangs does.
        let closed = tokio::time::timeout(grace.max(Duration::from_secs(1)), self.ctx.db().close());
        closed.await.is_ok() && ended
    }
}

async fn listen_for_metrics(config: &Config) -> Result<Option<metrics::Listener>, StartError> {
    let Some(address) = config.telemetry.metrics_bind else {
        return Ok(None);
    };
    let listener = metrics::listen(address).await;
    listener
        .map(Some)
        .map_err(|cause| StartError::Metrics { address, cause })
}

async fn limits_of(
    config: &Config,
    db: &Database,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<Limits>, StartError> {
    let proxies = TrustedProxies::new(config.server.trusted_proxies.clone());
    let limits = Arc::new(Limits::new(proxies));
    limits.load(db, clock.now()).await?;
    Ok(limits)
}
