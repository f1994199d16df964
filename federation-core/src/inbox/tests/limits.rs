//! What one source and one peer may cost; numbers are those of the attack checklist.

use std::net::IpAddr;
use std::time::Duration;

use http::StatusCode;

use super::*;
use crate::inbox::{InboundLimiter, Rate, RateLimits, Step};

const NOTE: &str = "https://there.example/notes/1";

fn limited(change: impl FnOnce(&mut RateLimits)) -> World {
    let mut world = World::new();
    let mut limits = RateLimits::default();
    change(&mut limits);
    world.inbox = world.inbox.limited(Arc::new(InboundLimiter::new(limits)));
    world
}

fn source(last: u8) -> IpAddr {
    IpAddr::from([203, 0, 113, last])
}

async fn send_from(
    world: &World,
    address: IpAddr,
    key: &SigningKey,
    sent: &Value,
) -> Result<Verified, ReceiveError> {
    let body = serde_json::to_vec(sent).unwrap();
    let request = world.sign(key, &body).from_source(address);
    world.inbox.authenticate(request).await
}

fn follow(actor: &str) -> Value {
    activity("Follow", actor, "https://here.example/users/alice")
}

fn one_each(seconds: u64, burst: u32) -> Rate {
    Rate::new(burst, Duration::from_secs(seconds))
}

#[tokio::test]
async fn attack_64_a_source_is_bounded_before_anything_is_read() {
    let world = limited(|limits| limits.per_source = Some(one_each(10, 2)));
    for _ in 0..2 {
        let refused = send_from(&world, source(1), &BOBS, &json!({})).await;
        assert_eq!(refused.unwrap_err().step(), Step::Shape);
    }
    let refused = send_from(&world, source(1), &BOBS, &follow(BOB))
        .await
        .unwrap_err();
    assert_eq!(refused.step(), Step::Rate);
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.code(), "too_many_requests");
    assert!(refused.is_retryable());
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(10)));
    assert_eq!(world.fetches(), 0);
    send_from(&world, source(2), &BOBS, &follow(BOB))
        .await
        .unwrap();
    world.clock.advance(Duration::from_secs(10));
    send_from(&world, source(1), &BOBS, &follow(BOB))
        .await
        .unwrap();
}

#[tokio::test]
async fn attack_64_headers_of_clients_make_no_other_source() {
    let world = limited(|limits| limits.per_source = Some(one_each(10, 1)));
    let body = serde_json::to_vec(&follow(BOB)).unwrap();
    for number in 0..3_u8 {
        let signed = world.sign(&BOBS, &body);
        let mut headers = signed.headers().clone();
        for name in ["x-forwarded-for", "x-real-ip", "forwarded"] {
            headers.insert(name, format!("198.51.100.{number}").parse().unwrap());
        }
        let body = Bytes::copy_from_slice(&body);
        let request = InboundRequest::new(Method::POST, &url(HERE), "/inbox", headers, body);
        let request = request.unwrap().from_source(source(1));
        assert_eq!(world.inbox.authenticate(request).await.is_ok(), number == 0);
    }
}

#[tokio::test]
async fn attack_64_a_peer_is_bounded_by_its_proven_domain() {
    let world = limited(|limits| limits.per_peer = Some(one_each(10, 2)));
    send_from(&world, source(1), &BOBS, &follow(BOB))
        .await
        .unwrap();
    send_from(&world, source(2), &CAROLS, &follow(CAROL))
        .await
        .unwrap();
    let refused = send_from(&world, source(3), &BOBS, &follow(BOB))
        .await
        .unwrap_err();
    assert!(matches!(refused, ReceiveError::TooMany(_)));
    send_from(&world, source(3), &MALLORYS, &follow(MALLORY))
        .await
        .unwrap();
    // Nobody uses up what belongs to others by naming them.
    world.clock.advance(Duration::from_secs(20));
    let forged = SigningKey::new(BOBS.key_id().clone(), MALLORYS.key().clone());
    for _ in 0..5 {
        assert!(
            send_from(&world, source(4), &forged, &follow(BOB))
                .await
                .is_err()
        );
    }
    send_from(&world, source(1), &BOBS, &follow(BOB))
        .await
        .unwrap();
}

#[tokio::test]
async fn attack_64_parallel_requests_share_the_places_of_their_peer() {
    let world = Arc::new(limited(|limits| limits.per_peer = Some(one_each(60, 10))));
    world.send_as_bob(&follow(BOB)).await.unwrap();
    let sending: Vec<_> = (0..100)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.send_as_bob(&follow(BOB)).await.is_ok() })
        })
        .collect();
    let mut taken = 0;
    for one in sending {
        taken += usize::from(one.await.unwrap());
    }
    assert_eq!(taken, 9);
}

#[tokio::test]
async fn attack_52_a_stranger_pays_for_the_fetches_it_causes() {
    let world = limited(|limits| limits.fetches_per_source = Some(one_each(10, 2)));
    send_from(&world, source(1), &BOBS, &follow(BOB))
        .await
        .unwrap();
    for number in 0..5 {
        let unknown = url(&format!("https://victim{number}.example/users/x#k"));
        let key = SigningKey::new(unknown.clone(), BOBS.key().clone());
        let mut actor = unknown;
        actor.set_fragment(None);
        let refused = send_from(&world, source(1), &key, &follow(actor.as_str())).await;
        let refused = refused.unwrap_err();
        let expected = if number < 1 { Step::Key } else { Step::Rate };
        assert_eq!(refused.step(), expected, "{refused:?}");
    }
    assert_eq!(world.fetches(), 2);
    // Whoever is known costs nothing, wherever the request comes from.
    for _ in 0..5 {
        send_from(&world, source(1), &BOBS, &follow(BOB))
            .await
            .unwrap();
    }
    // What others forward costs a place too.
    send_from(&world, source(2), &MALLORYS, &follow(MALLORY))
        .await
        .unwrap();
    let brought = activity("Create", BOB, note(NOTE, BOB));
    let refused = send_from(&world, source(2), &MALLORYS, &brought)
        .await
        .unwrap_err();
    assert_eq!(refused.step(), Step::Origin);
    let refused = send_from(&world, source(2), &MALLORYS, &brought)
        .await
        .unwrap_err();
    assert_eq!(refused.step(), Step::Rate);
    assert_eq!(world.web.count(brought["id"].as_str().unwrap()), 1);
}

