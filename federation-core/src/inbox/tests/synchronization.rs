//! What senders say about their followers, and who may say it; numbers are those of the attack
//! checklist.

use std::sync::Mutex;

use futures_util::future::BoxFuture;
use http::HeaderMap;

use super::*;
use crate::followers::{FollowersDecorator, FollowersSource, HEADER, Synchronization};
use crate::outbox::{ClaimedDelivery, DeliveryDecorator as _, DeliveryId, PeerHealth};
use crate::signature::{BodyDigest, RequestToSign};

fn world() -> World {
    let world = World::new();
    let mut bob = person(BOB, &BOBS);
    bob["followers"] = json!(format!("{BOB}/followers"));
    world.web.serve(BOB, &bob);
    world
}

fn said(actor: &str) -> Synchronization {
    Synchronization {
        collection_id: url(&format!("{actor}/followers")),
        url: url(&format!("{actor}/followers_synchronization")),
        digest: [url("https://here.example/users/alice")].iter().collect(),
    }
}

fn header(said: &Synchronization) -> HeaderMap {
    HeaderMap::from_iter([(HEADER, said.to_string().parse().unwrap())])
}

/// Sends a follow of bob's with these headers, signed or put beside the signature.
async fn send(
    scheme: Scheme,
    key: &SigningKey,
    signed: &HeaderMap,
    beside: &HeaderMap,
) -> Verified {
    let world = world();
    let mut sent = activity("Follow", BOB, "https://here.example/users/alice");
    if key.key_id() != BOBS.key_id() {
        sent = proven(&sent, &BOBS, &world);
    }
    let body = serde_json::to_vec(&sent).unwrap();
    let target = url(HERE).join("/inbox").unwrap();
    let mut headers = RequestToSign::new(&Method::POST, &target, world.clock.now())
        .digest(BodyDigest::of(&body))
        .headers(signed)
        .sign(scheme, key)
        .unwrap();
    headers.extend(beside.clone());
    let body = Bytes::from(body);
    let request = InboundRequest::new(Method::POST, &url(HERE), "/inbox", headers, body);
    world.inbox.authenticate(request.unwrap()).await.unwrap()
}

#[tokio::test]
async fn attack_44_only_the_actor_speaks_of_its_followers_and_signs_it() {
    let none = HeaderMap::new();
    for scheme in [Scheme::Cavage, Scheme::Rfc9421] {
        let own = header(&said(BOB));
        let verified = send(scheme, &BOBS, &own, &none).await;
        assert_eq!(verified.synchronization(), Some(&said(BOB)));
        // Not signed; somebody else's; through other hands.
        let unsigned = send(scheme, &BOBS, &none, &own).await;
        assert_eq!(unsigned.synchronization(), None);
        for forged in [said(CAROL), said(MALLORY)] {
            let forged = send(scheme, &BOBS, &header(&forged), &none).await;
            assert_eq!(forged.synchronization(), None);
        }
        let forwarded = send(scheme, &MALLORYS, &own, &none).await;
        assert_eq!(forwarded.synchronization(), None);
        let nonsense = HeaderMap::from_iter([(HEADER, "nonsense".parse().unwrap())]);
        let nonsense = send(scheme, &BOBS, &nonsense, &none).await;
        assert_eq!(nonsense.synchronization(), None);
    }
}

#[derive(Debug, Default)]
struct Source(Mutex<Vec<String>>);

impl FollowersSource for Source {
    fn collection(&self, actor: &Url) -> Option<Url> {
        Some(url(&format!("{actor}/followers")))
    }

    fn synchronization<'a>(
        &'a self,
        actor: &'a Url,
        peer: &'a Url,
    ) -> BoxFuture<'a, Option<Synchronization>> {
        self.0.lock().unwrap().push(peer.to_string());
        Box::pin(async move { Some(said(actor.as_str())) })
    }
}

#[tokio::test]
async fn what_goes_to_followers_says_who_they_are() {
    let source = Arc::new(Source::default());
    let decorator = FollowersDecorator::new(Arc::<Source>::clone(&source));
    let now = Timestamp::from_millis(1_795_190_734_000);
    let delivery = |to: &str| {
        let mut sent = activity("Create", BOB, note("https://there.example/notes/1", BOB));
        sent["to"] = json!([to]);
        ClaimedDelivery {
            id: DeliveryId::new(now),
            lane: 1,
            lease: String::new(),
            peer: "here.example".to_owned(),
            inbox: url("https://here.example/inbox"),
            recipients: Vec::new(),
            activity_id: url("https://there.example/creates/1"),
            actor_id: url(BOB),
            body: Bytes::from(sent.to_string()),
            attempts: 0,
            last_status: None,
            queued_at: now,
            peer_health: PeerHealth::default(),
        }
    };
    let private = delivery("https://here.example/users/alice");
    assert!(decorator.headers(&private).await.is_empty());
    assert!(source.0.lock().unwrap().is_empty());
    let told = decorator
        .headers(&delivery(&format!("{BOB}/followers")))
        .await;
    assert_eq!(told, header(&said(BOB)));
    assert_eq!(*source.0.lock().unwrap(), ["https://here.example/inbox"]);
}
