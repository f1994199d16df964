//! Nobody gives what they do not hold, and nobody acts on somebody who stands as high.

use std::time::{Duration, Instant};

use federation_core::testing::on_each_backend;
use folkmoot::base::permission::Permission;
use reqwest::Method;
use serde_json::{Value, json};

use super::village::{Village, people, write};
use crate::chat::world::{Answer, Member, World};

/// What somebody tries who wants more than they have: method, path, body, and which permissions
/// would let them (one of them), when one alone lets them at all.
struct Attempt {
    what: &'static str,
    method: Method,
    path: String,
    body: Value,
    takes: &'static [Permission],
}

/// Who and what there is to act on.
struct Scene<'a> {
    village: &'a Village,
    thief: &'a Member<'a>,
    owner: &'a Member<'a>,
    /// A member who stands higher than the thief.
    lord: &'a Member<'a>,
    /// A role that stands higher than the thief's.
    crown: &'a str,
    /// A role that stands lower than the thief's, and holds everything.
    sceptre: &'a str,
    everyone: &'a str,
    cellar: &'a str,
}

impl Scene<'_> {
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn attempts(&self) -> Vec<Attempt> {
        let Scene {
            village,
            thief,
            owner,
            lord,
            crown,
            sceptre,
            everyone,
            cellar,
        } = self;
        let at = |what, method, path: String, body| Attempt {
            what,
            method,
            path,
            body,
            takes: &[],
        };
        let (put, post, patch, delete) = (Method::PUT, Method::POST, Method::PATCH, Method::DELETE);
        let all = json!({"permissions": ["administrator"]});
        let within = |rest: String| village.path(&rest);
        let square = format!("/api/v1/channels/{}", village.square);
        let give =
            |who: &Member<'_>, role: &str| within(format!("/members/{}/roles/{role}", who.id));
        let everything = json!({"allow": ["manage_channels", "manage_messages", "manage_roles"]});
        vec![
            at(
                "takes a higher role",
                put.clone(),
                give(thief, crown),
                json!({}),
            ),
            at(
                "takes a lower role that holds more",
                put.clone(),
                give(thief, sceptre),
                json!({}),
            ),
            at(
                "gives another a higher role",
                put.clone(),
                give(lord, crown),
                json!({}),
            ),
            at(
                "takes a role from a higher one",
                delete.clone(),
                give(lord, crown),
                json!({}),
            ),
            at(
                "makes an administrator's role",
                post.clone(),
                within("/roles".into()),
                json!({"name": "x", "permissions": ["administrator"]}),
            ),
            at(
                "lets everyone do everything",
                patch.clone(),
                within(format!("/roles/{everyone}")),
                all.clone(),
            ),
            at(
                "adds to a lower role",
                patch.clone(),
                within(format!("/roles/{sceptre}")),
                json!({"permissions": ["administrator", "stream", "ban_members"]}),
            ),
            at(
                "changes a higher role",
                patch.clone(),
                within(format!("/roles/{crown}")),
                json!({"name": "rags"}),
            ),
            at(
                "deletes a higher role",
                delete.clone(),
                within(format!("/roles/{crown}")),
                json!({}),
            ),
            at(
                "deletes a role that holds more",
                delete.clone(),
                within(format!("/roles/{sceptre}")),
                json!({}),
            ),
            at(
                "kicks the owner",
                delete.clone(),
                within(format!("/members/{}", owner.id)),
                json!({}),
            ),
            at(
                "kicks a higher one",
                delete.clone(),
                within(format!("/members/{}", lord.id)),
                json!({}),
            ),
            at(
                "bans the owner",
                put.clone(),
                within(format!("/bans/{}", owner.id)),
                json!({}),
            ),
            at(
                "bans a higher one",
                put.clone(),
                within(format!("/bans/{}", lord.id)),
                json!({}),
            ),
            at(
                "bans themselves",
                put.clone(),
                within(format!("/bans/{}", thief.id)),
                json!({}),
            ),
            at(
                "silences the owner",
                patch.clone(),
                within(format!("/members/{}", owner.id)),
                json!({"time_out_seconds": 60}),
            ),
            at(
                "silences a higher one",
                patch.clone(),
                within(format!("/members/{}", lord.id)),
                json!({"time_out_seconds": 60}),
            ),
            at(
                "renames a higher one",
                patch.clone(),
                within(format!("/members/{}", lord.id)),
                json!({"nickname": "fool"}),
            ),
            at(
                "takes the community",
                patch.clone(),
                within(String::new()),
                json!({"owner_id": thief.id}),
            ),
            at(
                "deletes the community",
                delete.clone(),
                within(String::new()),
                json!({}),
            ),
            at(
                "says of a higher role",
                put.clone(),
                format!("{square}/overrides/roles/{crown}"),
                json!({"deny": ["view_channel"]}),
            ),
            at(
                "says of a higher one",
                put.clone(),
                format!("{square}/overrides/members/{}", lord.id),
                json!({"deny": ["view_channel"]}),
            ),
            at(
                "lets everyone manage",
                put.clone(),
                format!("{square}/overrides/roles/{everyone}"),
                everything.clone(),
            ),
            at(
                "lets themselves manage",
                put.clone(),
                format!("{square}/overrides/members/{}", thief.id),
                everything,
            ),
            at(
                "enters the cellar",
                put,
                format!("/api/v1/channels/{cellar}/members/@me"),
                json!({}),
            ),
            at(
                "opens the cellar",
                patch.clone(),
                format!("/api/v1/channels/{cellar}"),
                json!({"is_private": false}),
            ),
            Attempt {
                takes: &[Permission::ManageCommunity],
                ..at(
                    "renames the community",
                    patch,
                    within(String::new()),
                    json!({"name": "The village"}),
                )
            },
            Attempt {
                takes: &[Permission::ManageChannels],
                ..at(
                    "makes a channel",
                    post.clone(),
                    within("/channels".into()),
                    json!({"name": "den"}),
                )
            },
            Attempt {
                takes: &[Permission::ManageRoles],
                ..at(
                    "makes a role",
                    post.clone(),
                    within("/roles".into()),
                    json!({"name": "rags"}),
                )
            },
            Attempt {
                takes: &[Permission::CreateInvites],
                ..at(
                    "invites",
                    post.clone(),
                    within("/invites".into()),
                    json!({}),
                )
            },
            Attempt {
                takes: &[Permission::ChangeNickname, Permission::ManageNicknames],
                ..at(
                    "renames themselves",
                    Method::PATCH,
                    within("/members/@me".into()),
                    json!({"nickname": "duke"}),
                )
            },
            Attempt {
                takes: &[Permission::CreateThreads],
                ..at(
                    "opens a thread",
                    post,
                    format!("{square}/threads"),
                    json!({"name": "whispers"}),
                )
            },
            Attempt {
                takes: &[Permission::ViewAuditLog],
                ..at(
                    "reads the log",
                    Method::GET,
                    within("/audit-log".into()),
                    json!({}),
                )
            },
            Attempt {
                takes: &[Permission::BanMembers],
                ..at("lists bans", Method::GET, within("/bans".into()), json!({}))
            },
            Attempt {
                takes: &[Permission::ManageRoles],
                ..at(
                    "reads what a channel says",
                    Method::GET,
                    format!("{square}/overrides"),
                    json!({}),
                )
            },
        ]
    }
}

