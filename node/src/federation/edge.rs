//! [`Edge`]: what speaks to other nodes, put together once.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use federation_core::Clock;
use federation_core::fetch::client::{ClientConfig, ClientError};
use federation_core::fetch::{
    Directory, DirectoryConfig, DomainPolicy, FetchBudget, GuardPolicy, GuardedClient, PeerSigner,
    RequestSigner, SchemeMemory, Transport, Upgrader,
};
use federation_core::handshake::Sessions;
use federation_core::inbox::{
    InboundLimiter, Inbox, InboxConfig, KeyDirectory, Origins, Rate, RateLimits, TrustedProxies,
};
use federation_core::keys::{ActorKeys, LocalKeyError, LocalKeys};
use federation_core::outbox::Contacts;
use federation_core::outbox::sql::SqlDeliveryStore;
use federation_core::store::sql::{Database, SqlActorCache, SqlHandshakeStore};
use futures_util::future::BoxFuture;
use http::HeaderMap;
use url::Url;

use super::actors::node_id;
use super::comparisons::Comparisons;
use super::history::Histories;
use super::keys;
use super::people::DirectoryPeople;
use crate::config::{Config, LimitsConfig, Origin};
use crate::platform::domains::Domains;
use crate::platform::http::error::ApiError;
use crate::platform::people::{People, Signers};
use crate::platform::sealing::Keyring;

/// What speaks to other nodes; cheap to clone.
#[derive(Clone)]
pub struct Edge(Arc<Parts>);

struct Parts {
    keys: LocalKeys,
    node: Url,
    blocked: Arc<Domains>,
    transport: Arc<dyn Transport>,
    upgrader: Arc<dyn Upgrader>,
    directory: Arc<Directory>,
    people: Arc<dyn People>,
    inbox: Inbox,
    contacts: Contacts,
    proxies: TrustedProxies,
    comparisons: Comparisons,
    histories: Histories,
    sessions: Sessions,
}

/// Why the edge could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EdgeError {
    /// The node's own keys could not be made or read.
    #[error("the node has no signing keys: {0}")]
    Keys(#[from] LocalKeyError),
    /// The client for outgoing requests could not be set up.
    #[error("{0}; see federation.extra_ca_file")]
    Client(#[from] ClientError),
}

/// What an [`Edge`] is built from.
#[derive(Clone, Copy)]
pub struct Foundation<'a> {
    /// The settings.
    pub config: &'a Config,
    /// What this node is called from outside.
    pub origin: &'a Origin,
    /// The rows.
    pub db: &'a Database,
    /// The time.
    pub clock: &'a Arc<dyn Clock>,
    /// What seals private keys.
    pub keyring: &'a Arc<Keyring>,
    /// What this node has to do with other domains.
    pub domains: &'a Arc<Domains>,
}

impl Edge {
    /// Puts everything together; at the first start the node's own keys are made.
    ///
    /// # Errors
    /// See [`EdgeError`].
    pub async fn open(on: Foundation<'_>) -> Result<Self, EdgeError> {
        let settings = &on.config.federation;
        let keys = keys::open(on.db, on.keyring, on.clock, on.origin);
        let node = node_id(on.origin);
        keys.of(&node).await?;

        let blocked = Arc::clone(on.domains);
        let policy = GuardPolicy::with_private_ranges(
            settings.allowed_private_ranges.clone(),
            settings.allow_http,
        );
        let refused: Arc<dyn DomainPolicy> = Arc::<Domains>::clone(&blocked);
        let mut client = ClientConfig::new(on.origin.user_agent(), policy.blocking(refused));
        client.extra_ca_file.clone_from(&settings.extra_ca_file);
        let client = GuardedClient::new(client)?;
        let transport: Arc<dyn Transport> = Arc::new(client.clone());

        let schemes = SchemeMemory::lasting(Arc::new(on.db.clone()));
        let signer = PeerSigner::new(Arc::new(keys.clone()), node.clone(), schemes.clone());
        let signer: Arc<dyn RequestSigner> = Arc::new(signer);
        let mut directory = DirectoryConfig::default();
        directory.allow_http = settings.allow_http;
        directory.budget = budget(&on.config.limits);
        let directory = Arc::new(Directory::new(
            Arc::clone(&transport),
            Arc::new(SqlActorCache::new(on.db.clone())),
            Some(signer),
            Arc::clone(on.clock),
            directory,
        ));
        let people = Arc::new(DirectoryPeople::new(Arc::clone(&directory)));
        let mut inbox = InboxConfig::new(on.origin.url().clone());
        inbox.max_body_bytes = on.config.limits.inbox_body_bytes;
        inbox.policy.allow_http = settings.allow_http;
        inbox.proofs.allow_http = settings.allow_http;
        let key_directory: Arc<dyn KeyDirectory> = Arc::<Directory>::clone(&directory);
        let origins: Arc<dyn Origins> = Arc::<Directory>::clone(&directory);
        let queue = Arc::new(SqlDeliveryStore::new(on.db.clone()));
        let contacts = Contacts::new(queue, Arc::clone(on.clock));
        let inbox = Inbox::new(
            inbox,
            key_directory,
            Arc::<Domains>::clone(&blocked),
            Arc::clone(on.clock),
        )
        .asking(origins)
        .limited(Arc::new(limiter(&on.config.limits)))
        .learning(schemes)
        .noting(contacts.clone());
        let sessions = Sessions::new(
            Arc::new(SqlHandshakeStore::new(on.db.clone())),
            Arc::<Domains>::clone(&blocked),
            Arc::clone(on.clock),
        );
        Ok(Self(Arc::new(Parts {
            keys,
            node,
            blocked,
            transport,
            upgrader: Arc::new(client),
            directory,
            people,
            inbox,
            contacts,
            proxies: TrustedProxies::new(on.config.server.trusted_proxies.clone()),
            comparisons: Comparisons::default(),
            histories: Histories::default(),
            sessions,
        })))
    }

