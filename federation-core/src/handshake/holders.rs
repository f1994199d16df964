//! Who is asking: which actor a server names as its own, and whether a subject is there.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::StatusCode;
use moka::future::Cache;
use thiserror::Error;
use url::Url;

use crate::clock::{Clock, Timestamp};
use crate::discovery::{NODE_INFO_PATH, NodeInfoIndex};
use crate::fetch::{Cause, Directory, DirectoryError};
use crate::vocab::{self, same_origin};

/// Origins whose actor is remembered at most.
const MAX_ORIGINS: u64 = 10_000;
/// How long it is remembered which actor a server names.
const NAMED_KEPT: Duration = Duration::from_hours(1);
/// How long it is remembered that a server names none, or could not be asked.
const FAILURE_KEPT: Duration = Duration::from_mins(1);
/// What is asked for.
const ACCEPT: &str = "application/json";
/// Bytes of an index that are read.
const MAX_INDEX: usize = 64 * 1024;

/// Why an actor could not be looked at.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum LookupError {
    /// Its own server says that it is gone.
    #[error("it is gone")]
    Gone,
    /// It cannot be looked at now, and perhaps later.
    #[error("it cannot be fetched now")]
    Unavailable {
        /// How long to wait, when that is known.
        retry_after: Option<Duration>,
        /// What happened.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// There is no such thing.
    #[error("it cannot be used")]
    Unusable(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl LookupError {
    /// Whether the same actor may be found later.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// What an issuer asks of the world beside keys.
///
/// # Security
/// An implementation spends a bounded number of fetches per remote host, whoever asks.
pub trait HolderDirectory: fmt::Debug + Send + Sync + 'static {
    /// The actor that the server at `origin` names as its own (FEP-2677); `None` when it names
    /// none.
    fn node_actor<'a>(&'a self, origin: &'a Url)
    -> BoxFuture<'a, Result<Option<Url>, LookupError>>;

    /// Whether the actor is there, as its own server shows it now or showed it a minute ago.
    fn is_there<'a>(&'a self, actor: &'a Url) -> BoxFuture<'a, Result<(), LookupError>>;
}

/// How long ago a subject's server may have shown it.
const SHOWN_WITHIN: Duration = Duration::from_mins(1);

/// The real world: a [`Directory`] for subjects, and the `NodeInfo` index of an origin for its
/// node actor. Remembers what it finds, up to 10,000 origins.
pub struct Holders {
    directory: Arc<Directory>,
    clock: Arc<dyn Clock>,
    named: Cache<String, Named>,
}

#[derive(Clone, Debug)]
struct Named {
    outcome: Result<Option<Url>, LookupError>,
    good_until: Timestamp,
}

impl Holders {
    /// Looks up in `directory`, within its budget for each host.
    pub fn new(directory: Arc<Directory>, clock: Arc<dyn Clock>) -> Self {
        Self {
            directory,
            clock,
            named: Cache::new(MAX_ORIGINS),
        }
    }

    async fn ask(&self, origin: &Url) -> Named {
        let outcome = self.fetch_named(origin).await;
        let kept = match &outcome {
            Ok(Some(_)) => NAMED_KEPT,
            Err(LookupError::Unavailable {
                retry_after: Some(wait),
                ..
            }) => FAILURE_KEPT.min(*wait),
            Ok(None) | Err(_) => FAILURE_KEPT,
        };
        Named {
            outcome,
            good_until: self.clock.now().plus(kept),
        }
    }

    /// The `NodeInfo` index, which has to come from the origin itself.
    async fn fetch_named(&self, origin: &Url) -> Result<Option<Url>, LookupError> {
        let Ok(index) = origin.join(NODE_INFO_PATH) else {
            return Ok(None);
        };
        let answer = self.directory.exchange(&index, ACCEPT, MAX_INDEX).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.is_retryable() => return Err(error.into()),
            Err(_) => return Ok(None),
        };
        let status = answer.status;
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(LookupError::Unavailable {
                retry_after: answer.retry_after(self.clock.now()),
                source: Arc::new(AnsweredWith(status)),
            });
        }
        if status != StatusCode::OK || !same_origin(&answer.final_url, origin) {
            return Ok(None);
        }
        let Ok(map) = vocab::parse(&answer.body) else {
            return Ok(None);
        };
        Ok(NodeInfoIndex::from_map(&map).application().cloned())
    }
}

/// A server could not answer.
#[derive(Debug, Error)]
#[error("the server answered {0}")]
struct AnsweredWith(StatusCode);

impl HolderDirectory for Holders {
    fn node_actor<'a>(
        &'a self,
        origin: &'a Url,
    ) -> BoxFuture<'a, Result<Option<Url>, LookupError>> {
        Box::pin(async move {
            let key = origin.origin().ascii_serialization();
            let now = self.clock.now();
            let selector = self.named.entry_by_ref(&key);
            let ask = Box::pin(self.ask(origin));
            let stale = |named: &Named| named.good_until <= now;
            let named = selector.or_insert_with_if(ask, stale).await;
            named.into_value().outcome
        })
    }

    fn is_there<'a>(&'a self, actor: &'a Url) -> BoxFuture<'a, Result<(), LookupError>> {
        Box::pin(async move {
            let moment = self.clock.now().minus(SHOWN_WITHIN);
            match self.directory.actor_since(actor, moment).await {
                Ok(_) => Ok(()),
                Err(error) => Err(error.into()),
            }
        })
    }
}

impl From<DirectoryError> for LookupError {
    fn from(error: DirectoryError) -> Self {
        if error.is_gone() {
            return Self::Gone;
        }
        if error.is_retryable() {
            return Self::Unavailable {
                retry_after: error.retry_after(),
                source: Arc::new(error),
            };
        }
        Self::Unusable(Arc::new(error))
    }
}

/// An error shared by all who wait for one answer, as the error of one of them.
#[derive(Debug, Error)]
#[error(transparent)]
struct Shared(Arc<dyn std::error::Error + Send + Sync>);

/// The cause as errors carry it.
pub(super) fn cause(shared: Arc<dyn std::error::Error + Send + Sync>) -> Cause {
    Box::new(Shared(shared))
}

impl fmt::Debug for Holders {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Holders")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}
