//! How many calls are taken, from whom, and that each answer is counted.

use std::net::IpAddr;

use super::*;
use crate::inbox::Rate;
use crate::metrics::tests::Counted;

/// Nothing is counted but what `change` says.
fn limits(change: impl FnOnce(&mut RateLimits)) -> RateLimits {
    let mut limits = RateLimits {
        per_source: None,
        per_peer: None,
        fetches_per_source: None,
        ..RateLimits::default()
    };
    change(&mut limits);
    limits
}

const TWICE_THEN_EVERY_TEN_SECONDS: Rate = Rate::new(2, Duration::from_secs(10));

fn ask(node: &Node, world: &World, address: [u8; 4]) -> InboundRequest {
    let body = json!({"scopes": ["stream"]});
    let request = Draft::new(CHALLENGE_PATH, &body).signed(&node.key, world.clock.now());
    request.from_source(IpAddr::from(address))
}

/// Whoever has one name may have any number of them.
#[test]
fn attack_61_names_below_one_domain_share_open_challenges() {
    on_each_store(async |store| {
        let world = World::with_terms(store, |terms| {
            terms.challenges_per_holder = 2;
            terms.challenges_per_site = 3;
            terms.challenges = 5;
        });
        let ask = async |origin: &str| {
            let node = world.node(origin);
            world.challenge(&node, None, &["stream"]).await
        };
        for name in ["a.many.example", "b.c.many.example", "many.example:8443"] {
            ask(&format!("https://{name}")).await.expect(201);
        }
        world.advance(20);
        let refused = ask("https://d.many.example").await;
        refused.expect_problem(429, "too_many_requests");
        assert_eq!(refused.headers["retry-after"], "100");
        // There is room for others.
        for name in ["one.example", "two.example"] {
            ask(&format!("https://{name}")).await.expect(201);
        }
        ask("https://three.example")
            .await
            .expect_problem(429, "too_many_requests");
        world.advance(100);
        ask("https://d.many.example").await.expect(201);
    });
}

#[tokio::test]
async fn attack_52_a_source_pays_for_what_its_calls_make_the_issuer_fetch() {
    let limits = limits(|limits| limits.fetches_per_source = Some(TWICE_THEN_EVERY_TEN_SECONDS));
    let world = World::limited(Arc::new(MemoryHandshakeStore::new()), limits);
    for number in 0..5_u8 {
        // Each is signed by another, whom nobody has asked about yet.
        let node = world.node(&format!("https://n{number}.holder{number}.example"));
        let fetched = world.web.requests().len();
        let answer = world.send(ask(&node, &world, [203, 0, 113, 1])).await;
        if number < 2 {
            answer.expect(201);
        } else {
            answer.expect_problem(429, "too_many_requests");
            assert_eq!(answer.headers["retry-after"], "10");
            assert_eq!(world.web.requests().len(), fetched);
        }
    }
    // Proofs are counted too; another address has places of its own.
    let node = world.node(HOLDER);
    let elsewhere = world.send(ask(&node, &world, [203, 0, 113, 2])).await;
    let challenge = elsewhere.expect(201);
    let proof = world.proof(&node, &challenge);
    let proof = proof.from_source(IpAddr::from([203, 0, 113, 1]));
    let refused = world.send(proof.clone()).await;
    refused.expect_problem(429, "too_many_requests");
    // What was not judged has not ended the challenge.
    world.advance(10);
    world.send(proof).await.expect(201);
}

#[tokio::test]
async fn attack_64_a_holder_is_bounded_wherever_its_calls_come_from() {
    let limits = limits(|limits| limits.per_peer = Some(TWICE_THEN_EVERY_TEN_SECONDS));
    let world = World::limited(Arc::new(MemoryHandshakeStore::new()), limits);
    let (node, other) = (world.node(HOLDER), world.node(STRANGER));
    for last in 1..=2 {
        world
            .send(ask(&node, &world, [203, 0, 113, last]))
            .await
            .expect(201);
    }
    let refused = world.send(ask(&node, &world, [203, 0, 113, 3])).await;
    refused.expect_problem(429, "too_many_requests");
    world
        .send(ask(&other, &world, [203, 0, 113, 3]))
        .await
        .expect(201);
    world.advance(10);
    // Calls that only pretend to be the holder's take none of its places.
    let mut forged = world.node("https://forger.example");
    forged.key = SigningKey::new(node.key.key_id().clone(), forged.key.key().clone());
    for _ in 0..3 {
        let refused = world.send(ask(&forged, &world, [203, 0, 113, 4])).await;
        refused.expect_problem(401, "signature_refused");
    }
    world
        .send(ask(&node, &world, [203, 0, 113, 1]))
        .await
        .expect(201);
}

#[test]
fn each_answer_is_counted() {
    let counted = Counted::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.unwrap();
    ::metrics::with_local_recorder(&counted, || {
        runtime.block_on(async {
            let world = World::new(Arc::new(MemoryHandshakeStore::new()));
            let node = world.node(HOLDER);
            let granted = world.open(&node, None, &["stream"]).await;
            let about = json!({"token": granted["session_token"]});
            world.call(INTROSPECT_PATH, &node, &about).await.expect(200);
            world.call(REVOKE_PATH, &node, &about).await.expect(200);
            let refused = world.challenge(&node, None, &["later:thing"]).await;
            refused.expect_problem(403, "scope_refused");
            let elsewhere = world.call("/api/v1/node/else", &node, &about).await;
            elsewhere.expect_problem(404, "not_found");
        });
    });
    let name = "federation_handshake_calls_total";
    for (call, outcome, times) in [
        ("challenge", "ok", 1),
        ("verify", "ok", 1),
        ("introspect", "ok", 1),
        ("revoke", "ok", 1),
        ("challenge", "scope_refused", 1),
    ] {
        assert_eq!(
            counted.of(name, &[call, outcome]),
            times,
            "{call} {outcome}"
        );
    }
    assert_eq!(counted.all(name), 5);
}
