//! Members with a second factor on this node show it when they come by the issuer too.

use std::time::Duration;

use federation_core::Clock as _;
use federation_core::testing::on_each_backend;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::World;
use crate::app::{Member, PASSWORD, Reply};
use crate::signin::world::{base32, code_at};

/// Sets it up; answers its secret and a recovery code.
async fn set_up(world: &World, member: &Member) -> (Vec<u8>, String) {
    let send = async |path: &str, body: Value| -> Reply {
        let call = world.app.call(Method::POST, path).bearer(&member.access);
        call.json(&body).send().await
    };
    let enrolled = send("/api/v1/auth/totp", json!({"password": PASSWORD})).await;
    let secret = base32(&enrolled.text("/secret"));
    let code = json!({"code": code(world, &secret)});
    let confirmed = send("/api/v1/auth/totp/confirm", code).await;
    assert_eq!(confirmed.status, StatusCode::OK, "{:#}", confirmed.json);
    // The code that confirmed it is used.
    world.time.advance(Duration::from_secs(30));
    (secret, confirmed.text("/recovery_codes/0"))
}

fn code(world: &World, secret: &[u8]) -> String {
    code_at(secret, world.time.now().as_seconds() / 30)
}

#[test]
fn attack_the_issuer_is_no_way_around_the_second_factor() {
    on_each_backend(async |database| {
        let world = World::start(database, |_| {}).await;
        let alice = world.app.signup("alice").await;
        world.link(&alice, "carol").await;
        let (secret, recovery) = set_up(&world, &alice).await;
        let started = world.begin().await;
        let back = world.lead(&started, "carol").await;
        let asked = world.finish(&started, &back).await;
        asked.assert_problem(401, "otp_required");
        let wrong = json!({"otp": "not-a-code"});
        let refused = world.finish_with(&started, &back, &wrong).await;
        refused.assert_problem(401, "wrong_otp");
        // Neither another code of the issuer nor another client gets at what waits.
        let mut other = back.clone();
        other.code = "another".to_owned();
        let right = json!({"otp": code(&world, &secret)});
        let refused = world.finish_with(&started, &other, &right).await;
        refused.assert_problem(400, "invalid_state");
        // The same again with the code, without going to the issuer again; once.
        let signed_in = world.finish_with(&started, &back, &right).await;
        assert_eq!(signed_in.status, StatusCode::OK, "{:#}", signed_in.json);
        assert_eq!(signed_in.member().id, alice.id);
        let again = world.finish_with(&started, &back, &right).await;
        again.assert_problem(400, "invalid_state");
        // A recovery code counts too, and is noted.
        let started = world.begin().await;
        let back = world.lead(&started, "carol").await;
        let body = json!({"otp": recovery});
        let signed_in = world.finish_with(&started, &back, &body).await;
        assert_eq!(signed_in.status, StatusCode::OK, "{:#}", signed_in.json);
        let audited = world.audited(&alice.id).await;
        assert!(audited.contains(&"recovery_code.use".to_owned()));
        world.app.stop().await;
    });
}

#[test]
fn attack_codes_are_not_guessed_by_way_of_the_issuer() {
    on_each_backend(async |database| {
        let world = World::start(database, |_| {}).await;
        let alice = world.app.signup("alice").await;
        world.link(&alice, "carol").await;
        set_up(&world, &alice).await;
        let started = world.begin().await;
        let back = world.lead(&started, "carol").await;
        let wrong = json!({"otp": "not-a-code"});
        for _ in 0..10 {
            let refused = world.finish_with(&started, &back, &wrong).await;
            refused.assert_problem(401, "wrong_otp");
        }
        let refused = world.finish_with(&started, &back, &wrong).await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        world.app.stop().await;
    });
}
