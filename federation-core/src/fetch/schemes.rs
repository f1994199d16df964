//! The memory of which signatures each server takes, shared by everything that signs or verifies.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use moka::sync::Cache;
use serde_json::Value;
use url::Url;

use crate::outbox::peer_of;
use crate::signature::PeerScheme;
use crate::store::StoreError;
use crate::vocab::Map;

/// Servers that are held in memory.
const HELD: u64 = 10_000;
/// How long what was read from the store counts.
const FRESH: Duration = Duration::from_mins(10);
/// Entries of `implements` that are looked at.
const MAX_FEATURES: usize = 32;
/// What an application that knows RFC 9421 says it implements (FEP-844e, registry).
const RFC_9421: [&str; 2] = [
    "https://datatracker.ietf.org/doc/html/rfc9421",
    "https://www.rfc-editor.org/rfc/rfc9421",
];

/// Where it is written down which signatures each server takes.
pub trait SchemeStore: fmt::Debug + Send + Sync + 'static {
    /// What is known of a server, by host, and port where it is not the scheme's own.
    fn load<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Option<PeerScheme>, StoreError>>;

    /// Notes what was learned.
    fn save<'a>(
        &'a self,
        host: &'a str,
        scheme: PeerScheme,
    ) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// Which signatures each server takes. Cheap to clone; bounded.
///
/// A failing store is as good as none: at worst a server is asked twice.
#[derive(Clone)]
pub struct SchemeMemory {
    held: Cache<String, Option<PeerScheme>>,
    store: Option<Arc<dyn SchemeStore>>,
}

impl SchemeMemory {
    /// A memory that lasts as long as the process.
    pub fn new() -> Self {
        let held = Cache::builder()
            .max_capacity(HELD)
            .time_to_live(FRESH)
            .build();
        Self { held, store: None }
    }

    /// A memory that lasts in `store`.
    pub fn lasting(store: Arc<dyn SchemeStore>) -> Self {
        Self {
            store: Some(store),
            ..Self::new()
        }
    }

    /// What is known of the server of `url`.
    pub async fn of(&self, url: &Url) -> Option<PeerScheme> {
        let host = peer_of(url);
        if let Some(known) = self.held.get(&host) {
            return known;
        }
        let store = self.store.as_ref()?;
        match store.load(&host).await {
            Ok(known) => {
                self.held.insert(host, known);
                known
            }
            Err(error) => {
                tracing::warn!(%error, %host, "cannot read which signatures a server takes");
                None
            }
        }
    }

    /// Notes what the server of `url` was seen to take.
    pub async fn learn(&self, url: &Url, scheme: PeerScheme) {
        if self.of(url).await == Some(scheme) {
            return;
        }
        let host = peer_of(url);
        if let Some(store) = &self.store
            && let Err(error) = store.save(&host, scheme).await
        {
            tracing::warn!(%error, %host, "cannot note which signatures a server takes");
        }
        self.held.insert(host, Some(scheme));
    }

    /// Notes that the server of `url` shows that it knows RFC 9421: it has sent such a signature
    /// that verified, or advertises it. One that has refused such signatures is left as it is.
    pub async fn knows_rfc9421(&self, url: &Url) {
        if self.of(url).await != Some(PeerScheme::CavageOnly) {
            self.learn(url, PeerScheme::Rfc9421).await;
        }
    }
}

impl Default for SchemeMemory {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SchemeMemory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SchemeMemory")
            .field("held", &self.held.entry_count())
            .field("store", &self.store)
            .finish()
    }
}

/// Whether an actor's document says that its server knows RFC 9421: by `implements` of an
/// application, or of the `generator` of any actor (FEP-844e).
pub(super) fn advertises_rfc9421(document: &Map<String, Value>) -> bool {
    let generator = document.get("generator").and_then(Value::as_object);
    let lists = [Some(document), generator].into_iter().flatten();
    lists
        .filter_map(|application| application.get("implements"))
        .flat_map(|features| match features {
            Value::Array(list) => list.as_slice(),
            single => std::slice::from_ref(single),
        })
        .take(MAX_FEATURES)
        .filter_map(|feature| feature.get("href").unwrap_or(feature).as_str())
        .any(|href| RFC_9421.contains(&href.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_applications_implement() {
        let says = |document: Value| advertises_rfc9421(document.as_object().unwrap());
        let feature = json!({"href": RFC_9421[0], "name": "RFC-9421"});
        assert!(says(
            json!({"type": "Application", "implements": [feature]})
        ));
        assert!(says(json!({"generator": {"implements": feature}})));
        assert!(says(json!({"implements": [1, {"href": 2}, RFC_9421[1]]})));
        assert!(!says(
            json!({"implements": [{"href": "https://other.example/"}]})
        ));
        assert!(!says(
            json!({"implements": {"href": null}, "generator": "x"})
        ));
        assert!(!says(json!({})));
    }
}
