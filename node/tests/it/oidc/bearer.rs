//! Access tokens of the issuer as they are.

use std::time::Duration;

use federation_core::testing::on_each_backend;
use folkmoot::base::scope::Scope;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::World;

#[test]
fn tokens_of_the_issuer_are_taken_where_the_operator_wants_it() {
    on_each_backend(async |database| {
        let world = World::start(database, |_| {}).await;
        let (access, _) = world.issuer.tokens("carol").await;
        world.me(&access).await.assert_problem(401, "invalid_token");
        let left = world.app.stop().await;
        let world = World::start_in(left, "RS256", |config| {
            config.oidc.accept_bearer = true;
            config.oidc.auto_register = true;
            config.oidc.bearer_scopes = vec![Scope::Read];
        })
        .await;
        let (access, id_token) = world.issuer.tokens("carol").await;
        let me = world.me(&access).await;
        assert_eq!(me.status, StatusCode::OK, "{:#}", me.json);
        assert_eq!(me.json["username"], "carol");
        // It may do what the operator lets it.
        let patch = world.app.call(Method::PATCH, "/api/v1/users/@me");
        let patch = patch.bearer(&access).json(&json!({"bio": "x"}));
        patch.send().await.assert_problem(403, "insufficient_scope");
        let security = world.app.get("/api/v1/auth/sessions", &access).await;
        security.assert_problem(403, "first_party_only");
        // Every application that a person signs in to holds an ID token of them.
        world
            .me(&id_token)
            .await
            .assert_problem(401, "invalid_token");
        world.app.stop().await;
    });
}

/// I9: a session that stands for such tokens ends like all others, and the token stays out.
#[test]
fn attack_a_token_of_the_issuer_does_not_outlive_its_session() {
    on_each_backend(async |database| {
        let world = World::start(database, |config| {
            config.oidc.accept_bearer = true;
            config.oidc.auto_register = true;
        })
        .await;
        let (access, _) = world.issuer.tokens("carol").await;
        assert_eq!(world.me(&access).await.status, StatusCode::OK);
        let own = world.sign_in("carol").await.text("/access_token");
        let everywhere = world
            .app
            .call(Method::POST, "/api/v1/auth/logout-everywhere");
        assert!(everywhere.bearer(&own).send().await.status.is_success());
        world.me(&access).await.assert_problem(401, "session_ended");
        world.app.stop().await;
    });
}

/// Outage: what the issuer signed is judged by its known keys.
#[test]
fn tokens_of_the_issuer_are_taken_while_it_is_away() {
    on_each_backend(async |database| {
        let mut world = World::start(database, |config| {
            config.oidc.accept_bearer = true;
            config.oidc.auto_register = true;
        })
        .await;
        let (carol, _) = world.issuer.tokens("carol").await;
        let (dave, _) = world.issuer.tokens("dave").await;
        assert_eq!(world.me(&carol).await.status, StatusCode::OK);
        world.issuer.stop();
        // One that comes for the first time, too.
        let me = world.me(&dave).await;
        assert_eq!(me.status, StatusCode::OK, "{:#}", me.json);
        assert_eq!(me.json["username"], "dave");
        world.app.stop().await;
    });
}

/// Rollover: the new key is asked for, and what the old one signed counts no more.
#[test]
fn attack_a_key_that_the_issuer_withdrew_signs_nobody_in() {
    on_each_backend(async |database| {
        let world = World::start(database, |config| {
            config.oidc.accept_bearer = true;
            config.oidc.auto_register = true;
        })
        .await;
        let (old, _) = world.issuer.tokens("carol").await;
        let (seen, _) = world.issuer.tokens("dave").await;
        assert_eq!(world.me(&seen).await.status, StatusCode::OK);
        world.issuer.rotate().await;
        world.time.advance(Duration::from_secs(31));
        let (new, _) = world.issuer.tokens("erin").await;
        let me = world.me(&new).await;
        assert_eq!(me.status, StatusCode::OK, "{:#}", me.json);
        world.me(&old).await.assert_problem(401, "invalid_token");
        world.app.stop().await;
    });
}