async fn attempt(thief: &Member<'_>, attempt: &Attempt) -> Answer {
    let request = thief.request(attempt.method.clone(), &attempt.path);
    Answer::of(request.json(&attempt.body)).await
}

#[test]
fn attack_no_single_permission_below_administrator_leads_to_more() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "lord", "thief"]).await;
        let [owner, lord, thief] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        for member in [lord, thief] {
            village.let_in(owner, member).await;
        }
        let everyone = village.everyone(owner).await;
        let everyones = village.path(&format!("/roles/{everyone}"));
        let sight = json!({"permissions": ["view_channel", "read_history"]});
        owner.patch(&everyones, &sight).await.expect(200);
        let held = ["administrator", "manage_roles"];
        let crown = village.role(owner, "crown", &held).await;
        let thiefs = village.role(owner, "thief", &[]).await;
        let sceptre = village.role(owner, "sceptre", &held).await;
        village.give(owner, &crown, lord).await;
        village.give(owner, &thiefs, thief).await;
        let cellar = json!({"name": "cellar", "is_private": true});
        let cellar = village.channel(owner, &cellar).await;
        let scene = Scene {
            village: &village,
            thief,
            owner,
            lord,
            crown: &crown,
            sceptre: &sceptre,
            everyone: &everyone,
            cellar: &cellar,
        };
        let attempts = scene.attempts();
        let mut refused = 0;
        for permission in Permission::ALL {
            if *permission == Permission::Administrator {
                continue;
            }
            let holds = json!({"permissions": [permission.as_str()]});
            let role = village.path(&format!("/roles/{thiefs}"));
            owner.patch(&role, &holds).await.expect(200);
            for tried in &attempts {
                let answer = attempt(thief, tried).await;
                let row = format!("with {permission} {}: {:#}", tried.what, answer.json);
                if tried.takes.contains(permission) {
                    assert!(answer.status < 300, "{row}");
                } else {
                    assert!(
                        matches!(answer.status, 403 | 404),
                        "{} {row}",
                        answer.status
                    );
                    refused += 1;
                }
            }
        }
        assert!(refused > 1000, "{refused}");
        // And nothing of all that has changed anything.
        let shown = owner.get(&village.path("")).await.expect(200);
        assert_eq!(
            (&shown["owner_id"], &shown["member_count"]),
            (&json!(owner.id), &json!(3))
        );
        let members = owner
            .get(&village.path(&format!("/members/{}", thief.id)))
            .await;
        assert_eq!(members.expect(200)["roles"], json!([thiefs]));
        let lords = owner
            .get(&village.path(&format!("/members/{}", lord.id)))
            .await
            .expect(200);
        assert!(lords["nickname"].is_null() && lords["timed_out_until"].is_null());
        world.stop().await;
    });
}

