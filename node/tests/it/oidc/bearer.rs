//! Access tokens of the issuer as they are.

use std::time::Duration;

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::testing::{TestDatabase, on_each_backend};
use folkmoot::base::ids::{SessionId, UserId};
use folkmoot::base::scope::Scope;
use folkmoot::platform::db::schema::{sessions, users};
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::World;
use crate::app::PASSWORD;
use crate::metrics::judged;

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
        // An account comes of a sign-in, which asks for more than a token tells.
        let unknown = world.me(&access).await;
        unknown.assert_problem(403, "external_account_unknown");
        assert_eq!(world.sign_in("carol").await.status, StatusCode::OK);
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

/// Those that count tokens see them as they are judged, and not first as forgeries of the node's.
#[test]
fn tokens_of_the_issuer_are_counted_once_by_how_they_were_judged() {
    on_each_backend(async |database| {
        let world = trusting(database).await;
        let (access, _) = world.issuer.tokens("carol").await;
        let unknown = judged(&world.app, &access).await;
        let expected = (Some("external_account_unknown"), vec![("refused", 1.0)]);
        assert_eq!(unknown, expected);
        let own = world.sign_in("carol").await.text("/access_token");
        let (access, id_token) = world.issuer.tokens("carol").await;
        let expected = (None, vec![("ok", 1.0)]);
        assert_eq!(judged(&world.app, &access).await, expected);
        for forged in [id_token.as_str(), "forged"] {
            let expected = (Some("invalid_token"), vec![("invalid", 1.0)]);
            assert_eq!(judged(&world.app, forged).await, expected);
        }
        world.time.advance(Duration::from_secs(30));
        end_everywhere(&world, &own).await;
        let expected = (Some("session_ended"), vec![("ended", 1.0)]);
        assert_eq!(judged(&world.app, &access).await, expected);
        world.app.stop().await;
    });
}

async fn trusting(database: TestDatabase) -> World {
    World::start(database, |config| {
        config.oidc.accept_bearer = true;
        config.oidc.auto_register = true;
    })
    .await
}

/// Changes the database as another process would.
async fn change<F>(world: &World, change: F)
where
    F: Fn(&mut Connection) -> Result<usize, diesel::result::Error> + Send + 'static,
{
    let change = move |connection: &mut Connection| change(connection).map_err(DatabaseError::from);
    assert_eq!(world.app.app().ctx().db().write(change).await.unwrap(), 1);
}

/// I9: a session that stands for such tokens ends like all others, and the token stays out.
#[test]
fn attack_a_token_of_the_issuer_does_not_outlive_its_session() {
    on_each_backend(async |database| {
        let world = trusting(database).await;
        let own = world.sign_in("carol").await.text("/access_token");
        let (access, _) = world.issuer.tokens("carol").await;
        assert_eq!(world.me(&access).await.status, StatusCode::OK);
        // The issuer goes by the clock of the machine, which went on.
        world.time.advance(Duration::from_secs(30));
        end_everywhere(&world, &own).await;
        world.me(&access).await.assert_problem(401, "session_ended");
        world.app.stop().await;
    });
}

/// I9: also a token that nobody used before.
#[test]
fn attack_a_token_that_was_never_used_ends_with_all_sessions() {
    on_each_backend(async |database| {
        let world = trusting(database).await;
        let own = world.sign_in("carol").await.text("/access_token");
        let (access, _) = world.issuer.tokens("carol").await;
        world.time.advance(Duration::from_secs(30));
        end_everywhere(&world, &own).await;
        world.me(&access).await.assert_problem(401, "session_ended");
        world.app.stop().await;
    });
}

async fn end_everywhere(world: &World, access: &str) {
    let everywhere = "/api/v1/auth/logout-everywhere";
    let call = world.app.call(Method::POST, everywhere).bearer(access);
    assert!(call.send().await.status.is_success());
}

