//! Terms of use, names that nobody takes, and invitations.

use std::sync::Arc;
use std::time::Duration;

use federation_core::testing::{ManualClock, on_each_backend};
use folkmoot::config::RegistrationMode;
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::World;
use crate::app::{PASSWORD, Reply, TestApp};

async fn signup(world: &World, name: &str, more: &Value) -> Reply {
    let mut body = json!({"username": name, "password": PASSWORD});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    world.app.post("/api/v1/auth/signup", &body).await
}

#[test]
fn terms_are_shown_and_must_be_agreed_to() {
    on_each_backend(async |database| {
        let world = World::start_with(database, |config| {
            config.registration.terms_url = Some("https://chat.example/terms".to_owned());
            config.registration.terms_version = Some("2026-11".to_owned());
        })
        .await;
        let info = world.app.call(Method::GET, "/api/v1/info").send().await;
        assert_eq!(
            info.json["terms"],
            json!({"url": "https://chat.example/terms", "version": "2026-11"})
        );
        for terms in [json!({}), json!({"accept_terms": "2025-01"})] {
            let refused = signup(&world, "alice", &terms).await;
            refused.assert_problem(422, "terms_not_accepted");
        }
        let reply = signup(&world, "alice", &json!({"accept_terms": "2026-11"})).await;
        assert_eq!(reply.status, StatusCode::CREATED);
        let read = |connection: &mut federation_core::store::sql::Connection| {
            use diesel::prelude::*;
            use folkmoot::platform::db::schema::accepted_terms;
            let rows =
                accepted_terms::table.select((accepted_terms::user_id, accepted_terms::version));
            Ok::<Vec<(String, String)>, federation_core::store::sql::DatabaseError>(
                rows.load(connection)?,
            )
        };
        let kept = world.app.app().ctx().db().read(read).await.unwrap();
        assert_eq!(kept, [(reply.text("/user/id"), "2026-11".to_owned())]);
        world.app.stop().await;
    });
}

#[test]
fn attack_reserved_names_and_those_that_look_alike_are_refused() {
    on_each_backend(async |database| {
        let world = World::start_with(database, |config| {
            config.registration.reserved_names = vec!["admin".to_owned(), "mod_team".to_owned()];
        })
        .await;
        for name in [
            "admin",
            "Adm1n",
            "ad_min",
            "4drnin",
            "modteam",
            "m0d_team",
            "p0stmaster",
        ] {
            let refused = signup(&world, name, &json!({})).await;
            refused.assert_problem(422, "username_reserved");
        }
        for name in ["adam", "ali", "model"] {
            let taken = signup(&world, name, &json!({})).await;
            assert_eq!(taken.status, StatusCode::CREATED, "{name}");
        }
        world.app.stop().await;
    });
}

#[test]
fn invitations_are_made_used_up_and_taken_back() {
    on_each_backend(async |database| {
        let world = World::start(database).await;
        world.app.signup("owner").await;
        let (database, data_dir) = world.app.stop().await;
        let time: Arc<ManualClock> = Arc::clone(&world.time);
        let app = TestApp::start_in(database, data_dir, time, |config| {
            config.registration.mode = RegistrationMode::Invite;
        })
        .await;
        let world = World {
            app,
            time: world.time,
        };
        let owner = world.app.login("owner").await;
        let invites = "/api/v1/auth/invites";
        for wrong in [
            json!({"uses": 0}),
            json!({"uses": 1001}),
            json!({"expires_in": 59}),
            json!({"expires_in": 90 * 24 * 3600 + 1}),
        ] {
            let refused = world.send(Method::POST, invites, &owner, &wrong).await;
            refused.assert_problem(422, "invalid_invite_terms");
        }
        let terms = json!({"uses": 2, "expires_in": 3600});
        let made = world.send(Method::POST, invites, &owner, &terms).await;
        assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.json);
        let with = |made: &Reply| json!({"invite": made.text("/code")});
        // Of five at once two get in.
        let code = with(&made);
        let names = (0..5).map(|number| format!("guest{number}"));
        let tries = join_all(names.map(|name| {
            let (world, code) = (&world, &code);
            async move { signup(world, &name, code).await }
        }));
        let replies = tries.await;
        let came: Vec<&Reply> = replies
            .iter()
            .filter(|reply| reply.status == StatusCode::CREATED)
            .collect();
        assert_eq!(came.len(), 2);
        for refused in replies
            .iter()
            .filter(|reply| reply.status != StatusCode::CREATED)
        {
            refused.assert_problem(403, "invalid_invite");
        }
        // Guests do not invite.
        let guest = came[0].member();
        let refused = world.send(Method::POST, invites, &guest, &terms).await;
        refused.assert_problem(403, "forbidden");
        let list = world.app.get(invites, &owner.access).await;
        assert_eq!(list.json["items"][0]["uses"], 2);
        assert_eq!(list.json["items"][0]["created_by"], owner.id);
        assert!(list.json["items"][0].get("code").is_none());
        let late = world.send(Method::POST, invites, &owner, &terms).await;
        let gone = world.send(Method::POST, invites, &owner, &terms).await;
        let path = format!("{invites}/{}", gone.text("/id"));
        let removed = world.send(Method::DELETE, &path, &owner, &json!({})).await;
        assert_eq!(removed.status, StatusCode::NO_CONTENT);
        let audited = world.audited(&owner).await;
        let made = "invite.create";
        assert_eq!(audited, [made, made, made, "invite.delete"]);
        assert_eq!(world.audited(&guest).await, ["invite.redeem"]);
        let refused = signup(&world, "late", &with(&gone)).await;
        refused.assert_problem(403, "invalid_invite");
        world.time.advance(Duration::from_hours(1));
        let refused = signup(&world, "late", &with(&late)).await;
        refused.assert_problem(403, "invalid_invite");
        world.app.stop().await;
    });
}
