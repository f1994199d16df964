//! [`Ctx`]: the handles that every feature gets.

use std::fmt;
use std::sync::Arc;

use federation_core::store::sql::Database;
use federation_core::{Clock, Timestamp};

use crate::config::{Config, Origin};
use crate::platform::activity::Activity;
use crate::platform::cluster::Cluster;
use crate::platform::domains::Domains;
use crate::platform::filters::Filters;
use crate::platform::http::auth::Authenticator;
use crate::platform::limits::Limits;
use crate::platform::sealing::Keyring;
use crate::platform::tasks::Tasks;

/// The handles that every feature gets; cheap to clone.
///
/// It is the state of every feature's router: `axum::Router<Ctx>`.
#[derive(Clone)]
pub struct Ctx(Arc<CtxParts>);

/// What a [`Ctx`] is made of.
pub struct CtxParts {
    /// The settings, checked.
    pub config: Config,
    /// What this node is called from outside.
    pub origin: Origin,
    /// The rows.
    pub db: Database,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The keys that seal secrets at rest.
    pub keyring: Arc<Keyring>,
    /// Tells who sends a request.
    pub authenticator: Arc<dyn Authenticator>,
    /// The other processes of this node.
    pub cluster: Cluster,
    /// Who asks too much, and who is blocked.
    pub limits: Arc<Limits>,
    /// What this node has to do with other domains.
    pub domains: Arc<Domains>,
    /// Rules that are ready to match.
    pub filters: Filters,
    /// How much happens.
    pub activity: Activity,
    /// Background work.
    pub tasks: Tasks,
}

impl Ctx {
    /// Puts the handles together.
    pub fn new(parts: CtxParts) -> Self {
        Self(Arc::new(parts))
    }

    /// The settings, checked.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// What this node is called from outside.
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }

    /// The rows.
    pub fn db(&self) -> &Database {
        &self.0.db
    }

    /// The time source.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// The present moment by [`Ctx::clock`].
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The keys that seal secrets at rest.
    pub fn keyring(&self) -> &Arc<Keyring> {
        &self.0.keyring
    }

    /// Tells who sends a request, and when their session ends.
    pub fn authenticator(&self) -> &Arc<dyn Authenticator> {
        &self.0.authenticator
    }

    /// The other processes of this node, to tell them what changed.
    pub fn cluster(&self) -> &Cluster {
        &self.0.cluster
    }

    /// Who asks too much, and who is blocked.
    pub fn limits(&self) -> &Arc<Limits> {
        &self.0.limits
    }

    /// What this node has to do with other domains.
    pub fn domains(&self) -> &Arc<Domains> {
        &self.0.domains
    }

    /// Rules that are ready to match.
    pub fn filters(&self) -> &Filters {
        &self.0.filters
    }

    /// How much happens, to be counted once it is committed.
    pub fn activity(&self) -> &Activity {
        &self.0.activity
    }

    /// Background work and the signal to stop.
    pub fn tasks(&self) -> &Tasks {
        &self.0.tasks
    }
}

impl fmt::Debug for Ctx {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Ctx")
            .field("origin", &self.0.origin.as_str())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CtxParts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CtxParts")
            .field("origin", &self.origin.as_str())
            .finish_non_exhaustive()
    }
}
