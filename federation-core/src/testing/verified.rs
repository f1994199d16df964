//! Verified activities for tests of handlers, made the only way there is: signed and received.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::Method;
use serde_json::Value;
use url::Url;

use crate::clock::Timestamp;
use crate::fetch::BlockedDomains;
use crate::inbox::{
    InboundRequest, Inbox, InboxConfig, KeyDirectory, KeyLookupError, OwnedKey, ReceiveError,
    Verified,
};
use crate::signature::{Algorithm, PrivateKey, Scheme, SigningKey, sign_request};
use crate::testing::ManualClock;
use crate::vocab::{Actor, ActorKind};

/// An activity as the inbox of the server `own` gives it to handlers, received at `now`.
///
/// It is signed by a new key of its actor, and passes every check that others pass. The actor's
/// document is a `Person` with an inbox below its id.
///
/// ```
/// use federation_core::Timestamp;
/// use federation_core::testing::verified;
/// use serde_json::json;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let activity = json!({
///     "id": "https://there.example/follows/1", "type": "Follow",
///     "actor": "https://there.example/users/bob", "object": "https://here.example/users/alice",
/// });
/// let own = "https://here.example".parse()?;
/// let verified = verified(&own, &activity, Timestamp::from_millis(1_795_190_734_000))?;
/// assert_eq!(verified.actor().id.as_str(), "https://there.example/users/bob");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// What the inbox refuses.
///
/// # Panics
/// When the activity has no `actor` that is a URL, or `own` is no origin.
#[expect(
    clippy::expect_used,
    reason = "for tests, whose faults are told by panics"
)]
pub fn verified(own: &Url, activity: &Value, now: Timestamp) -> Result<Verified, ReceiveError> {
    let actor = activity
        .get("actor")
        .and_then(Value::as_str)
        .and_then(|text| Url::parse(text).ok())
        .expect("the activity names its actor by a URL");
    let mut key_id = actor.clone();
    key_id.set_fragment(Some("main-key"));
    let key = PrivateKey::generate(Algorithm::Ed25519).expect("OpenSSL makes a key");
    let key = SigningKey::new(key_id, key);
    let mut inbox = actor.clone();
    inbox.set_path(&format!("{}/inbox", actor.path()));
    let owned = OwnedKey {
        owner: Arc::new(Actor::new(actor, ActorKind::Person, inbox)),
        key: key.key().public_key(),
    };

    let body = activity.to_string();
    let mut target = own.clone();
    target.set_path("/inbox");
    let method = Method::POST;
    let scheme = Scheme::Rfc9421;
    let headers = sign_request(scheme, &key, &method, &target, Some(body.as_bytes()), now)
        .expect("the request can be signed");
    let request = InboundRequest::new(method, own, "/inbox", headers, Bytes::from(body))
        .expect("the origin has a host");
    let mut config = InboxConfig::new(own.clone());
    config.policy.allow_http = true;
    Inbox::new(
        config,
        Arc::new(OneKey(owned)),
        Arc::new(BlockedDomains::default()),
        Arc::new(ManualClock::new(now)),
    )
    .authenticate(request)
    .now_or_never()
    .expect("nothing here waits")
}

/// The directory of a world with one key.
#[derive(Debug)]
struct OneKey(OwnedKey);

impl KeyDirectory for OneKey {
    fn key<'a>(&'a self, _key_id: &'a Url) -> BoxFuture<'a, Result<OwnedKey, KeyLookupError>> {
        Box::pin(async { Ok(self.0.clone()) })
    }

    fn refresh_key<'a>(
        &'a self,
        _key_id: &'a Url,
    ) -> BoxFuture<'a, Result<OwnedKey, KeyLookupError>> {
        Box::pin(async { Ok(self.0.clone()) })
    }

    fn is_gone<'a>(&'a self, _actor: &'a Url) -> BoxFuture<'a, bool> {
        Box::pin(async { false })
    }
}