#[test]
fn attack_administrators_do_not_reach_their_equals_or_the_owner() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann", "bob", "carl"]).await;
        let [owner, ann, bob, carl] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        for member in [ann, bob, carl] {
            village.let_in(owner, member).await;
        }
        let admin = village.role(owner, "admin", &["administrator"]).await;
        let helper = village.role(owner, "helper", &["kick_members"]).await;
        village.give(owner, &admin, ann).await;
        village.give(owner, &admin, bob).await;
        let of = |who: &Member<'_>| village.path(&format!("/members/{}", who.id));
        for target in [owner, bob] {
            ann.delete(&of(target))
                .await
                .expect_problem(403, "out_of_reach");
            let ban = ann
                .put(&village.path(&format!("/bans/{}", target.id)), &json!({}))
                .await;
            ban.expect_problem(403, "out_of_reach");
            let quiet = ann
                .patch(&of(target), &json!({"time_out_seconds": 9}))
                .await;
            quiet.expect_problem(403, "out_of_reach");
        }
        // Those who run the node stand above all of it.
        let refused = ann
            .put(&village.path(&format!("/bans/{}", operator.id)), &json!({}))
            .await;
        refused.expect_problem(403, "out_of_reach");
        let order = json!({"roles": [helper, admin]});
        let refused = ann.put(&village.path("/roles/order"), &order).await;
        refused.expect_problem(403, "out_of_reach");
        let carls_admin = village.path(&format!("/members/{}/roles/{admin}", carl.id));
        let refused = ann.put(&carls_admin, &json!({})).await;
        refused.expect_problem(403, "out_of_reach");
        village.give(ann, &helper, carl).await;
        // A helper reaches those without a role, and nobody else; a lower helper not the higher.
        carl.delete(&of(ann))
            .await
            .expect_problem(403, "out_of_reach");
        village.let_in(ann, &operator).await;
        carl.delete(&of(&operator))
            .await
            .expect_problem(403, "out_of_reach");
        // An administrator cannot be silenced by the owner either, who can take the role away.
        let refused = owner.patch(&of(bob), &json!({"time_out_seconds": 9})).await;
        refused.expect_problem(422, "invalid_terms");
        let role = village.path(&format!("/members/{}/roles/{admin}", bob.id));
        owner.delete(&role).await.expect(200);
        owner
            .patch(&of(bob), &json!({"time_out_seconds": 9}))
            .await
            .expect(200);
        carl.delete(&of(bob)).await.expect(204);
        ann.delete(&of(carl)).await.expect(204);
        // The owner is not removed even by those who run the node, unless it is handed over.
        operator
            .delete(&of(owner))
            .await
            .expect_problem(409, "owner_stays");
        let ban = operator
            .put(&village.path(&format!("/bans/{}", owner.id)), &json!({}))
            .await;
        ban.expect_problem(409, "owner_stays");
        let handed = operator
            .patch(&village.path(""), &json!({"owner_id": ann.id}))
            .await;
        handed.expect(200);
        operator.delete(&of(owner)).await.expect(204);
        world.stop().await;
    });
}

