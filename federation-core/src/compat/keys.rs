//! Keys that the application keeps as PEM text, as `activitypub_federation` asks for them.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use moka::future::Cache;
use url::Url;

use crate::federation::LocalKeyRing;
use crate::outbox::{KeySource, KeySourceError};
use crate::signature::{Algorithm, PrivateKey, SigningKey};
use crate::vocab::ActorKey;

/// Actors whose keys are held parsed at once.
const PARSED_ACTORS: u64 = 10_000;
/// How long, so that a key that the application has changed is used soon.
const PARSED_FOR: std::time::Duration = std::time::Duration::from_mins(10);

type Find = dyn Fn(Url) -> BoxFuture<'static, Result<Option<String>, KeySourceError>> + Send + Sync;

/// RSA keys by actor, from wherever the application keeps them as PKCS#8 or PKCS#1 PEM.
///
/// The key id is `{actor}#main-key`, which the documents of that crate show.
#[derive(Clone)]
pub struct PemKeys {
    find: Arc<Find>,
    parsed: Cache<Url, SigningKey>,
}

impl PemKeys {
    /// Asks `find` for the private key of an actor by its id; `None` when there is none.
    pub fn new<F, R>(find: F) -> Self
    where
        F: Fn(Url) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Option<String>, KeySourceError>> + Send + 'static,
    {
        Self {
            find: Arc::new(move |actor| Box::pin(find(actor))),
            parsed: Cache::builder()
                .max_capacity(PARSED_ACTORS)
                .time_to_live(PARSED_FOR)
                .build(),
        }
    }

    async fn of(&self, actor: &Url) -> Result<SigningKey, KeySourceError> {
        let read = async {
            let pem = (self.find)(actor.clone()).await?;
            let pem = pem.ok_or_else(|| unusable(&format!("{actor} has none")))?;
            let key = PrivateKey::from_pem(Algorithm::RsaSha256, &pem);
            let key = key.map_err(|error| unusable(&error))?;
            let mut key_id = actor.clone();
            key_id.set_fragment(Some("main-key"));
            Ok::<_, KeySourceError>(SigningKey::new(key_id, key))
        };
        let found = self.parsed.try_get_with_by_ref(actor, read).await;
        found.map_err(|error| KeySourceError {
            reason: error.reason.clone(),
            retryable: error.retryable,
        })
    }
}

fn unusable(reason: &dyn fmt::Display) -> KeySourceError {
    KeySourceError {
        reason: reason.to_string(),
        retryable: false,
    }
}

impl fmt::Debug for PemKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PemKeys").finish_non_exhaustive()
    }
}

impl KeySource for PemKeys {
    fn signing_key<'a>(
        &'a self,
        actor_id: &'a Url,
    ) -> BoxFuture<'a, Result<SigningKey, KeySourceError>> {
        Box::pin(self.of(actor_id))
    }
}

impl LocalKeyRing for PemKeys {
    fn published<'a>(
        &'a self,
        actor: &'a Url,
    ) -> BoxFuture<'a, Result<Vec<ActorKey>, KeySourceError>> {
        Box::pin(async move {
            let key = self.of(actor).await?;
            let pem = key.key().public_key().to_pem();
            let pem = pem.map_err(|error| unusable(&error))?;
            Ok(vec![ActorKey::pem(
                key.key_id().clone(),
                actor.clone(),
                pem,
            )])
        })
    }
}