/// The proof of each is by a key that has to be fetched from another server.
fn passed_on(number: u8, world: &World) -> Value {
    let actor = format!("https://victim{number}.example/users/x");
    let key = SigningKey::new(url(&key_id(&actor)), BOBS.key().clone());
    proven(&activity("Like", &actor, NOTE), &key, world)
}

#[tokio::test]
async fn attack_52_a_stream_pays_for_the_fetches_it_causes() {
    let world = limited(|limits| limits.fetches_per_source = Some(one_each(10, 3)));
    let send = async |holder: &str, sent: &Value| {
        let body = serde_json::to_vec(sent).unwrap();
        let request = world.sign(&MALLORYS, &body).over_stream_of(&url(holder));
        world.inbox.authenticate(request).await.unwrap_err()
    };
    // Mallory's key, and two of what is passed on: looked up as key, then at the origin.
    let refused = send(MALLORY, &passed_on(0, &world)).await;
    assert_eq!(refused.step(), Step::Origin, "{refused:?}");
    for number in 1..4 {
        let before = world.fetches();
        let refused = send(MALLORY, &passed_on(number, &world)).await;
        assert_eq!(refused.step(), Step::Rate, "{refused:?}");
        assert_eq!(refused.retry_after(), Some(Duration::from_secs(10)));
        assert_eq!(world.fetches(), before);
    }
    // Another node's stream has places of its own.
    let refused = send("https://other.example/actor", &passed_on(5, &world)).await;
    assert_eq!(refused.step(), Step::Origin, "{refused:?}");
    world.clock.advance(Duration::from_secs(20));
    let refused = send(MALLORY, &passed_on(6, &world)).await;
    assert_eq!(refused.step(), Step::Origin, "{refused:?}");
}

#[tokio::test]
async fn attack_52_a_group_pays_for_the_keys_of_what_it_announces() {
    let world = limited(|limits| limits.fetches_per_source = Some(one_each(10, 2)));
    for number in 0..5 {
        let announce = activity("Announce", MALLORY, passed_on(number, &world));
        let verified = world.send(&MALLORYS, &announce).await.unwrap();
        let key = key_id(&format!("https://victim{number}.example/users/x"));
        let key = key.trim_end_matches("#main-key");
        let refused = world.inbox.announced(&verified).await.unwrap_err();
        let expected = if number < 2 { Step::Origin } else { Step::Rate };
        assert_eq!(refused.step(), expected, "{refused:?}");
        assert_eq!(world.web.count(key) > 0, number < 2);
    }
}

#[tokio::test]
async fn attack_60_many_key_ids_cost_one_victim_little() {
    let world = World::new();
    for number in 0..200 {
        let id = url(&format!("https://victim.example/users/{number}#k"));
        let key = SigningKey::new(id.clone(), BOBS.key().clone());
        let mut actor = id;
        actor.set_fragment(None);
        world.send(&key, &follow(actor.as_str())).await.unwrap_err();
    }
    // The burst of the budget of one host.
    assert_eq!(world.fetches(), 60);
    // Nor does one that is asked about again and again.
    let world = World::new();
    let nobody = url("https://victim.example/nobody#k");
    let key = SigningKey::new(nobody, BOBS.key().clone());
    for _ in 0..50 {
        let sent = follow("https://victim.example/nobody");
        world.send(&key, &sent).await.unwrap_err();
    }
    assert!(world.fetches() <= 2, "{}", world.fetches());
}

#[tokio::test]
async fn attack_59_endless_recipients_cost_no_fetch() {
    let world = World::new();
    let many = |count: usize| -> Value {
        let ids = (0..count).map(|n| format!("https://victim{n}.example/users/x"));
        ids.collect()
    };
    for property in ["to", "cc", "audience", "tag"] {
        let mut sent = activity("Create", BOB, note(NOTE, BOB));
        sent[property] = many(100_000);
        let refused = world.send_as_bob(&sent).await.unwrap_err();
        assert!(
            matches!(refused.step(), Step::Size | Step::Shape),
            "{property} {refused:?}"
        );
        sent[property] = many(10_000);
        let refused = world.send_as_bob(&sent).await.unwrap_err();
        assert_eq!(refused.step(), Step::Shape, "{property}");
        let mut inside = activity("Create", BOB, note(NOTE, BOB));
        inside["object"][property] = many(10_000);
        let refused = world.send_as_bob(&inside).await.unwrap_err();
        assert_eq!(refused.step(), Step::Shape, "{property}");
    }
    assert_eq!(world.fetches(), 0);
    // As many as are read: the sender is fetched, none of the others.
    let mut sent = activity("Create", BOB, note(NOTE, BOB));
    sent["to"] = many(1_000);
    world.send_as_bob(&sent).await.unwrap();
    assert_eq!(world.fetches(), 1);
}
