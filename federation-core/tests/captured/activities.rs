//! What the inbox makes of the recorded activities: honest servers ask for nothing it refuses.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use federation_core::fetch::{BlockedDomains, Cause};
use federation_core::inbox::{Inbox, InboxConfig, KeyDirectory, KeyLookupError, OwnedKey};
use federation_core::signature::PublicKey;
use federation_core::testing::ManualClock;
use federation_core::vocab::{Actor, ActorKind};
use futures_util::future::BoxFuture;
use http::Method;
use url::Url;

use crate::recording::{keys, requests, that_day};

/// The recorded keys, each of the actor that its id names; the newest last.
#[derive(Debug)]
pub(crate) struct RecordedKeys(pub(crate) HashMap<String, Vec<PublicKey>>);

impl RecordedKeys {
    fn find(&self, key_id: &Url, newest: bool) -> Result<OwnedKey, KeyLookupError> {
        let known = self.0.get(key_id.as_str());
        let key = known.and_then(|keys| if newest { keys.last() } else { keys.first() });
        let key = key.ok_or_else(|| KeyLookupError::Unusable(Cause::from("not recorded")))?;
        let mut id = key_id.clone();
        id.set_fragment(None);
        Ok(OwnedKey {
            owner: Arc::new(Actor::new(id.clone(), ActorKind::Person, id)),
            key: key.clone(),
        })
    }
}

impl KeyDirectory for RecordedKeys {
    fn key<'a>(&'a self, key_id: &'a Url) -> BoxFuture<'a, Result<OwnedKey, KeyLookupError>> {
        Box::pin(async { self.find(key_id, false) })
    }

    fn refresh_key<'a>(
        &'a self,
        key_id: &'a Url,
    ) -> BoxFuture<'a, Result<OwnedKey, KeyLookupError>> {
        Box::pin(async { self.find(key_id, true) })
    }

    fn is_gone<'a>(&'a self, _actor: &'a Url) -> BoxFuture<'a, bool> {
        Box::pin(async { false })
    }
}

#[tokio::test]
async fn every_recorded_activity_is_accepted() {
    let directory = Arc::new(RecordedKeys(keys().0));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (server, _, captured) in requests() {
        if captured.method != Method::POST {
            continue;
        }
        let inbox = Inbox::new(
            InboxConfig::new(captured.origin.clone()),
            directory.clone(),
            Arc::new(BlockedDomains::default()),
            Arc::new(ManualClock::new(that_day())),
        );
        let verified = inbox.authenticate(captured.request()).await;
        let verified = verified.unwrap_or_else(|fault| panic!("{}: {fault:?}", captured.file));
        let what = format!("{server} {}", verified.activity().kind);
        *counts.entry(what).or_default() += 1;
    }
    for (what, count) in &counts {
        println!("{count:4} {what}");
    }
    assert_eq!(counts.values().sum::<usize>(), 114);
}