    /// The keys of this node's actors.
    pub fn keys(&self) -> &LocalKeys {
        &self.0.keys
    }

    /// The keys of the node's own actor.
    ///
    /// # Errors
    /// See [`LocalKeyError`].
    pub async fn node_keys(&self) -> Result<ActorKeys, LocalKeyError> {
        self.0.keys.of(&self.0.node).await
    }

    /// What this node has to do with other domains.
    pub fn blocked(&self) -> &Arc<Domains> {
        &self.0.blocked
    }

    /// The one way out to other nodes (I5).
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.0.transport
    }

    /// The same way out, for connections that become something else than HTTP.
    pub fn upgrader(&self) -> &Arc<dyn Upgrader> {
        &self.0.upgrader
    }

    /// Actors and keys of other nodes.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.0.directory
    }

    /// Authenticates what other nodes send.
    pub fn inbox(&self) -> &Inbox {
        &self.0.inbox
    }

    /// Tells the queue of deliveries which peers proved to be there.
    pub fn contacts(&self) -> &Contacts {
        &self.0.contacts
    }

    /// Where a request over a connection from `peer` comes from; `None` when that says nothing.
    ///
    /// # Security
    /// A loopback or private address is that of a proxy which the settings do not name: its clients
    /// cannot be told apart, and must not use up each other's share.
    pub fn source(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let source = self.0.proxies.source(peer?, headers);
        let inside = match source {
            IpAddr::V4(address) => {
                address.is_loopback() || address.is_private() || address.is_link_local()
            }
            IpAddr::V6(address) => {
                address.is_loopback()
                    || address.is_unique_local()
                    || address.is_unicast_link_local()
            }
        };
        (!inside).then_some(source)
    }

    /// Gives out places for comparisons of followers.
    pub(super) fn comparisons(&self) -> &Comparisons {
        &self.0.comparisons
    }

    /// Says which histories of channels are to be fetched.
    pub(super) fn histories(&self) -> &Histories {
        &self.0.histories
    }

    /// The id of the node's own actor.
    pub fn node_id(&self) -> Url {
        self.0.node.clone()
    }

    /// The sessions that other nodes have here.
    pub fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// Looks up people of other nodes for features.
    pub fn people(&self) -> &Arc<dyn People> {
        &self.0.people
    }
}

impl Signers for Edge {
    fn keys_of<'a>(&'a self, actor: &'a Url) -> BoxFuture<'a, Result<ActorKeys, ApiError>> {
        Box::pin(async move { self.keys().of(actor).await.map_err(ApiError::internal) })
    }
}

/// Bounds on what other nodes send; half a minute of it may come at once.
fn limiter(limits: &LimitsConfig) -> InboundLimiter {
    let rate = |each_second: u32| {
        Some(Rate::per_second(
            each_second,
            each_second.saturating_mul(30),
        ))
    };
    let mut bounds = RateLimits::default();
    bounds.per_peer = rate(limits.inbox_per_second_per_peer);
    bounds.per_source = rate(limits.inbox_per_second_per_address);
    InboundLimiter::new(bounds)
}

/// What all documents of one host may cost it.
fn budget(limits: &LimitsConfig) -> FetchBudget {
    let each_second = limits.fetches_per_second_per_host.max(1);
    let mut budget = FetchBudget::default();
    budget.burst = budget.burst.saturating_mul(each_second);
    budget.interval = Duration::from_secs(1) / each_second;
    budget
}

impl fmt::Debug for Edge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Edge").finish_non_exhaustive()
    }
}

impl fmt::Debug for Foundation<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Foundation").finish_non_exhaustive()
    }
}
