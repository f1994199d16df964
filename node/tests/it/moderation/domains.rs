//! Policies towards other domains: blocks, silence, lists of those let in, and lists of others.

use federation_core::testing::{TestDatabase, on_each_backend};
use reqwest::Method;
use serde_json::{Value, json};

use crate::chat::world::{Answer, Member, World};
use crate::communities::village::people;
use crate::federation::pair::{handle, pair};

const LIST: &str = "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate\n\
    evil.example,suspend,true,true,spam,false\n\
    loud.example,silence,false,false,,false\n\
    ev*l.example,suspend,false,false,,true\n\
    evil.example,noop,false,false,,false\n";

async fn import(by: &Member<'_>, query: &str, list: &str) -> Answer {
    let path = format!("/api/v1/moderation/domain-blocks/import{query}");
    let request = by.request(Method::POST, &path);
    let request = request.header("content-type", "text/csv");
    Answer::of(request.body(list.to_owned())).await
}

#[test]
fn lists_of_domains_are_tried_taken_in_and_written_out() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["ann"]).await;
        let ann = &members[0];
        let tried = import(&operator, "?dry_run=true", LIST).await.expect(200);
        let outcomes: Vec<&str> = tried["lines"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["outcome"].as_str().unwrap())
            .collect();
        assert_eq!(outcomes, ["added", "added", "fault", "fault"], "{tried:#}");
        assert_eq!(tried["lines"][2]["fault"], "obfuscated");
        assert_eq!(tried["lines"][3]["fault"], "twice");
        let policies = "/api/v1/federation/policies";
        assert_eq!(operator.get(policies).await.expect(200)["items"], json!([]));
        assert_eq!(import(ann, "", LIST).await.status, 403);
        assert_eq!(ann.get(policies).await.status, 403);
        let taken = import(&operator, "", LIST).await.expect(200);
        assert_eq!(
            (&taken["added"], &taken["dry_run"]),
            (&json!(2), &json!(false))
        );
        let again = import(&operator, "", LIST).await.expect(200);
        assert_eq!((&again["added"], &again["same"]), (&json!(0), &json!(2)));
        let path = "/api/v1/moderation/domain-blocks.csv";
        let written = operator.request(Method::GET, path).send().await.unwrap();
        let written = written.text().await.unwrap();
        assert!(
            written.contains("evil.example,suspend,true,true,spam,false"),
            "{written}"
        );
        let shown = operator.get("/api/v1/federation/peers/Evil.Example").await;
        let shown = shown.expect(200);
        assert_eq!(shown["policy"]["severity"], "block", "{shown:#}");
        assert_eq!(shown["queued"], 0);
        let peer = "/api/v1/federation/peers/evil.example";
        operator.delete(peer).await.expect(204);
        operator.get(peer).await.expect_problem(404, "not_found");
        import(&operator, "", "nothing\n")
            .await
            .expect_problem(422, "invalid_list");
        let log = operator.get("/api/v1/admin/audit-log").await.expect(200);
        let log = log.to_string();
        assert!(
            log.contains("domain.import") && log.contains("domain.policy"),
            "{log}"
        );
        world.stop().await;
    });
}

#[test]
fn a_list_is_in_the_audit_log_domain_by_domain() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let operator = world.member("operator").await;
        let list = |severity: &str| {
            let line = |number| format!("n{number}.example,{severity}\n");
            let lines: Vec<String> = (0..150).map(line).collect();
            format!("#domain,#severity\n{}", lines.concat())
        };
        let taken = import(&operator, "", &list("silence")).await.expect(200);
        assert_eq!(taken["added"], 150, "{taken:#}");
        let taken = import(&operator, "", &list("suspend")).await.expect(200);
        assert_eq!(taken["changed"], 150, "{taken:#}");
        let path = "/api/v1/admin/audit-log?action=domain.import";
        let log = operator.get(path).await.expect(200);
        let items = log["items"].as_array().unwrap();
        assert_eq!(items.len(), 6);
        // The newest first: the rest of the second list, its first hundred, and how many there were.
        let lengths = |entry: &Value| {
            let of = |side: &str| entry[side].as_array().map_or(0, Vec::len);
            (of("before"), of("after"))
        };
        assert_eq!(lengths(&items[0]), (50, 50));
        assert_eq!(lengths(&items[1]), (100, 100));
        assert_eq!(items[2]["after"]["changed"], 150);
        assert_eq!(lengths(&items[3]), (0, 50));
        let (before, after) = (&items[1]["before"][0], &items[1]["after"][0]);
        assert_eq!(before["domain"], after["domain"]);
        assert_eq!(before["severity"], "silence");
        assert_eq!(after["severity"], "block");
        world.stop().await;
    });
}

/// Tries to send something to the other node; how it stands with it then.
async fn reaches(from: &Member<'_>, to: &str) -> u16 {
    let path = format!("/api/v1/federation/resolve?handle={to}");
    from.get(&path).await.status
}

async fn set(by: &Member<'_>, severity: &str) {
    let body = json!({"severity": severity, "public_comment": "for a test"});
    let path = "/api/v1/federation/peers/127.0.0.1";
    by.put(path, &body).await.expect(200);
}

#[test]
fn blocked_domains_and_those_not_let_in_are_not_spoken_to() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let alice = a.member("alice").await;
        for name in ["bob", "cid", "dan"] {
            b.member(name).await;
        }
        let there = |name: &str| handle(&b, name);
        set(&alice, "block").await;
        assert_eq!(reaches(&alice, &there("bob")).await, 422);
        set(&alice, "none").await;
        let closed = json!({"mode": "allow_list"});
        let mode = "/api/v1/federation/mode";
        alice.put(mode, &closed).await.expect(200);
        assert_eq!(reaches(&alice, &there("cid")).await, 422);
        set(&alice, "allow").await;
        assert_eq!(reaches(&alice, &there("dan")).await, 200);
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn people_of_silenced_domains_reach_those_who_know_them_alone() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let cid = b.member("cid").await;
        let (mut at_bob, _) = bob.socket(None).await;
        let (mut at_cid, _) = cid.socket(None).await;
        let known = alice.dm(&[&handle(&b, "bob")]).await;
        alice.say(&known, "before").await;
        at_bob.next_op("message.created").await;
        set(&bob, "silence").await;
        let unknown = alice.dm(&[&handle(&b, "cid")]).await;
        let (mut at_alice, _) = alice.socket(None).await;
        let unheard = alice.say(&unknown, "unheard").await;
        loop {
            let told = at_alice.next_op("delivery.updated").await;
            if told["d"]["message_id"] == unheard["id"] {
                break;
            }
        }
        alice.say(&known, "after").await;
        let heard = at_bob.next_op("message.created").await;
        assert_eq!(heard["d"]["content"], "after");
        let listed = bob.get("/api/v1/users?q=alice").await.expect(200);
        let listed: Vec<&Value> = listed["items"].as_array().unwrap().iter().collect();
        assert!(listed.is_empty(), "{listed:?}");
        let handle = json!({"handle": handle(&a, "alice")});
        let followed = cid.post("/api/v1/federation/follow", &handle).await;
        followed.expect(200);
        alice.say(&unknown, "heard").await;
        let heard = at_cid.next_op("message.created").await;
        assert_eq!(heard["d"]["content"], "heard");
        a.stop().await;
        b.stop().await;
    });
}
