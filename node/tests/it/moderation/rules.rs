//! Rules of what may be written, and who makes them.

use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::testing::{ManualClock, TestDatabase, on_each_backend};
use federation_core::{Clock as _, SystemClock};
use folkmoot::platform::db::schema;
use serde_json::{Value, json};

use super::appoint;
use crate::chat::world::World;
use crate::communities::village::{Village, people, permissions};
use crate::federation::pair::{contents, handle, pair, until};

const RULES: &str = "/api/v1/moderation/rules";

fn rule(kind: &str, pattern: &str, action: &str) -> Value {
    json!({
        "name": format!("{kind} {pattern}"), "kind": kind, "pattern": pattern,
        "action": action, "reason": "No turnips here.",
    })
}

#[test]
fn rules_refuse_delete_silence_report_and_note() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann", "bob"]).await;
        let [owner, ann, bob] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        for member in [ann, bob] {
            village.let_in(owner, member).await;
        }
        let path = village.path("/rules");
        let made = owner.post(&path, &rule("word", "turnip", "block")).await;
        let made = made.expect(201);
        let messages = format!("/api/v1/channels/{}/messages", village.square);
        let hidden = json!({"content": "T\u{200b}\u{ff55}rnip!"});
        let refused = ann.post(&messages, &hidden).await;
        refused.expect_problem(422, "content_refused");
        assert_eq!(refused.json["detail"], "No turnips here.");
        let said = ann.say(&village.square, "turnips are many").await;
        let edit = format!("{messages}/{}", said["id"].as_str().unwrap());
        let refused = ann.patch(&edit, &json!({"content": "a turnip"})).await;
        refused.expect_problem(422, "content_refused");
        // Whoever judges content breaks no rule, and another channel may be exempt.
        owner.say(&village.square, "a turnip").await;
        let field = village.channel(owner, &json!({"name": "field"})).await;
        let one = village.path(&format!("/rules/{}", made["id"].as_str().unwrap()));
        let exempt = json!({"exempt_channels": [field]});
        owner.patch(&one, &exempt).await.expect(200);
        ann.say(&field, "a turnip").await;

        let mut silence = rule("link_domain", "evil.example", "time_out");
        silence["time_out_seconds"] = json!(600);
        owner.post(&path, &silence).await.expect(201);
        let (mut socket, _) = bob.socket(None).await;
        let gone = ann
            .say(&village.square, "see https://www.evil.example/")
            .await;
        assert_eq!(
            socket.next_op("message.deleted").await["d"]["id"],
            gone["id"]
        );
        let refused = ann.post(&messages, &json!({"content": "but"})).await;
        refused.expect_problem(403, "timed_out");
        let again = rule("phrase", "see you", "report");
        owner.post(&path, &again).await.expect(201);
        bob.say(&village.square, "See  you later").await;
        let reports = owner.get(&village.path("/reports")).await.expect(200);
        assert_eq!(reports["items"][0]["source"], "rule", "{reports:#}");
        let mut twice = rule("repeated", "", "block");
        twice["times"] = json!(2);
        twice["seconds"] = json!(600);
        owner.post(&path, &twice).await.expect(201);
        bob.say(&village.square, "hello there").await;
        let refused = bob
            .post(&messages, &json!({"content": "HELLO there"}))
            .await;
        refused.expect_problem(422, "content_refused");
        let log = owner.get(&village.path("/audit-log")).await.expect(200);
        let log = log.to_string();
        for action in ["rule.create", "rule.update", "rule.time_out", "rule.report"] {
            assert!(log.contains(action), "{action}: {log}");
        }
        owner.delete(&one).await.expect(204);
        bob.say(&village.square, "a turnip").await;
        world.stop().await;
    });
}

#[test]
fn an_edit_that_changes_nothing_is_held_against_no_rule() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann"]).await;
        let [owner, ann] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let said = ann.say(&village.square, "a turnip").await;
        let new = rule("word", "turnip", "block");
        owner.post(&village.path("/rules"), &new).await.expect(201);
        let path = format!(
            "/api/v1/channels/{}/messages/{}",
            village.square,
            said["id"].as_str().unwrap()
        );
        let same = ann.patch(&path, &json!({"content": "a turnip"})).await;
        assert_eq!(same.expect(200)["edited_at"], Value::Null);
        let other = ann.patch(&path, &json!({"content": "one turnip"})).await;
        other.expect_problem(422, "content_refused");
        world.stop().await;
    });
}

