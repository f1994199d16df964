//! [`Edge`]: what speaks to other nodes, put together once.

use std::fmt;
use std::sync::Arc;

use federation_core::Clock;
use federation_core::fetch::client::{ClientConfig, ClientError};
use federation_core::fetch::{
    BlockedDomains, Directory, DirectoryConfig, DomainPolicy, GuardPolicy, GuardedClient,
    RequestSigner, Transport,
};
use federation_core::inbox::{Inbox, InboxConfig, KeyDirectory};
use federation_core::store::sql::{Database, SqlActorCache};

use super::actors::node_id;
use super::keys::{ActorKeys, LocalKeyError, LocalKeys};
use super::people::DirectoryPeople;
use crate::config::{Config, Origin};
use crate::platform::people::People;
use crate::platform::sealing::Keyring;

/// What speaks to other nodes; cheap to clone.
#[derive(Clone)]
pub struct Edge(Arc<Parts>);

struct Parts {
    keys: LocalKeys,
    node_keys: ActorKeys,
    blocked: Arc<BlockedDomains>,
    transport: Arc<dyn Transport>,
    directory: Arc<Directory>,
    people: Arc<dyn People>,
    inbox: Inbox,
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
}

impl Edge {
    /// Puts everything together; at the first start the node's own keys are made.
    ///
    /// # Errors
    /// See [`EdgeError`].
    pub async fn open(on: Foundation<'_>) -> Result<Self, EdgeError> {
        let settings = &on.config.federation;
        let keys = LocalKeys::new(on.db.clone(), Arc::clone(on.keyring), Arc::clone(on.clock));
        let node_keys = keys.of(&node_id(on.origin)).await?;

        let blocked = Arc::new(BlockedDomains::default());
        let policy = GuardPolicy::with_private_ranges(
            settings.allowed_private_ranges.clone(),
            settings.allow_http,
        );
        let refused: Arc<dyn DomainPolicy> = Arc::<BlockedDomains>::clone(&blocked);
        let mut client = ClientConfig::new(user_agent(on.origin), policy.blocking(refused));
        client.extra_ca_file.clone_from(&settings.extra_ca_file);
        let transport: Arc<dyn Transport> = Arc::new(GuardedClient::new(client)?);

        let signer: Arc<dyn RequestSigner> = Arc::new(node_keys.rsa.clone());
        let mut directory = DirectoryConfig::default();
        directory.allow_http = settings.allow_http;
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
        let key_directory: Arc<dyn KeyDirectory> = Arc::<Directory>::clone(&directory);
        let inbox = Inbox::new(
            inbox,
            key_directory,
            Arc::<BlockedDomains>::clone(&blocked),
            Arc::clone(on.clock),
        );
        Ok(Self(Arc::new(Parts {
            keys,
            node_keys,
            blocked,
            transport,
            directory,
            people,
            inbox,
        })))
    }

    /// The keys of this node's actors.
    pub fn keys(&self) -> &LocalKeys {
        &self.0.keys
    }

    /// The keys of the node's own actor.
    pub fn node_keys(&self) -> &ActorKeys {
        &self.0.node_keys
    }

    /// The domains that this node has nothing to do with.
    pub fn blocked(&self) -> &Arc<BlockedDomains> {
        &self.0.blocked
    }

    /// The one way out to other nodes (I5).
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.0.transport
    }

    /// Actors and keys of other nodes.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.0.directory
    }

    /// Authenticates what other nodes send.
    pub fn inbox(&self) -> &Inbox {
        &self.0.inbox
    }

    /// Looks up people of other nodes for features.
    pub fn people(&self) -> &Arc<dyn People> {
        &self.0.people
    }
}

fn user_agent(origin: &Origin) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!("Folkmoot/{version} (+{}/)", origin.as_str())
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
