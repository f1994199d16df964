//! The order of the steps: a request that fails at several is refused at the first of them.

use std::net::IpAddr;
use std::time::Duration;

use http::HeaderMap;

use super::*;
use crate::inbox::{InboundLimiter, Rate, RateLimits, Step};

const SOURCE: [u8; 4] = [203, 0, 113, 1];

/// A request that fails at each of `steps`, in a world where it can.
async fn refused_at(steps: &[Step]) -> Step {
    let fails = |step| steps.contains(&step);
    let mut world = World::new();
    world.inbox.config.max_body_bytes = 100_000;
    let limits = RateLimits {
        per_source: Some(Rate::new(1, Duration::from_mins(1))),
        ..RateLimits::default()
    };
    let limiter = Arc::new(InboundLimiter::new(limits));
    world.inbox = world.inbox.limited(Arc::clone(&limiter));
    if fails(Step::Rate) {
        let source = IpAddr::from(SOURCE);
        limiter.charge_source(source, world.clock.now()).unwrap();
    }
    if fails(Step::Domain) {
        world.blocked.block("there.example").unwrap();
    }
    let object = if fails(Step::Authority) {
        "https://here.example/notes/1"
    } else {
        "https://there.example/notes/1"
    };
    let mut sent = activity("Create", BOB, note(object, BOB));
    if fails(Step::Proof) {
        sent = proven(&sent, &BOBS, &world);
        sent["summary"] = json!("added later");
    }
    if fails(Step::Size) {
        sent["content"] = json!("x".repeat(100_000));
    }
    if fails(Step::Shape) {
        sent["type"] = json!(7);
    }
    if fails(Step::Key) {
        world.web.serve(
            BOB,
            &person(BOB, &signing_key("https://there.example/users/x")),
        );
        world.web.serve(MALLORY, &json!({"type": "Person"}));
    }
    // Somebody else brings it when its origin is to be asked, with a key that fits or not.
    let owner = if fails(Step::Origin) && !fails(Step::Proof) {
        &*MALLORYS
    } else {
        &*BOBS
    };
    let key = if fails(Step::Sender) {
        SigningKey::new(owner.key_id().clone(), CAROLS.key().clone())
    } else {
        owner.clone()
    };
    let body = serde_json::to_vec(&sent).unwrap();
    let signed = world.sign(&key, &body);
    let headers = if fails(Step::Signature) {
        HeaderMap::new()
    } else {
        signed.headers().clone()
    };
    let body = Bytes::from(body);
    let request = InboundRequest::new(Method::POST, &url(HERE), "/inbox", headers, body);
    let request = request.unwrap().from_source(IpAddr::from(SOURCE));
    world.inbox.authenticate(request).await.unwrap_err().step()
}

#[tokio::test]
async fn each_step_refuses_before_all_that_follow() {
    for (index, first) in Step::ORDER.into_iter().enumerate() {
        let following = &Step::ORDER[index..];
        assert_eq!(refused_at(following).await, first);
        assert_eq!(refused_at(&[first]).await, first);
        for also in following {
            assert_eq!(refused_at(&[first, *also]).await, first, "and {also:?}");
        }
    }
}