#[test]
fn repetitions_count_within_their_window_whatever_is_deleted() {
    on_each_backend(async |database| {
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let world = World::start_by(&database, clock.clone(), |_config| {}).await;
        let (operator, members) = people(&world, &["owner", "ann", "bob"]).await;
        let [owner, ann, bob] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        let hamlet = Village::found(&operator, owner, "hamlet").await;
        for member in [ann, bob] {
            village.let_in(owner, member).await;
            hamlet.let_in(owner, member).await;
        }
        let mut thrice = rule("repeated", "", "block");
        thrice["times"] = json!(3);
        thrice["seconds"] = json!(600);
        // Where no such rule counts nothing is kept.
        ann.say(&village.square, "hello there").await;
        assert_eq!(kept(&world).await, 0);
        owner
            .post(&village.path("/rules"), &thrice)
            .await
            .expect(201);
        let messages = format!("/api/v1/channels/{}/messages", village.square);
        let again = json!({"content": "HELLO  there"});
        let first = ann.post(&messages, &again).await.expect(201);
        let gone = format!("{messages}/{}", first["id"].as_str().unwrap());
        ann.delete(&gone).await.expect(204);
        ann.say(&hamlet.square, "hello there").await;
        bob.say(&village.square, "hello there").await;
        ann.say(&village.square, "something else").await;
        clock.advance(Duration::from_mins(5));
        ann.say(&village.square, "hello there").await;
        let refused = ann.post(&messages, &again).await;
        refused.expect_problem(422, "content_refused");
        assert_eq!(kept(&world).await, 4);
        clock.advance(Duration::from_mins(6));
        // The first one is longer ago than the rule looks back.
        ann.post(&messages, &again).await.expect(201);
        ann.post(&messages, &again)
            .await
            .expect_problem(422, "content_refused");
        let now = clock.now().plus(Duration::from_hours(26));
        let prune = move |connection: &mut Connection| {
            folkmoot::moderation::rules::prune(connection, now, 100)
        };
        let gone = world.app.ctx().db().write(prune).await.unwrap();
        assert_eq!((gone, kept(&world).await), (5, 0));
        world.stop().await;
    });
}

#[test]
fn a_time_out_by_a_rule_is_told_and_holds_at_once() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann", "bob"]).await;
        let [owner, ann, bob] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        for member in [ann, bob] {
            village.let_in(owner, member).await;
        }
        let said = bob.say(&village.square, "nothing yet").await;
        let mut silence = rule("word", "turnip", "time_out");
        silence["time_out_seconds"] = json!(600);
        owner
            .post(&village.path("/rules"), &silence)
            .await
            .expect(201);
        let (mut socket, _) = ann.socket(None).await;
        let held = permissions(ann, &village.square).await;
        assert!(held.contains(&"send_messages".to_owned()), "{held:?}");
        ann.say(&village.square, "a turnip").await;
        // What was remembered a moment ago counts no more.
        let held = permissions(ann, &village.square).await;
        assert!(!held.contains(&"send_messages".to_owned()), "{held:?}");
        let told = socket.notified().await;
        assert_eq!(told["kind"], "time_out", "{told:#}");
        let path = "/api/v1/notifications?kind=time_out";
        let listed = ann.get(path).await.expect(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed:#}");
        assert_eq!(listed["items"][0]["community_id"], village.id);
        // An edit does the same.
        permissions(bob, &village.square).await;
        let one = format!(
            "/api/v1/channels/{}/messages/{}",
            village.square,
            said["id"].as_str().unwrap()
        );
        let edit = json!({"content": "a turnip"});
        bob.patch(&one, &edit).await.expect(200);
        let held = permissions(bob, &village.square).await;
        assert!(!held.contains(&"send_messages".to_owned()), "{held:?}");
        world.stop().await;
    });
}

#[test]
fn attack_names_of_threads_are_held_against_the_rules() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann"]).await;
        let [owner, ann] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        for (word, action) in [("turnip", "block"), ("swede", "delete"), ("beet", "report")] {
            let new = rule("word", word, action);
            owner.post(&village.path("/rules"), &new).await.expect(201);
        }
        let threads = format!("/api/v1/channels/{}/threads", village.square);
        for name in ["T\u{200b}urnip!", "a swede"] {
            let refused = ann.post(&threads, &json!({"name": name})).await;
            refused.expect_problem(422, "content_refused");
            assert_eq!(refused.json["detail"], "No turnips here.");
        }
        let thread = ann.post(&threads, &json!({"name": "carrots"})).await;
        let thread = thread.expect(201);
        let path = format!("/api/v1/channels/{}", thread["id"].as_str().unwrap());
        for change in [json!({"name": "a turnip"}), json!({"topic": "a turnip"})] {
            let refused = ann.patch(&path, &change).await;
            refused.expect_problem(422, "content_refused");
        }
        let shown = ann.get(&path).await.expect(200);
        assert_eq!(shown["name"], "carrots", "{shown:#}");
        ann.patch(&path, &json!({"name": "a beet"}))
            .await
            .expect(200);
        let reports = owner.get(&village.path("/reports")).await.expect(200);
        let report = &reports["items"][0];
        assert_eq!(report["source"], "rule", "{reports:#}");
        assert_eq!(report["snapshot"]["found_in"], "a beet");
        assert_eq!(report["subject_id"], ann.id);
        // Whoever looks after threads is not judged.
        owner
            .patch(&path, &json!({"name": "a turnip"}))
            .await
            .expect(200);
        world.stop().await;
    });
}

