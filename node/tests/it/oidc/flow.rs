//! Members come by the issuer, get accounts, and link those they have.

use std::time::Duration;

use federation_core::testing::on_each_backend;
use reqwest::{Method, StatusCode};

use super::World;

#[test]
fn people_of_the_issuer_get_an_account_and_come_back_to_it() {
    on_each_backend(async |database| {
        let world = World::start(database, |config| config.oidc.auto_register = true).await;
        let first = world.sign_in("carol").await;
        assert_eq!(first.status, StatusCode::OK, "{:#}", first.json);
        let me = world.me(&first.text("/access_token")).await;
        assert_eq!(me.json["username"], "carol");
        assert_eq!(me.json["email"], "carol@example.org");
        let again = world.sign_in("carol").await;
        let same = world.me(&again.text("/access_token")).await;
        assert_eq!(same.json["id"], me.json["id"]);
        // Tokens of such a sign-in are renewed and ended like all others.
        let refresh = serde_json::json!({"refresh_token": again.text("/refresh_token")});
        let renewed = world.app.post("/api/v1/auth/refresh", &refresh).await;
        assert_eq!(renewed.status, StatusCode::OK, "{:#}", renewed.json);
        world.app.stop().await;
    });
}

#[test]
fn every_algorithm_of_its_keys_is_known() {
    on_each_backend(async |database| {
        let mut left = (database, tempfile::tempdir().unwrap());
        for algorithm in ["PS256", "ES256", "EdDSA"] {
            let world = World::start_in(left, algorithm, |config| {
                config.oidc.auto_register = true;
            })
            .await;
            let person = format!("carol_{}", algorithm.to_ascii_lowercase());
            let signed_in = world.sign_in(&person).await;
            assert_eq!(signed_in.status, StatusCode::OK, "{:#}", signed_in.json);
            left = world.app.stop().await;
        }
    });
}

/// Rollover: a new key is asked for as soon as somebody comes with it, if the last time is a while
/// ago.
#[test]
fn new_keys_of_the_issuer_are_taken_up() {
    on_each_backend(async |database| {
        let world = World::start(database, |config| config.oidc.auto_register = true).await;
        assert_eq!(world.sign_in("carol").await.status, StatusCode::OK);
        world.issuer.rotate().await;
        world.time.advance(Duration::from_secs(31));
        let after = world.sign_in("carol").await;
        assert_eq!(after.status, StatusCode::OK, "{:#}", after.json);
        world.app.stop().await;
    });
}

#[test]
fn without_the_issuer_nobody_comes_by_it_and_all_others_do() {
    on_each_backend(async |database| {
        let mut world = World::start(database, |_| {}).await;
        let alice = world.app.signup("alice").await;
        let started = world.begin().await;
        let back = world.lead(&started, "carol").await;
        world.issuer.stop();
        let late = world.finish(&started, &back).await;
        late.assert_problem(503, "oidc_unavailable");
        assert!(late.headers.contains_key("retry-after"));
        assert_eq!(world.me(&alice.access).await.status, StatusCode::OK);
        assert_eq!(world.app.login("alice").await.id, alice.id);
        // What it said is good for a day, and no longer.
        world.begin().await;
        world.time.advance(Duration::from_hours(25));
        let path = "/api/v1/auth/oidc/start?redirect_uri=https%3A%2F%2Fapp.example%2Fcb";
        let refused = world.app.call(Method::GET, path).send().await;
        refused.assert_problem(503, "oidc_unavailable");
        world.app.stop().await;
    });
}

/// Where other nodes may live opens no way to what the issuer names.
#[test]
fn attack_the_issuer_lives_where_its_own_settings_let_it() {
    on_each_backend(async |database| {
        let world = World::start(database, |config| {
            config.federation.allow_http = true;
            config.federation.allowed_private_ranges =
                std::mem::take(&mut config.oidc.allowed_private_ranges);
        })
        .await;
        let path = "/api/v1/auth/oidc/start?redirect_uri=https%3A%2F%2Fapp.example%2Fcb";
        let refused = world.app.call(Method::GET, path).send().await;
        refused.assert_problem(503, "oidc_unavailable");
        world.app.stop().await;
    });
}
