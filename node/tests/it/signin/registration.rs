//! Terms of use, names that nobody takes, and invitations.

use federation_core::testing::on_each_backend;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::World;
use crate::app::{PASSWORD, Reply};

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
