//! Every role below owner against every administrative route and every way to give power away.

use std::collections::HashMap;

use federation_core::testing::on_each_backend;
use folkmoot::base::privilege::{Privilege, Privileges};
use folkmoot::base::role::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::staff::{call, make_role, put_roles};
use crate::app::{Member, TestApp};

const SYSTEM: [Role; 4] = [Role::User, Role::Moderator, Role::Admin, Role::Owner];

/// Whoever lacks the privilege that a route declares is refused by it, whatever else they hold.
#[test]
fn attack_privilege_escalation_by_route() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let owner = app.signup("owner").await;
        let document = app.get("/api/openapi.json", &owner.access).await.json;
        let mut routes: Vec<(Method, String, Privilege)> = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let needs = operation["x-needs"].as_str().unwrap();
                let Some(name) = needs.strip_prefix("the privilege ") else {
                    let is_admin = path.starts_with("/api/v1/admin/");
                    assert!(!is_admin, "{path} needs no privilege");
                    continue;
                };
                let method = method.to_uppercase().parse().unwrap();
                routes.push((method, path.clone(), name.parse().unwrap()));
            }
        }
        assert!(routes.len() >= 20, "{routes:?}");
        // Everybody below owner: each built-in role, and a user with everything but one privilege.
        let mut cast: Vec<(Member, Privileges)> = Vec::new();
        for role in [Role::User, Role::Moderator, Role::Admin] {
            let member = app.signup(&format!("the_{role}")).await;
            let done = put_roles(&app, &owner, &member, role.as_str(), &[]).await;
            assert_eq!(done.status, StatusCode::OK);
            cast.push((member, Privileges::of_role(role)));
        }
        let asked: Vec<Privilege> = routes.iter().map(|(_, _, needed)| *needed).collect();
        for (number, lacking) in Privilege::ALL.iter().enumerate() {
            if !asked.contains(lacking) || Privileges::of_role(Role::User).contains(*lacking) {
                continue;
            }
            let held = Privilege::ALL.iter().filter(|held| *held != lacking);
            let names: Vec<&str> = held.clone().map(|held| held.as_str()).collect();
            let role = make_role(&app, &owner, &format!("all but {lacking}"), &names).await;
            let member = app.signup(&format!("lacks{number}")).await;
            put_roles(&app, &owner, &member, "user", &[&role]).await;
            cast.push((member, held.copied().collect()));
        }
        let some = "0197a3c2-7b1e-7c55-8f00-6b7d2f6f1a11";
        let mut refused = 0;
        for (member, held) in &cast {
            for (method, path, needed) in &routes {
                let parts = path
                    .split('/')
                    .map(|part| if part.starts_with('{') { some } else { part });
                let url = parts.collect::<Vec<_>>().join("/");
                if held.contains(*needed) {
                    continue;
                }
                // A route that is read may be asked for its headers alone.
                let heads = (*method == Method::GET).then_some(Method::HEAD);
                for method in [method.clone()].into_iter().chain(heads) {
                    let reply = call(&app, method.clone(), &url, member, &json!({})).await;
                    let why = format!("{method} {path} by {held:?}: {:#}", reply.json);
                    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{why}");
                    refused += 1;
                }
            }
        }
        assert!(refused > 60, "{refused}");
        app.stop().await;
    });
}

