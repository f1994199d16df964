//! What the issuer says of itself (OpenID Connect Discovery 1.0) and its keys, fetched once for all
//! who ask and remembered.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use federation_core::fetch::{FetchLimits, OutboundRequest, OutboundResponse, Transport};
use federation_core::{Clock, Timestamp};
use http::StatusCode;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use url::Url;

use super::error::OidcError;
use super::keys::{self, Key};
use crate::platform::tasks::Tasks;

/// How old what is known may be before it is fetched anew.
const FRESH_FOR: Duration = Duration::from_hours(1);
/// How old it may be while the issuer cannot be reached.
const USABLE_FOR: Duration = Duration::from_hours(24);
/// How often an unknown key leads to the issuer.
const AGAIN_AFTER: Duration = Duration::from_secs(30);
/// The same while nothing is known at all.
const FIRST_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Bytes of an answer that are read at most.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// What the issuer says of itself (OpenID Connect Discovery 1.0 s3).
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    pub(super) authorization_endpoint: Url,
    pub(super) token_endpoint: Url,
    jwks_uri: Url,
    #[serde(default)]
    pub(super) token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Whether it always says who answers (RFC 9207 s3).
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

/// The issuer as it was last seen.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) metadata: Metadata,
    keys: Vec<Key>,
    fetched_at: Timestamp,
}

/// The issuer.
pub(super) struct Provider {
    pub(super) issuer: String,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    known: RwLock<Option<Arc<Known>>>,
    /// Held by the one who fetches; when it was last tried.
    turn: Arc<Mutex<Tried>>,
}

/// When the issuer was last asked, if ever.
type Tried = Option<Timestamp>;

impl Provider {
    pub(super) fn new(
        issuer: String,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        tasks: Tasks,
    ) -> Arc<Self> {
        Arc::new(Self {
            issuer,
            transport,
            clock,
            tasks,
            known: RwLock::default(),
            turn: Arc::default(),
        })
    }

    /// The issuer, as it was seen lately.
    ///
    /// # Errors
    /// It cannot be reached, and was not for a day.
    pub(super) async fn known(self: &Arc<Self>) -> Result<Arc<Known>, OidcError> {
        let Some(known) = self.remembered() else {
            return self.again(None).await;
        };
        let age = self.clock.now().since(known.fetched_at);
        if age < FRESH_FOR {
            return Ok(known);
        }
        if age < USABLE_FOR {
            self.renew(&known);
            return Ok(known);
        }
        self.again(Some(known)).await
    }

    /// The key that a token names, which must be one for its algorithm.
    ///
    /// # Errors
    /// The issuer has none such, or it cannot be asked.
    pub(super) async fn key(
        self: &Arc<Self>,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Key, OidcError> {
        let known = self.known().await?;
        if let Some(key) = known.find(kid, algorithm) {
            return Ok(key);
        }
        // It may have a new one; names that are made up cost the issuer a request now and then.
        let newer = self.again(Some(known)).await;
        let newer = newer.map_err(|_unreachable| OidcError::InvalidToken)?;
        newer.find(kid, algorithm).ok_or(OidcError::InvalidToken)
    }

    fn remembered(&self) -> Option<Arc<Known>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// Fetches everything anew beside what goes on, unless somebody does.
    fn renew(self: &Arc<Self>, seen: &Arc<Known>) {
        let Ok(turn) = Arc::clone(&self.turn).try_lock_owned() else {
            return;
        };
        let (provider, seen) = (Arc::clone(self), Arc::clone(seen));
        self.tasks.spawn(async move {
            // What failed is in the log; what is known is good for a while.
            let _outcome = provider.fetch_in_turn(turn, Some(&seen)).await;
        });
    }

    /// Fetches everything anew, once for all who ask, unless it was just tried; whoever asked may
    /// go away meanwhile.
    async fn again(self: &Arc<Self>, seen: Option<Arc<Known>>) -> Result<Arc<Known>, OidcError> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let (tell, told) = oneshot::channel();
        let provider = Arc::clone(self);
        self.tasks.spawn(async move {
            let outcome = provider.fetch_in_turn(turn, seen.as_ref()).await;
            // Nobody waits any more when they hung up.
            let _gone = tell.send(outcome);
        });
        let stopped = |_dropped| OidcError::Unavailable("the server stops");
        told.await.map_err(stopped)?
    }

    async fn fetch_in_turn(
        &self,
        mut turn: OwnedMutexGuard<Tried>,
        seen: Option<&Arc<Known>>,
    ) -> Result<Arc<Known>, OidcError> {
        if let Some(newer) = self.remembered()
            && seen.is_none_or(|seen| !Arc::ptr_eq(seen, &newer))
        {
            return Ok(newer);
        }
        let now = self.clock.now();
        let pause = if seen.is_some() {
            AGAIN_AFTER
        } else {
            FIRST_AGAIN_AFTER
        };
        if turn.is_some_and(|tried| now.since(tried) < pause) {
            return Err(OidcError::Unavailable("the issuer was asked just now"));
        }
        *turn = Some(now);
        let fetched = self.fetch(now).await;
        if let Err(error) = &fetched {
            tracing::warn!(issuer = self.issuer, cause = ?error, "cannot read the issuer");
        }
        let known = Arc::new(fetched?);
        let mut slot = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(Arc::clone(&known));
        Ok(known)
    }

    async fn fetch(&self, now: Timestamp) -> Result<Known, OidcError> {
        let base = self.issuer.trim_end_matches('/');
        let place = format!("{base}/.well-known/openid-configuration");
        let place = Url::parse(&place).map_err(|_bad| OidcError::Unavailable("oidc.issuer"))?;
        let metadata: Metadata = self.get(place).await?;
        // Another issuer's document must not pass for this one's (Discovery s4.3).
        if metadata.issuer != self.issuer {
            return Err(OidcError::Unavailable("the document is of another issuer"));
        }
        let set: Value = self.get(metadata.jwks_uri.clone()).await?;
        let keys = keys::read(&set);
        if keys.is_empty() {
            return Err(OidcError::Unavailable("the issuer has no usable key"));
        }
        Ok(Known {
            metadata,
            keys,
            fetched_at: now,
        })
    }

    async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T, OidcError> {
        let limits = FetchLimits::document().with_max_bytes(MAX_BYTES);
        let answer = self.execute(OutboundRequest::get(url, limits)).await?;
        if answer.status != StatusCode::OK {
            return Err(OidcError::Unavailable("the issuer answers no document"));
        }
        serde_json::from_slice(&answer.body)
            .map_err(|_unreadable| OidcError::Unavailable("a document of the issuer does not read"))
    }

    /// Asks the issuer, by the one guarded way out.
    pub(super) async fn execute(
        &self,
        request: OutboundRequest,
    ) -> Result<OutboundResponse, OidcError> {
        self.transport.execute(request).await.map_err(|error| {
            tracing::debug!(%error, "the issuer does not answer");
            OidcError::Unavailable("the issuer does not answer")
        })
    }
}

impl Known {
    /// The key with this name; without a name, the only one that fits.
    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<Key> {
        let fits = |key: &&Key| {
            key.algorithms.contains(&algorithm)
                && kid.is_none_or(|kid| key.kid.as_deref() == Some(kid))
        };
        let mut fitting = self.keys.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Some(key.clone()),
            (Some(key), Some(_)) if kid.is_some() => Some(key.clone()),
            _ => None,
        }
    }
}