#[test]
fn attack_expressions_are_refused_that_are_too_large_together() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let operator = world.member("operator").await;
        let worst = rule("regex", "1(?-u:[0-9]){3500}x", "block");
        let mut taken = 0;
        let refused = loop {
            let answer = operator.post(RULES, &worst).await;
            if answer.status != 201 {
                break answer;
            }
            taken += 1;
            assert!(taken < 20, "all were taken");
        };
        refused.expect_problem(422, "invalid_rule");
        let detail = refused.json["detail"].as_str().unwrap();
        assert!(detail.contains("too large"), "{detail}");
        let rules = operator.get(RULES).await.expect(200);
        assert_eq!(rules["items"].as_array().unwrap().len(), taken);
        world.stop().await;
    });
}

/// How many digests are kept of what was written.
async fn kept(world: &World) -> i64 {
    let read = |connection: &mut Connection| {
        let rows = schema::said_digests::table.count();
        Ok::<_, DatabaseError>(rows.get_result::<i64>(connection)?)
    };
    world.app.ctx().db().read(read).await.unwrap()
}

#[test]
fn rules_are_made_by_those_who_may() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let names = ["owner", "ann", "mod", "stranger"];
        let (operator, members) = people(&world, &names).await;
        let [owner, ann, moderator, stranger] = &members[..] else {
            panic!()
        };
        appoint(&operator, moderator).await;
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let new = rule("word", "turnip", "flag");
        let path = village.path("/rules");
        let refused = ann.post(&path, &new).await;
        refused.expect_problem(403, "missing_permission");
        ann.get(&path)
            .await
            .expect_problem(403, "missing_permission");
        stranger
            .post(&path, &new)
            .await
            .expect_problem(404, "not_found");
        moderator.get(&path).await.expect(200);
        let refused = moderator.post(&path, &new).await;
        refused.expect_problem(403, "missing_permission");
        owner.post(&path, &new).await.expect(201);
        for member in [ann, owner] {
            assert_eq!(member.get(RULES).await.status, 403);
            assert_eq!(member.post(RULES, &new).await.status, 403);
        }
        moderator.get(RULES).await.expect(200);
        assert_eq!(moderator.post(RULES, &new).await.status, 403);
        operator.post(RULES, &new).await.expect(201);
        for bad in [
            rule("regex", "(", "block"),
            rule("regex", "a*", "block"),
            rule("word", "two words", "block"),
            rule("word", "x", "time_out"),
            rule("link_domain", "nothing", "block"),
        ] {
            let refused = operator.post(RULES, &bad).await;
            refused.expect_problem(422, "invalid_rule");
        }
        world.stop().await;
    });
}

#[test]
fn a_rule_is_tried_without_effect() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann"]).await;
        let [owner, ann] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let hit = ann.say(&village.square, "one turnip").await;
        ann.say(&village.square, "no").await;
        ann.say(&village.square, "no").await;
        let asked = json!({
            "rule": rule("word", "turnip", "block"), "channel_id": village.square,
        });
        let path = village.path("/rules/dry-run");
        let tried = owner.post(&path, &asked).await.expect(200);
        assert_eq!(
            (&tried["looked_at"], &tried["found"]),
            (&json!(3), &json!(1))
        );
        assert_eq!(tried["messages"][0]["id"], hit["id"]);
        let mut twice = rule("repeated", "", "block");
        twice["times"] = json!(2);
        twice["seconds"] = json!(3600);
        let asked = json!({"rule": twice, "channel_id": village.square});
        let tried = owner.post(&path, &asked).await.expect(200);
        assert_eq!(tried["found"], 1, "{tried:#}");
        let refused = ann.post(&path, &asked).await;
        refused.expect_problem(403, "missing_permission");
        let rules = owner.get(&village.path("/rules")).await.expect(200);
        assert_eq!(rules["items"], json!([]));
        assert_eq!(contents(ann, &village.square).await.len(), 3);
        world.stop().await;
    });
}

#[test]
fn rules_of_the_node_count_for_what_comes_from_others() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let made = bob.post(RULES, &rule("word", "turnip", "block")).await;
        made.expect(201);
        let (mut socket, _) = bob.socket(None).await;
        let channel = alice.dm(&[&handle(&b, "bob")]).await;
        alice.say(&channel, "a turnip").await;
        alice.say(&channel, "a carrot").await;
        let got = socket.next_op("message.created").await["d"].clone();
        assert_eq!(got["content"], "a carrot");
        // What can be voted for is read too.
        let list = format!("/api/v1/channels/{channel}/messages");
        for other in ["turnip", "leek"] {
            let poll = json!({"options": ["carrot", other], "ends_in": 600});
            let body = json!({"content": "Which one?", "poll": poll});
            alice.post(&list, &body).await.expect(201);
        }
        let got = socket.next_op("message.created").await["d"].clone();
        assert_eq!(got["poll"]["options"][1]["text"], "leek");
        let noted = until("entry", async || {
            let path = "/api/v1/admin/audit-log?action=rule.block";
            let log = bob.get(path).await.expect(200);
            log["items"].get(0).cloned()
        });
        assert_eq!(noted.await["after"]["rule"], "word turnip");
        a.stop().await;
        b.stop().await;
    });
}
