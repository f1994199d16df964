//! Reports: who may report what, who judges, what is kept, and what other nodes are told.

use federation_core::testing::{TestDatabase, on_each_backend};
use serde_json::{Value, json};

use super::appoint;
use crate::chat::world::{Member, World};
use crate::communities::village::{Village, people};
use crate::federation::pair::{actor, handle, key, pair, post, until};

const REPORTS: &str = "/api/v1/moderation/reports";

fn about(kind: &str, id: &Value, reason: &str) -> Value {
    json!({"target": {kind: id}, "reason": reason, "comment": "please look"})
}

#[test]
fn a_reported_message_is_judged_with_what_it_said() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let names = ["owner", "ann", "bob", "reeve", "mod"];
        let (operator, members) = people(&world, &names).await;
        let [owner, ann, bob, reeve, moderator] = &members[..] else {
            panic!()
        };
        appoint(&operator, moderator).await;
        let village = Village::found(&operator, owner, "village").await;
        for member in [ann, bob, reeve] {
            village.let_in(owner, member).await;
        }
        let role = village.role(owner, "reeve", &["moderate_content"]).await;
        village.give(owner, &role, reeve).await;
        let said = ann.say(&village.square, "buy my turnips").await;
        let body = about("message", &said["id"], "spam");
        let made = bob.post(REPORTS, &body).await.expect(201);
        assert_eq!(made["state"], "open");
        bob.post(REPORTS, &body)
            .await
            .expect_problem(409, "already_reported");
        ann.post(REPORTS, &body)
            .await
            .expect_problem(422, "invalid_report");
        let message = format!(
            "/api/v1/channels/{}/messages/{}",
            village.square,
            said["id"].as_str().unwrap()
        );
        ann.delete(&message).await.expect(204);

        // What it said outlives it, for those who judge.
        let path = village.path(&format!("/reports/{}", made["id"].as_str().unwrap()));
        let shown = reeve.get(&path).await.expect(200);
        assert_eq!(shown["snapshot"]["content"], "buy my turnips", "{shown:#}");
        assert_eq!(shown["subject_id"], ann.id);
        assert!(shown["reporter_id"].is_null(), "{shown:#}");
        let of_node = format!("{REPORTS}/{}", made["id"].as_str().unwrap());
        let shown = moderator.get(&of_node).await.expect(200);
        assert_eq!(shown["reporter_id"], bob.id);
        for member in [ann, bob] {
            let refused = member.get(&path).await;
            refused.expect_problem(403, "missing_permission");
            assert_eq!(member.get(REPORTS).await.status, 403);
            assert_eq!(member.get(&of_node).await.status, 403);
        }
        assert_eq!(reeve.get(REPORTS).await.status, 403);

        let assign = json!({"assignee": reeve.id, "note": "yours"});
        let given = moderator.patch(&of_node, &assign).await;
        // The court of the node asks only its own.
        given.expect_problem(422, "invalid_report");
        let taken = owner.patch(&path, &assign).await.expect(200);
        assert_eq!(taken["state"], "assigned");
        let resolve = json!({"state": "resolved", "note": "warned"});
        let judged = reeve.patch(&path, &resolve).await.expect(200);
        assert_eq!(judged["history"].as_array().unwrap().len(), 2, "{judged:#}");
        let again = reeve.patch(&path, &json!({"state": "dismissed"})).await;
        again.expect_problem(409, "report_closed");
        let own = bob.get("/api/v1/users/@me/reports").await.expect(200);
        assert_eq!(own["items"][0]["state"], "resolved");
        assert!(own["items"][0].get("history").is_none());
        let open = moderator.get(&format!("{REPORTS}?state=open")).await;
        assert_eq!(open.expect(200)["items"], json!([]));
        let log = owner.get(&village.path("/audit-log")).await.expect(200);
        assert_eq!(log["items"][0]["action"], "report.update", "{log:#}");
        world.stop().await;
    });
}

