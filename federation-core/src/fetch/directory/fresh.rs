//! What is known without a fetch, and what was fetched no earlier than asked for.

use std::sync::Arc;

use url::Url;

use super::error::DirectoryError;
use super::key::ResolvedKey;
use super::{Directory, Entry};
use crate::clock::Timestamp;
use crate::fetch::guard::canonical_host;
use crate::vocab::Actor;

impl Directory {
    /// The key that a signature names, when memory holds its owner and that is not stale.
    ///
    /// Nothing is fetched, and no store is read.
    pub async fn known_key(&self, key_id: &Url) -> Option<Arc<ResolvedKey>> {
        let now = self.clock.now();
        let mut owner = key_id.clone();
        if key_id.fragment().is_some() {
            owner.set_fragment(None);
        } else if let Some(entry) = self.key_owners.get(key_id).await {
            owner = fresh(entry, now)?.as_ref().clone();
        }
        let resident = fresh(self.actors.get(&owner).await?, now)?;
        resident.resolved(key_id)
    }

    /// The actor as its server showed it at `moment` or later.
    ///
    /// # Errors
    /// As [`Directory::refresh`]; and [`DirectoryError::OverBudget`], which says when, while the
    /// actor was fetched before `moment` and cannot be fetched again yet, or its server cannot be
    /// reached.
    pub async fn actor_since(
        &self,
        id: &Url,
        moment: Timestamp,
    ) -> Result<Arc<Actor>, DirectoryError> {
        let entry = self.refreshed(id).await;
        let resident = entry.outcome?;
        // What is used for want of anything newer is good for a shorter time.
        let is_newest = entry.good_until >= entry.fetched_at.plus(self.config.fresh_for);
        if is_newest && entry.fetched_at >= moment {
            return Ok(Arc::clone(&resident.actor));
        }
        let due = entry.fetched_at.plus(self.config.refresh_interval);
        Err(DirectoryError::OverBudget {
            host: canonical_host(id.host_str().unwrap_or_default()),
            retry_after: due.since(self.clock.now()),
        })
    }
}

fn fresh<T>(entry: Entry<T>, now: Timestamp) -> Option<Arc<T>> {
    entry.outcome.ok().filter(|_| entry.good_until > now)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, StatusCode};
    use serde_json::json;

    use super::*;
    use crate::clock::Clock as _;
    use crate::fetch::{DirectoryConfig, MemoryActorCache, Transport};
    use crate::testing::{ManualClock, ScriptedTransport};

    const BOB: &str = "https://there.example/users/bob";

    fn world() -> (Arc<ScriptedTransport>, Arc<ManualClock>, Directory) {
        let web = Arc::new(ScriptedTransport::new());
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_000)));
        let transport: Arc<dyn Transport> = Arc::<ScriptedTransport>::clone(&web);
        let time: Arc<dyn crate::clock::Clock> = Arc::<ManualClock>::clone(&clock);
        let cache = Arc::new(MemoryActorCache::default());
        let config = DirectoryConfig::default();
        let directory = Directory::new(transport, cache, None, time, config);
        serve(&web, "bob");
        (web, clock, directory)
    }

    fn serve(web: &ScriptedTransport, name: &str) {
        let inbox = format!("{BOB}/inbox");
        let bob = json!({"id": BOB, "type": "Person", "inbox": inbox, "name": name});
        web.serve(BOB, &bob);
    }

    #[tokio::test]
    async fn an_actor_that_changed_right_after_its_fetch_is_asked_for_again() {
        let (web, clock, directory) = world();
        let bob = Url::parse(BOB).unwrap();
        directory.actor(&bob).await.unwrap();
        clock.advance(Duration::from_secs(20));
        serve(&web, "Robert");
        let told = clock.now();
        // Too soon for another fetch: later, and not never.
        let refused = directory.actor_since(&bob, told).await.unwrap_err();
        assert!(refused.is_retryable());
        assert_eq!(refused.retry_after(), Some(Duration::from_secs(40)));
        clock.advance(Duration::from_secs(40));
        let found = directory.actor_since(&bob, told).await.unwrap();
        assert_eq!(found.name.as_deref(), Some("Robert"));
        assert_eq!(web.count(BOB), 2);
        // What is used for want of anything newer is no answer.
        clock.advance(Duration::from_mins(2));
        web.answer(BOB, StatusCode::BAD_GATEWAY, HeaderMap::new());
        let refused = directory.actor_since(&bob, clock.now()).await.unwrap_err();
        assert!(refused.is_retryable());
        assert!(directory.actor(&bob).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_not_known_is_not_fetched() {
        let (web, _clock, directory) = world();
        for key in [
            format!("{BOB}#main-key"),
            BOB.to_owned(),
            format!("{BOB}/main-key"),
        ] {
            assert!(
                directory
                    .known_key(&Url::parse(&key).unwrap())
                    .await
                    .is_none()
            );
        }
        assert!(web.requests().is_empty());
    }
}
