//! Puts a [`Federation`] together.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use url::Url;

use super::actors::{FixedActors, LocalActors, Places, Profile};
use super::error::BuildError;
use super::handler::Handler;
use super::keys::LocalKeyRing;
use super::service::{Federation, Parts, RingOf};
use super::storage::FederationStore;
use crate::clock::{Clock, SystemClock};
use crate::discovery::Software;
use crate::fetch::{
    BlockedDomains, Directory, DirectoryConfig, DomainPolicy, PeerSigner, RequestSigner,
    SchemeMemory, Transport,
};
use crate::inbox::{InboundLimiter, Inbox, InboxConfig, RateLimits, TrustedProxies};
use crate::outbox::{Contacts, KeySource, WorkerConfig};

/// Settings of a [`Federation`]; begun by [`Federation::builder`].
pub struct FederationBuilder<S: FederationStore> {
    origin: Url,
    store: S,
    on_loopback: bool,
    software: Software,
    fixed: HashMap<String, Profile>,
    actors: Option<Arc<dyn LocalActors>>,
    keys: Option<Arc<dyn LocalKeyRing>>,
    handler: Option<Arc<dyn Handler<S>>>,
    transport: Option<Arc<dyn Transport>>,
    clock: Arc<dyn Clock>,
    blocked: Arc<dyn DomainPolicy>,
    directory: DirectoryConfig,
    worker: WorkerConfig,
    max_body_bytes: usize,
    fetches_as: Option<Url>,
    rates: RateLimits,
    proxies: TrustedProxies,
}

impl<S: FederationStore> FederationBuilder<S> {
    pub(super) fn new(origin: Url, store: S) -> Self {
        let max_body_bytes = InboxConfig::new(origin.clone()).max_body_bytes;
        Self {
            origin,
            store,
            on_loopback: false,
            software: Software::new("federation-core", env!("CARGO_PKG_VERSION")),
            fixed: HashMap::new(),
            actors: None,
            keys: None,
            handler: None,
            transport: None,
            clock: Arc::new(SystemClock),
            blocked: Arc::new(BlockedDomains::default()),
            directory: DirectoryConfig::default(),
            worker: WorkerConfig::default(),
            max_body_bytes,
            fetches_as: None,
            rates: RateLimits::default(),
            proxies: TrustedProxies::default(),
        }
    }

    /// Gives activities their effect by `handler`. Required.
    #[must_use]
    pub fn handler(mut self, handler: impl Handler<S>) -> Self {
        self.handler = Some(Arc::new(handler));
        self
    }

    /// Signs by `keys`. Required.
    #[must_use]
    pub fn keys(mut self, keys: impl LocalKeyRing) -> Self {
        self.keys = Some(Arc::new(keys));
        self
    }

    /// Adds an actor that is always there.
    #[must_use]
    pub fn actor(mut self, profile: Profile) -> Self {
        self.fixed.insert(profile.name().to_owned(), profile);
        self
    }

    /// Asks `actors` for every actor, in place of those given by [`FederationBuilder::actor`].
    #[must_use]
    pub fn actors(mut self, actors: impl LocalActors) -> Self {
        self.actors = Some(Arc::new(actors));
        self
    }

    /// Says by NodeInfo and `User-Agent` what software this is.
    #[must_use]
    pub fn software(mut self, software: Software) -> Self {
        self.software = software;
        self
    }

    /// Sends through `transport`. Without it, with the feature `client`, a guarded client is made.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Reads time from `clock`; the machine's by default.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Has nothing to do with the domains that `blocked` names.
    #[must_use]
    pub fn blocked(mut self, blocked: Arc<dyn DomainPolicy>) -> Self {
        self.blocked = blocked;
        self
    }

    /// Looks actors up by these settings.
    #[must_use]
    pub fn directory(mut self, config: DirectoryConfig) -> Self {
        self.directory = config;
        self
    }

    /// Delivers by these settings.
    #[must_use]
    pub fn worker(mut self, config: WorkerConfig) -> Self {
        self.worker = config;
        self
    }

    /// Signs what is fetched as `actor`, whose key `keys` has; by default as the server's own actor,
    /// whose document the routes show.
    #[must_use]
    pub fn fetches_as(mut self, actor: Url) -> Self {
        self.fetches_as = Some(actor);
        self
    }

    /// Reads bodies up to this many bytes; 1 MiB by default.
    #[must_use]
    pub fn max_body_bytes(mut self, limit: usize) -> Self {
        self.max_body_bytes = limit;
        self
    }