#[test]
fn members_report_only_what_they_see() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann", "bob"]).await;
        let [owner, ann, bob] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        let said = owner.say(&village.square, "among us").await;
        for (kind, id) in [
            ("message", &said["id"]),
            ("channel", &json!(village.square)),
            ("community", &json!(village.id)),
        ] {
            let refused = ann.post(REPORTS, &about(kind, id, "abuse")).await;
            refused.expect_problem(404, "not_found");
        }
        let dm = ann.dm(&["bob"]).await;
        let whispered = ann.say(&dm, "between us").await;
        let report = about("message", &whispered["id"], "abuse");
        owner
            .post(REPORTS, &report)
            .await
            .expect_problem(404, "not_found");
        bob.post(REPORTS, &report).await.expect(201);
        let listed = operator.get(REPORTS).await.expect(200);
        assert_eq!(listed["items"][0]["snapshot"]["content"], "between us");
        // Nobody judges what they did themselves.
        appoint(&operator, ann).await;
        assert_eq!(ann.get(REPORTS).await.expect(200)["items"], json!([]));
        for bad in [
            json!({"target": {}, "reason": "spam"}),
            json!({"target": {"user": ann.id, "channel": dm}, "reason": "spam"}),
            json!({"target": {"user": bob.id}, "reason": "spam", "comment": "x".repeat(1001)}),
        ] {
            let refused = bob.post(REPORTS, &bad).await;
            refused.expect_problem(422, "invalid_report");
        }
        world.stop().await;
    });
}

async fn open_reports(by: &Member<'_>) -> Vec<Value> {
    let page = by.get(REPORTS).await.expect(200);
    page["items"].as_array().unwrap().clone()
}

#[test]
fn a_report_crosses_to_the_other_node_without_the_name_of_who_made_it() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (mut at_bob, _) = bob.socket(None).await;
        let channel = alice.dm(&[&handle(&b, "bob")]).await;
        alice.say(&channel, "hello").await;
        let got = at_bob.next_op("message.created").await["d"].clone();
        let body = json!({
            "target": {"message": got["id"]},
            "reason": "abuse", "comment": "rude", "forward": true,
        });
        let made = bob.post(REPORTS, &body).await.expect(201);
        assert_eq!(made["is_forwarded"], true);
        // Alice owns her node, and sees no report of what she did; somebody else does.
        let judge = a.member("judge").await;
        appoint(&alice, &judge).await;
        let report = until("report", async || open_reports(&judge).await.pop()).await;
        assert_eq!(report["source"], "node", "{report:#}");
        assert_eq!(report["comment"], "rude");
        assert_eq!(report["snapshot"]["content"], "hello");
        assert_eq!(report["domain"], b.app.address().to_string());
        let told = report.to_string();
        assert!(
            !told.contains(&bob.id) && !told.contains("/users/bob"),
            "{told}"
        );
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn attack_reports_of_another_node_are_bounded_and_come_once() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (owner, _bob) = (b.member("owner").await, b.member("bob").await);
        a.member("alice").await;
        let (sender, signer) = (actor(&a, "alice"), key(&a, "alice").await);
        let flag = |number: u32, object: &str| {
            json!({
                "@context": "https://www.w3.org/ns/activitystreams",
                "id": format!("{sender}/flags/{number}"), "type": "Flag", "actor": sender,
                "content": "<p>bad</p><script>x</script>", "object": [object],
            })
        };
        let bob = actor(&b, "bob").to_string();
        for number in 0..3 {
            let answer = post(&b, "/inbox", &signer, &flag(number, &bob)).await;
            assert_eq!(answer.status, 202);
        }
        let nobody = flag(9, &format!("{bob}x"));
        assert_eq!(post(&b, "/inbox", &signer, &nobody).await.status, 202);
        let found = open_reports(&owner).await;
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!(found[0]["comment"], "bad");
        a.stop().await;
        b.stop().await;
    });
}
