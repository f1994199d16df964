//! Every role below owner against every administrative route and every way to give power away.

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

/// Somebody below owner who tries to give power away.
struct Climber<'a> {
    app: &'a TestApp,
    owner: &'a Member,
    me: Member,
    role: Role,
    /// Whether they hold, by a custom role, the privilege to give roles.
    may_give: bool,
    held: Privileges,
    roles: &'a CustomRoles,
}

/// Roles that the owner made.
struct CustomRoles {
    /// Gives roles.
    giving: String,
    /// By name: the id, and what the role holds.
    given: [(&'static str, String, Privileges); 2],
}

impl CustomRoles {
    async fn make(app: &TestApp, owner: &Member) -> Self {
        let strong = [Privilege::DeleteUsers, Privilege::ManageStorage];
        let weak = [Privilege::MuteUsers];
        let names = |held: &[Privilege]| held.iter().map(|one| one.as_str()).collect::<Vec<_>>();
        let strong_id = make_role(app, owner, "strong", &names(&strong)).await;
        let weak_id = make_role(app, owner, "weak", &names(&weak)).await;
        Self {
            giving: make_role(app, owner, "giver", &["manage_server_privileges"]).await,
            given: [
                ("strong", strong_id, strong.into_iter().collect()),
                ("weak", weak_id, weak.into_iter().collect()),
            ],
        }
    }
}

impl Climber<'_> {
    fn own_roles(&self) -> Vec<&str> {
        let giving = self.roles.giving.as_str();
        self.may_give.then_some(giving).into_iter().collect()
    }

    fn covers(&self, role: Role) -> bool {
        role <= self.role && self.held.covers(Privileges::of_role(role))
    }

    /// Every built-in role, and every custom one beside the role that somebody has.
    async fn gives_roles_to(&self, target: &Member, target_role: Role) {
        let built_in = SYSTEM.map(|role| (role, None));
        let custom = self
            .roles
            .given
            .each_ref()
            .map(|role| (target_role, Some(role)));
        for (new_role, given) in built_in.into_iter().chain(custom) {
            let ids: Vec<&str> = given.iter().map(|(_, id, _)| id.as_str()).collect();
            let reply = put_roles(self.app, &self.me, target, new_role.as_str(), &ids).await;
            let allowed = self.may_give
                && self.role > target_role
                && (new_role == target_role || self.covers(new_role))
                && given.is_none_or(|(_, _, held)| self.held.covers(*held));
            let expected = if allowed {
                StatusCode::OK
            } else {
                StatusCode::FORBIDDEN
            };
            let (role, gives, name) = (self.role, self.may_give, given.map(|(name, ..)| name));
            let why = format!("{role} (gives: {gives}) makes {target_role} {new_role}, {name:?}");
            assert_eq!(reply.status, expected, "{why}: {:#}", reply.json);
            put_roles(self.app, self.owner, target, target_role.as_str(), &[]).await;
        }
    }

    /// The other acts upon a person, which follow the same ladder.
    async fn acts_upon(&self, target: &Member, target_role: Role) {
        for (act, privilege, body) in [
            ("suspend", Privilege::BanUsers, json!({"reason": "x"})),
            ("unsuspend", Privilege::BanUsers, Value::Null),
            ("reset-sessions", Privilege::ResetUserTokens, Value::Null),
            ("reset-password", Privilege::ResetUserTokens, Value::Null),
        ] {
            let path = format!("/api/v1/admin/users/{}/{act}", target.id);
            let reply = call(self.app, Method::POST, &path, &self.me, &body).await;
            let allowed = self.held.contains(privilege) && self.role > target_role;
            let why = format!(
                "{} does {act} to {target_role}: {:#}",
                self.role, reply.json
            );
            assert_eq!(reply.status.is_success(), allowed, "{why}");
        }
    }

    /// Nobody makes themselves more, by any road.
    async fn rises(&self) {
        for role in SYSTEM.into_iter().filter(|role| *role > self.role) {
            let own = self.own_roles();
            let reply = put_roles(self.app, &self.me, &self.me, role.as_str(), &own).await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{:#}", reply.json);
        }
        let path = format!("/api/v1/admin/roles/{}", self.roles.giving);
        for privilege in Privilege::ALL {
            let of_giving = self.may_give && *privilege == Privilege::ManageServerPrivileges;
            if self.held.contains(*privilege) || of_giving {
                continue;
            }
            let made = json!({"name": format!("mine {privilege}"), "privileges": [privilege]});
            let grown = json!({"privileges": ["manage_server_privileges", privilege]});
            for (method, path, body) in [
                (Method::POST, "/api/v1/admin/roles", made),
                (Method::PATCH, path.as_str(), grown),
            ] {
                let reply = call(self.app, method, path, &self.me, &body).await;
                let why = format!("{privilege} at {path}: {:#}", reply.json);
                assert_eq!(reply.status, StatusCode::FORBIDDEN, "{why}");
            }
        }
    }

    /// A role goes with what it holds: who lacks that, or is given it by that role alone, cannot
    /// take it away.
    async fn deletes_roles(&self) {
        let [(_, strong, held), _] = &self.roles.given;
        let over_strong = self.may_give && self.held.covers(*held);
        let kept = (!over_strong).then_some(strong);
        for role in kept.into_iter().chain([&self.roles.giving]) {
            let path = format!("/api/v1/admin/roles/{role}");
            let reply = call(self.app, Method::DELETE, &path, &self.me, &Value::Null).await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{:#}", reply.json);
        }
    }
}

/// Who may make whom what: every role below owner, with the privilege to give roles and without,
/// gives every role to everybody, themselves included.
#[test]
fn attack_privilege_escalation_by_grant() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let owner = app.signup("owner").await;
        let roles = CustomRoles::make(&app, &owner).await;
        for role in [Role::User, Role::Moderator, Role::Admin] {
            for may_give in [false, true] {
                let name = format!("{role}_{may_give}");
                let climber = Climber {
                    app: &app,
                    owner: &owner,
                    me: app.signup(&name).await,
                    role,
                    may_give,
                    held: Privileges::of_role(role),
                    roles: &roles,
                };
                let own = climber.own_roles();
                let set = put_roles(&app, &owner, &climber.me, role.as_str(), &own).await;
                assert_eq!(set.status, StatusCode::OK, "{:#}", set.json);
                for target_role in SYSTEM {
                    let target = app.signup(&format!("t_{name}_{target_role}")).await;
                    put_roles(&app, &owner, &target, target_role.as_str(), &[]).await;
                    climber.gives_roles_to(&target, target_role).await;
                    climber.acts_upon(&target, target_role).await;
                }
                climber.rises().await;
                climber.deletes_roles().await;
            }
        }
        app.stop().await;
    });
}