/// I9: that a session ended is known for longer than the session.
#[test]
fn attack_a_token_does_not_come_back_when_its_session_is_forgotten() {
    on_each_backend(async |database| {
        let world = trusting(database).await;
        let own = world.sign_in("carol").await.text("/access_token");
        let (access, _) = world.issuer.tokens("carol").await;
        assert_eq!(world.me(&access).await.status, StatusCode::OK);
        world.time.advance(Duration::from_secs(30));
        let listed = world.app.get("/api/v1/auth/sessions", &own).await;
        let listed = listed.json["items"].as_array().unwrap().clone();
        let standing = listed.iter().find(|it| it["current"] == false).unwrap();
        let id = standing["id"].as_str().unwrap();
        let path = format!("/api/v1/auth/sessions/{id}");
        let ended = world.app.call(Method::DELETE, &path).bearer(&own);
        assert!(ended.send().await.status.is_success());
        let id: SessionId = id.parse().unwrap();
        change(&world, move |connection| {
            diesel::update(sessions::table.find(id))
                .set(sessions::expires_at.eq(1_i64))
                .execute(connection)
        })
        .await;
        let ctx = world.app.app().ctx();
        folkmoot::auth::workers::prune(ctx, 100).await.unwrap();
        let left = ctx
            .db()
            .read(move |connection| {
                let row = sessions::table.filter(sessions::id.eq(id)).count();
                Ok::<i64, DatabaseError>(row.get_result(connection)?)
            })
            .await;
        assert_eq!(left.unwrap(), 0);
        world.me(&access).await.assert_problem(401, "session_ended");
        world.app.stop().await;
    });
}

#[test]
fn attack_suspended_members_open_no_session_by_a_token() {
    on_each_backend(async |database| {
        let world = trusting(database).await;
        let carol = world.sign_in("carol").await.member();
        let (access, _) = world.issuer.tokens("carol").await;
        let id: UserId = carol.id.parse().unwrap();
        let now = world.app.app().ctx().now().as_millis();
        change(&world, move |connection| {
            diesel::update(users::table.find(id))
                .set(users::suspended_at.eq(Some(now)))
                .execute(connection)
        })
        .await;
        world.me(&access).await.assert_problem(403, "suspended");
        world.app.stop().await;
    });
}

/// Nothing is left by which the issuer would bring a deleted account back.
#[test]
fn attack_a_deleted_account_is_gone_for_the_issuer_too() {
    on_each_backend(async |database| {
        let world = trusting(database).await;
        let alice = world.app.signup("alice").await;
        world.link(&alice, "carol").await;
        let (access, _) = world.issuer.tokens("carol").await;
        assert_eq!(world.me(&access).await.status, StatusCode::OK);
        let delete = world.app.call(Method::DELETE, "/api/v1/users/@me");
        let delete = delete
            .bearer(&alice.access)
            .json(&json!({"password": PASSWORD}));
        assert_eq!(delete.send().await.status, StatusCode::ACCEPTED);
        let unknown = world.me(&access).await;
        unknown.assert_problem(403, "external_account_unknown");
        // Whoever signs in anew is somebody new.
        let anew = world.sign_in("carol").await;
        assert_eq!(anew.status, StatusCode::OK, "{:#}", anew.json);
        assert_ne!(anew.member().id, alice.id);
        world.app.stop().await;
    });
}

#[test]
fn first_requests_at_once_share_a_session() {
    on_each_backend(async |database| {
        let world = trusting(database).await;
        let own = world.sign_in("carol").await.text("/access_token");
        let (access, _) = world.issuer.tokens("carol").await;
        let all = join_all((0..8).map(|_| world.me(&access))).await;
        assert!(all.iter().all(|reply| reply.status == StatusCode::OK));
        let listed = world.app.get("/api/v1/auth/sessions", &own).await;
        assert_eq!(listed.json["items"].as_array().unwrap().len(), 2);
        world.app.stop().await;
    });
}

/// Outage: what the issuer signed is judged by its known keys.
#[test]
fn tokens_of_the_issuer_are_taken_while_it_is_away() {
    on_each_backend(async |database| {
        let mut world = trusting(database).await;
        for person in ["carol", "dave"] {
            assert_eq!(world.sign_in(person).await.status, StatusCode::OK);
        }
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
        let world = trusting(database).await;
        for person in ["carol", "dave", "erin"] {
            assert_eq!(world.sign_in(person).await.status, StatusCode::OK);
        }
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