#[test]
fn attack_a_role_that_was_taken_away_is_gone_for_the_next_act() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann", "bob"]).await;
        let [owner, ann, bob] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        village.let_in(owner, bob).await;
        let high = village
            .role(owner, "high", &["manage_roles", "kick_members"])
            .await;
        village.give(owner, &high, ann).await;
        let low = village
            .role(owner, "low", &["manage_roles", "kick_members"])
            .await;
        village.give(owner, &low, bob).await;
        // Sessions outlive roles: what counts are the rows at the moment of the act.
        let role = village.path(&format!("/members/{}/roles/{low}", bob.id));
        let made = json!({"name": "spoils", "permissions": ["kick_members"]});
        let taken = ann.delete(&role).await;
        taken.expect(200);
        let late = bob.post(&village.path("/roles"), &made).await;
        late.expect_problem(403, "missing_permission");
        world.stop().await;
    });
}

#[test]
fn I9_roles_of_the_node_count_in_every_community_as_long_as_they_are_held() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann", "bob"]).await;
        let [owner, ann, bob] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, bob).await;
        let channels = village.path("/channels");
        let messages = format!("/api/v1/channels/{}/messages", village.square);
        ann.get(&channels).await.expect_problem(404, "not_found");
        ann.get(&messages).await.expect_problem(404, "not_found");
        let warden =
            json!({"name": "warden", "privileges": ["view_private_channels", "ban_users"]});
        let made = operator.post("/api/v1/admin/roles", &warden).await;
        let warden = made.expect(201)["id"].clone();
        let roles = format!("/api/v1/admin/users/{}/roles", ann.id);
        let gives = json!({"role": "user", "custom": [warden]});
        operator.put(&roles, &gives).await.expect(200);
        ann.get(&channels).await.expect(200);
        let refused = write(ann, &village.square).await;
        refused.expect_problem(403, "missing_permission");
        ann.get(&village.path("/bans")).await.expect(200);
        // By a role that operators made nobody stands higher.
        let ban = village.path(&format!("/bans/{}", bob.id));
        let refused = ann.put(&ban, &json!({})).await;
        refused.expect_problem(403, "out_of_reach");
        let began = Instant::now();
        while ann.get(&messages).await.status != 200 {
            assert!(began.elapsed() < Duration::from_secs(1), "not at once");
        }
        let takes = json!({"role": "user", "custom": []});
        operator.put(&roles, &takes).await.expect(200);
        ann.get(&channels).await.expect_problem(404, "not_found");
        let began = Instant::now();
        while ann.get(&messages).await.status != 404 {
            assert!(began.elapsed() < Duration::from_secs(1), "not at once");
        }
        world.stop().await;
    });
}