/// Who may make whom what: every role below owner, with the privilege to give roles and without,
/// gives every role to everybody, themselves included.
#[test]
fn attack_privilege_escalation_by_grant() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let owner = app.signup("owner").await;
        let giving = make_role(&app, &owner, "giver", &["manage_server_privileges"]).await;
        let strong = make_role(&app, &owner, "strong", &["delete_users", "manage_storage"]).await;
        let weak = make_role(&app, &owner, "weak", &["mute_users"]).await;
        let custom: HashMap<&str, (&str, Privileges)> = HashMap::from([
            (
                "strong",
                (
                    strong.as_str(),
                    [Privilege::DeleteUsers, Privilege::ManageStorage]
                        .into_iter()
                        .collect(),
                ),
            ),
            (
                "weak",
                (weak.as_str(), [Privilege::MuteUsers].into_iter().collect()),
            ),
        ]);
        for actor_role in [Role::User, Role::Moderator, Role::Admin] {
            for may_give in [false, true] {
                let name = format!("{actor_role}_{may_give}");
                let actor = app.signup(&name).await;
                let own: &[&str] = if may_give { &[giving.as_str()] } else { &[] };
                let setup = put_roles(&app, &owner, &actor, actor_role.as_str(), own).await;
                assert_eq!(setup.status, StatusCode::OK, "{:#}", setup.json);
                let held = Privileges::of_role(actor_role);
                for target_role in SYSTEM {
                    let target = app.signup(&format!("t_{name}_{target_role}")).await;
                    put_roles(&app, &owner, &target, target_role.as_str(), &[]).await;
                    for (new_role, given) in SYSTEM
                        .into_iter()
                        .map(|role| (role, None))
                        .chain(["strong", "weak"].map(|name| (target_role, Some(name))))
                    {
                        let ids: Vec<&str> = given.map(|name| custom[name].0).into_iter().collect();
                        let reply = put_roles(&app, &actor, &target, new_role.as_str(), &ids).await;
                        let allowed = may_give
                            && actor_role > target_role
                            && (new_role == target_role
                                || (new_role <= actor_role
                                    && held.covers(Privileges::of_role(new_role))))
                            && given.is_none_or(|name| held.covers(custom[name].1));
                        let why = format!(
                            "{actor_role} (gives: {may_give}) makes {target_role} {new_role} with {given:?}: {:#}",
                            reply.json
                        );
                        assert_eq!(reply.status == StatusCode::OK, allowed, "{why}");
                        if !allowed {
                            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{why}");
                        }
                        put_roles(&app, &owner, &target, target_role.as_str(), &[]).await;
                    }
                    // The other acts upon a person follow the same ladder.
                    for (act, privilege, body) in [
                        ("suspend", Privilege::BanUsers, json!({"reason": "x"})),
                        ("unsuspend", Privilege::BanUsers, Value::Null),
                        ("reset-sessions", Privilege::ResetUserTokens, Value::Null),
                        ("reset-password", Privilege::ResetUserTokens, Value::Null),
                    ] {
                        let path = format!("/api/v1/admin/users/{}/{act}", target.id);
                        let reply = call(&app, Method::POST, &path, &actor, &body).await;
                        let allowed = held.contains(privilege) && actor_role > target_role;
                        let why =
                            format!("{actor_role} does {act} to {target_role}: {:#}", reply.json);
                        assert_eq!(reply.status.is_success(), allowed, "{why}");
                    }
                }
                // Nobody makes themselves more, by any road.
                for new_role in SYSTEM.into_iter().filter(|role| *role > actor_role) {
                    let reply = put_roles(&app, &actor, &actor, new_role.as_str(), own).await;
                    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{:#}", reply.json);
                }
                for privilege in Privilege::ALL.iter().filter(|one| !held.contains(**one)) {
                    if may_give && *privilege == Privilege::ManageServerPrivileges {
                        continue;
                    }
                    let body =
                        json!({"name": format!("mine {privilege}"), "privileges": [privilege]});
                    let reply =
                        call(&app, Method::POST, "/api/v1/admin/roles", &actor, &body).await;
                    assert_eq!(
                        reply.status,
                        StatusCode::FORBIDDEN,
                        "{privilege}: {:#}",
                        reply.json
                    );
                    let path = format!("/api/v1/admin/roles/{giving}");
                    let body = json!({"privileges": ["manage_server_privileges", privilege]});
                    let reply = call(&app, Method::PATCH, &path, &actor, &body).await;
                    assert_eq!(
                        reply.status,
                        StatusCode::FORBIDDEN,
                        "{privilege}: {:#}",
                        reply.json
                    );
                }
                // A role goes with what it holds: who lacks that, or is given it by that role alone,
                // cannot take it away.
                let holds_strong = may_give && held.covers(custom["strong"].1);
                for role in [(!holds_strong).then_some(&strong), Some(&giving)] {
                    let Some(role) = role else { continue };
                    let path = format!("/api/v1/admin/roles/{role}");
                    let reply = call(&app, Method::DELETE, &path, &actor, &Value::Null).await;
                    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{:#}", reply.json);
                }
                put_roles(&app, &owner, &actor, "user", &[]).await;
                put_roles(&app, &owner, &actor, actor_role.as_str(), own).await;
            }
        }
        app.stop().await;
    });
}
