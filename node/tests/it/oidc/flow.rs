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
fn members_link_their_account_and_take_the_link_away() {
    on_each_backend(async |database| {
        let world = World::start(database, |_| {}).await;
        let alice = world.app.signup("alice").await;
        let unknown = world.sign_in("a.liddell").await;
        unknown.assert_problem(403, "external_account_unknown");
        let linked = world.link(&alice, "a.liddell").await;
        assert_eq!(linked.status, StatusCode::NO_CONTENT, "{:#}", linked.json);
        let signed_in = world.sign_in("a.liddell").await;
        let me = world.me(&signed_in.text("/access_token")).await;
        assert_eq!(me.json["username"], "alice");
        // The same person of the issuer stands for one account.
        let bob = world.app.signup("bob").await;
        let taken = world.link(&bob, "a.liddell").await;
        taken.assert_problem(409, "external_account_linked");
        let links = "/api/v1/auth/oidc/links";
        let listed = world.app.get(links, &alice.access).await;
        let id = listed.text("/items/0/id");
        assert_eq!(listed.json["items"][0]["issuer"], world.issuer.url);
        let path = format!("{links}/{id}");
        let foreign = world.app.call(Method::DELETE, &path).bearer(&bob.access);
        foreign.send().await.assert_problem(404, "not_found");
        let gone = world.app.call(Method::DELETE, &path).bearer(&alice.access);
        assert_eq!(gone.send().await.status, StatusCode::NO_CONTENT);
        let late = world.sign_in("a.liddell").await;
        late.assert_problem(403, "external_account_unknown");
        world.app.stop().await;
    });
}

#[test]
fn who_signs_in_by_the_issuer_alone_keeps_the_link() {
    on_each_backend(async |database| {
        let world = World::start(database, |config| config.oidc.auto_register = true).await;
        let carol = world.sign_in("carol").await.text("/access_token");
        let links = "/api/v1/auth/oidc/links";
        let id = world.app.get(links, &carol).await.text("/items/0/id");
        let path = format!("{links}/{id}");
        let last = world.app.call(Method::DELETE, &path).bearer(&carol);
        last.send().await.assert_problem(409, "last_sign_in");
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
