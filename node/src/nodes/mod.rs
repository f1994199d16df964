//! The node handshake (`docs/node-handshake.md`): the sessions that this node grants to others, and
//! those that it holds at them; the push streams of those sessions (`docs/node-stream.md`); and the
//! members who visit, both ways (`docs/visits.md`).

mod guests;
mod ping;
mod routes;
mod stream;
pub mod visits;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use federation_core::Timestamp;
use federation_core::fetch::{Directory, DomainPolicy};
use federation_core::handshake::{
    ClientError, GrantedSession, HandshakeClient, HandshakeError, HandshakeStore, HeldSessions,
    Holders, Issuer, IssuerConfig, IssuerParts, Scopes, Sessions,
};
use federation_core::inbox::KeyDirectory;
use federation_core::store::sql::SqlHandshakeStore;
use url::Url;

pub use self::guests::Guests;
pub use self::routes::router;
pub use self::stream::{Streams, keep_streams};
use crate::federation::Edge;
use crate::platform::ctx::Ctx;
use crate::platform::domains::Domains;

/// Sessions at other nodes that are held at once; further ones displace those used least.
const HELD: u64 = 10_000;
/// How long a session that ended stays in the table.
const KEEP_ENDED: Duration = Duration::from_hours(1);

/// Sessions with other nodes, both ways; cheap to clone.
#[derive(Clone)]
pub struct Nodes(Arc<Parts>);

struct Parts {
    store: Arc<dyn HandshakeStore>,
    issuer: Issuer,
    held: Arc<HeldSessions>,
}

impl Nodes {
    /// Puts both sides together.
    pub fn new(ctx: &Ctx, edge: &Edge) -> Self {
        let (settings, clock) = (&ctx.config().federation, ctx.clock());
        let store: Arc<dyn HandshakeStore> = Arc::new(SqlHandshakeStore::new(ctx.db().clone()));
        let node_actor = edge.node_id();
        let mut config = IssuerConfig::new(ctx.origin().url().clone(), node_actor.clone());
        config.policy.allow_http = settings.allow_http;
        config.terms.offered = settings.handshake.scopes;
        config.terms.session_lifetime = settings.handshake.session_lifetime();
        let directory = Arc::clone(edge.directory());
        let blocked: Arc<dyn DomainPolicy> = Arc::<Domains>::clone(edge.blocked());
        let keys: Arc<dyn KeyDirectory> = Arc::<Directory>::clone(&directory);
        let parts = IssuerParts {
            store: Arc::clone(&store),
            sessions: edge.sessions().clone(),
            keys,
            holders: Arc::new(Holders::new(directory, Arc::clone(clock))),
            blocked,
            limiter: edge.inbox().limiter().cloned(),
            clock: Arc::clone(clock),
        };
        let client = HandshakeClient::new(
            node_actor,
            Arc::new(edge.keys().clone()),
            Arc::clone(edge.transport()),
            Arc::clone(clock),
        );
        Self(Arc::new(Parts {
            store,
            issuer: Issuer::new(config, parts),
            held: Arc::new(HeldSessions::new(client, Arc::clone(clock), HELD)),
        }))
    }

    /// Grants sessions to other nodes.
    pub fn issuer(&self) -> &Issuer {
        &self.0.issuer
    }

    /// The sessions that were granted.
    pub fn sessions(&self) -> &Sessions {
        self.0.issuer.sessions()
    }

    /// The sessions that this node holds at others.
    pub fn held(&self) -> &Arc<HeldSessions> {
        &self.0.held
    }

    /// A session at the node whose origin `issuer` is of, opened now unless one is held.
    ///
    /// # Errors
    /// Why there is none; see [`ClientError::is_retryable`] and [`ClientError::is_unsupported`].
    ///
    /// # Security
    /// With a `subject`, this node acts as that member there: the caller has asked the member.
    pub async fn session_at(
        &self,
        issuer: &Url,
        subject: Option<&Url>,
        scopes: Scopes,
    ) -> Result<Arc<GrantedSession>, Arc<ClientError>> {
        self.0.held.session(issuer, subject, scopes).await
    }

    /// Removes what is past its time, at most `limit` rows of each kind; the most of one kind.
    ///
    /// # Errors
    /// The database failed.
    pub async fn prune(&self, now: Timestamp, limit: u32) -> Result<usize, HandshakeError> {
        Ok(self.0.store.prune(now.minus(KEEP_ENDED), limit).await?)
    }
}

/// Ends what is open in sessions that other processes end, until the server stops.
pub async fn follow_ends(ctx: Ctx, nodes: Nodes) {
    let shutdown = ctx.tasks().shutdown().clone();
    nodes.sessions().follow(shutdown).await;
}

impl fmt::Debug for Nodes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Nodes")
            .field("held", &self.0.held)
            .finish_non_exhaustive()
    }
}
