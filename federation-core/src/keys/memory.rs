//! Keys in memory: for tests, and for what need not outlive the process.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;
use url::Url;

use super::store::{KeyChange, KeyStage, KeyStep, LocalKeyStore, StoredKey};
use crate::clock::Timestamp;
use crate::store::StoreError;

/// Keys in memory.
#[derive(Debug, Default)]
pub struct MemoryKeyStore {
    keys: Mutex<BTreeMap<Url, Vec<StoredKey>>>,
}

impl MemoryKeyStore {
    fn with<T>(&self, use_it: impl FnOnce(&mut BTreeMap<Url, Vec<StoredKey>>) -> T) -> T {
        // A change is made whole or not at all, so a panic elsewhere leaves nothing half done.
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        use_it(&mut keys)
    }
}

/// Takes a step on the keys of one actor; whether it was not void.
fn take(keys: &mut Vec<StoredKey>, change: KeyChange) -> bool {
    let has = |stage| keys.iter().any(|key| key.stage == stage);
    let moves: &[(KeyStage, KeyStage)] = match change.step {
        KeyStep::First if keys.is_empty() => &[],
        KeyStep::Publish if !has(KeyStage::Next) && !has(KeyStage::Previous) => &[],
        KeyStep::Switch if has(KeyStage::Next) && !has(KeyStage::Previous) => &[
            (KeyStage::Current, KeyStage::Previous),
            (KeyStage::Next, KeyStage::Current),
        ],
        KeyStep::Retire if has(KeyStage::Previous) => &[(KeyStage::Previous, KeyStage::Retired)],
        _ => return false,
    };
    for key in keys.iter_mut() {
        if let Some((_, to)) = moves.iter().find(|(from, _)| *from == key.stage) {
            key.stage = *to;
            key.stage_since = change.at;
            if *to == KeyStage::Retired {
                key.sealed.clear();
            }
        }
    }
    keys.splice(0..0, change.inserted);
    true
}

impl LocalKeyStore for MemoryKeyStore {
    fn of_actor<'a>(&'a self, actor: &'a Url) -> BoxFuture<'a, Result<Vec<StoredKey>, StoreError>> {
        let mut keys = self.with(|keys| keys.get(actor).cloned().unwrap_or_default());
        keys.retain(|key| key.stage != KeyStage::Retired);
        Box::pin(async move { Ok(keys) })
    }

    fn change(&self, change: KeyChange) -> BoxFuture<'_, Result<bool, StoreError>> {
        let taken = self.with(|keys| take(keys.entry(change.actor.clone()).or_default(), change));
        Box::pin(async move { Ok(taken) })
    }

    fn due(
        &self,
        stage: KeyStage,
        since: Timestamp,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Url>, StoreError>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let due = |key: &StoredKey| key.stage == stage && key.stage_since <= since;
        let actors = self.with(|keys| {
            // A rotation that is under way is not begun again.
            let free = |keys: &[StoredKey]| {
                stage != KeyStage::Current || keys.iter().all(|key| key.stage == stage)
            };
            let found = keys
                .iter()
                .filter(|(_, keys)| keys.iter().any(due) && free(keys));
            found.map(|(actor, _)| actor.clone()).take(limit).collect()
        });
        Box::pin(async move { Ok(actors) })
    }
}
