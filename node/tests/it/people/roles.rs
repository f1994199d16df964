//! Roles that operators make, and what changes at once when they do.

use federation_core::testing::on_each_backend;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::staff::{audited, call, make_role, put_roles, stranger};
use crate::app::TestApp;

const ROLES: &str = "/api/v1/admin/roles";

#[test]
fn roles_are_made_given_changed_and_deleted() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let owner = app.signup("owner").await;
        let alice = app.signup("alice").await;
        let list = app.get(ROLES, &owner.access).await;
        assert_eq!(list.json["items"].as_array().unwrap().len(), 4);
        let names = app.get("/api/v1/admin/privileges", &owner.access).await;
        assert!(names.json["items"].as_array().unwrap().len() >= 27);
        let role = make_role(
            &app,
            &owner,
            "Greeter",
            &["manage_invites", "view_server_stats"],
        )
        .await;
        let again = json!({"name": "GREETER", "privileges": []});
        call(&app, Method::POST, ROLES, &owner, &again)
            .await
            .assert_problem(409, "role_name_taken");
        for (body, code) in [
            (
                json!({"name": "owner", "privileges": []}),
                "role_name_taken",
            ),
            (json!({"name": "", "privileges": []}), "invalid_role_name"),
            (json!({"name": "x", "privileges": ["root"]}), "invalid_body"),
        ] {
            let refused = call(&app, Method::POST, ROLES, &owner, &body).await;
            assert_eq!(refused.json["code"], code, "{:#}", refused.json);
        }

        // Given, taken and changed: what the open session may do changes with the answer.
        let stats = "/api/v1/admin/users";
        app.get(stats, &alice.access)
            .await
            .assert_problem(403, "forbidden");
        let given = put_roles(&app, &owner, &alice, "user", &[&role]).await;
        assert_eq!(given.status, StatusCode::OK, "{:#}", given.json);
        assert!(
            given.json["privileges"]
                .as_array()
                .unwrap()
                .contains(&json!("view_server_stats"))
        );
        let path = format!("{ROLES}/{role}");
        let change = json!({"name": "Guards", "privileges": ["ban_users"]});
        let patched = call(&app, Method::PATCH, &path, &owner, &change).await;
        assert_eq!(patched.json["members"], 1, "{:#}", patched.json);
        assert_eq!(app.get(stats, &alice.access).await.status, StatusCode::OK);
        let deleted = call(&app, Method::DELETE, &path, &owner, &Value::Null).await;
        assert_eq!(deleted.status, StatusCode::NO_CONTENT);
        app.get(stats, &alice.access)
            .await
            .assert_problem(403, "forbidden");
        app.get(&path, &owner.access)
            .await
            .assert_problem(404, "not_found");

        let acts = audited(&app).await;
        for act in ["role.create", "user.roles", "role.update", "role.delete"] {
            let found = acts.iter().filter(|(_, known, _)| known == act);
            assert_eq!(found.count(), 1, "{act}: {acts:?}");
        }
        app.stop().await;
    });
}

#[test]
fn built_in_roles_are_shown_and_never_changed_and_only_members_here_are_given_any() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let owner = app.signup("owner").await;
        let alice = app.signup("alice").await;
        let shown = app.get(&format!("{ROLES}/admin"), &owner.access).await;
        assert_eq!(shown.json["built_in"], true);
        let admin = format!("{ROLES}/admin");
        call(&app, Method::PATCH, &admin, &owner, &json!({"name": "x"}))
            .await
            .assert_problem(403, "role_built_in");
        call(&app, Method::DELETE, &admin, &owner, &Value::Null)
            .await
            .assert_problem(403, "role_built_in");
        let role = make_role(&app, &owner, "Guest", &[]).await;
        let path = format!("{ROLES}/{role}");
        call(&app, Method::DELETE, &path, &owner, &Value::Null).await;
        put_roles(&app, &owner, &alice, "user", &[&role])
            .await
            .assert_problem(422, "unknown_role");
        let remote = format!("/api/v1/admin/users/{}/roles", stranger(&app).await);
        let body = json!({"role": "admin"});
        call(&app, Method::PUT, &remote, &owner, &body)
            .await
            .assert_problem(403, "remote_account");
        app.stop().await;
    });
}

#[test]
fn the_last_owner_stays_even_when_two_step_on_each_other() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let (a, b) = (app.signup("a_owner").await, app.signup("b_owner").await);
        put_roles(&app, &a, &a, "user", &[])
            .await
            .assert_problem(409, "last_owner");
        let suspend = format!("/api/v1/admin/users/{}/suspend", a.id);
        call(
            &app,
            Method::POST,
            &suspend,
            &a,
            &json!({"reason": "tired"}),
        )
        .await
        .assert_problem(409, "last_owner");
        for round in 0..8 {
            let (first, second) = if round % 2 == 0 { (&a, &b) } else { (&b, &a) };
            // Whoever is owner makes the other one owner again.
            for (by, of) in [(first, second), (second, first)] {
                put_roles(&app, by, of, "owner", &[]).await;
            }
            let both = futures_util::future::join(
                put_roles(&app, &a, &b, "user", &[]),
                put_roles(&app, &b, &a, "user", &[]),
            );
            let (one, other) = both.await;
            let won = [&one, &other]
                .iter()
                .filter(|reply| reply.status == StatusCode::OK)
                .count();
            assert_eq!(won, 1, "{:#} {:#}", one.json, other.json);
        }
        app.stop().await;
    });
}