    /// Bounds what comes in, by proven peer and by source address.
    ///
    /// Source addresses are known to the routes when the application serves them by
    /// `into_make_service_with_connect_info::<SocketAddr>()`.
    #[must_use]
    pub fn rates(mut self, limits: RateLimits) -> Self {
        self.rates = limits;
        self
    }

    /// Takes the word of these proxies about where requests come from.
    #[must_use]
    pub fn behind(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Takes a plain `http` origin, and speaks to 127.0.0.0/8 over `http`: for trying out and for
    /// tests on one machine. Every other check stays on.
    #[must_use]
    pub fn on_loopback(mut self) -> Self {
        self.on_loopback = true;
        self
    }

    /// Prepares the store, makes the server's own keys at the first start, and joins the parts.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub async fn build(mut self) -> Result<Federation<S>, BuildError> {
        let scheme = self.origin.scheme();
        let is_fit = scheme == "https" || (scheme == "http" && self.on_loopback);
        if !is_fit || !self.origin.has_host() {
            let origin = self.origin.to_string();
            return Err(BuildError::Origin { origin });
        }
        let places = Places::new(self.origin.clone());
        let handler = self.handler.take().ok_or(BuildError::NoHandler)?;
        let keys = self.keys.take().ok_or(BuildError::NoKeys)?;
        let transport = self.find_transport()?;
        self.store.prepare().await?;
        let signing = self
            .fetches_as
            .take()
            .unwrap_or_else(|| places.server_actor());
        keys.signing_key(&signing).await?;
        let schemes = SchemeMemory::new();
        let ring: Arc<dyn KeySource> = Arc::new(RingOf(Arc::clone(&keys)));
        let signer: Arc<dyn RequestSigner> =
            Arc::new(PeerSigner::new(ring, signing, schemes.clone()));
        self.directory.allow_http |= self.on_loopback;
        let directory = Arc::new(Directory::new(
            Arc::clone(&transport),
            self.store.actors(),
            Some(Arc::clone(&signer)),
            Arc::clone(&self.clock),
            self.directory,
        ));
        let mut config = InboxConfig::new(places.origin().clone());
        config.max_body_bytes = self.max_body_bytes;
        config.policy.allow_http = self.on_loopback;
        let inbox = Inbox::new(
            config,
            Arc::<Directory>::clone(&directory),
            Arc::clone(&self.blocked),
            Arc::clone(&self.clock),
        )
        .asking(Arc::<Directory>::clone(&directory))
        .limited(Arc::new(InboundLimiter::new(self.rates)))
        .learning(schemes)
        .noting(Contacts::new(
            self.store.deliveries(),
            Arc::clone(&self.clock),
        ));
        let fixed = FixedActors(self.fixed);
        Ok(Federation(Arc::new(Parts {
            places,
            store: self.store,
            software: self.software,
            actors: self.actors.unwrap_or_else(|| Arc::new(fixed)),
            keys,
            handler,
            transport,
            clock: self.clock,
            signer,
            directory,
            blocked: self.blocked,
            inbox,
            proxies: self.proxies,
            worker: self.worker,
        })))
    }

    fn find_transport(&mut self) -> Result<Arc<dyn Transport>, BuildError> {
        if let Some(transport) = self.transport.take() {
            return Ok(transport);
        }
        self.client()
    }

    #[cfg(not(feature = "client"))]
    #[expect(
        clippy::unused_self,
        reason = "with the client there is something to do"
    )]
    fn client(&self) -> Result<Arc<dyn Transport>, BuildError> {
        Err(BuildError::NoTransport)
    }

    #[cfg(feature = "client")]
    fn client(&self) -> Result<Arc<dyn Transport>, BuildError> {
        use crate::fetch::GuardPolicy;
        use crate::fetch::client::{ClientConfig, GuardedClient};

        let policy = if self.on_loopback {
            GuardPolicy::with_private_ranges(vec![LOOPBACK], true)
        } else {
            GuardPolicy::default()
        };
        let Software { name, version, .. } = &self.software;
        let user_agent = format!("{name}/{version} (+{})", self.origin);
        let policy = policy.blocking(Arc::clone(&self.blocked));
        let config = ClientConfig::new(user_agent, policy);
        Ok(Arc::new(GuardedClient::new(config)?))
    }
}

/// This machine, by every address of it (RFC 1122 s3.2.1.3).
#[cfg(feature = "client")]
const LOOPBACK: ipnet::IpNet = ipnet::IpNet::V4(ipnet::Ipv4Net::new_assert(
    std::net::Ipv4Addr::new(127, 0, 0, 0),
    8,
));

impl<S: FederationStore> fmt::Debug for FederationBuilder<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FederationBuilder")
            .field("origin", &self.origin.as_str())
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
