//! What was said in channels and is gone: every server that has it from the Group is told.

use federation_core::store::sql::Backend;
use federation_core::testing::{TestDatabase, on_each_backend};
use reqwest::Method;
use serde_json::{Value, json};

use super::channels::{join, reads, square};
use super::pair::{actor, contents, key, open, pair, post, until};
use super::rotation::bodies;
use crate::chat::world::{Answer, Member, World};

const PUBLIC: &str = "https://www.w3.org/ns/activitystreams#Public";

/// Ends the account of a member.
async fn end(member: &Member<'_>) {
    let body = json!({"password": "correct horse battery staple"});
    let request = member.request(Method::DELETE, "/api/v1/users/@me");
    Answer::of(request.json(&body)).await.expect(202);
}

#[test]
fn words_of_ended_accounts_go_from_servers_that_only_follow_the_channel() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let third = TestDatabase::create(Backend::Sqlite);
        let c = World::start_with(&third, open).await;
        let alice = a.member("alice").await;
        let (bob, dave) = (b.member("bob").await, a.member("dave").await);
        c.member("owner").await;
        let carol = c.member("carol").await;
        let (_, square) = square(&alice).await;
        let (at_b, at_c) = (join(&bob, &a).await, join(&carol, &a).await);
        alice.say(&square, "stays").await;
        dave.say(&square, "of the host").await;
        reads(&bob, &at_b, &["of the host", "stays"]).await;
        reads(&carol, &at_c, &["of the host", "stays"]).await;
        carol.say(&at_c, "of a third").await;
        reads(&bob, &at_b, &["of a third", "of the host", "stays"]).await;

        // Nobody at the second server has anything to do with either of them.
        end(&carol).await;
        reads(&alice, &square, &["of the host", "stays"]).await;
        reads(&bob, &at_b, &["of the host", "stays"]).await;
        end(&dave).await;
        reads(&alice, &square, &["stays"]).await;
        reads(&bob, &at_b, &["stays"]).await;
        drop((alice, bob, carol, dave));
        a.stop().await;
        b.stop().await;
        c.stop().await;
    });
}

#[test]
fn a_deletion_that_names_no_channel_reaches_the_followers_of_the_channel() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let third = TestDatabase::create(Backend::Sqlite);
        let c = World::start_with(&third, open).await;
        let alice = a.member("alice").await;
        let (bob, carol) = (b.member("bob").await, c.member("carol").await);
        let (_, square) = square(&alice).await;
        let (at_b, at_c) = (join(&bob, &a).await, join(&carol, &a).await);
        let said = carol.say(&at_c, "gone soon").await;
        reads(&bob, &at_b, &["gone soon"]).await;
        // As microblogs say it.
        let (from, signed) = (actor(&c, "carol"), key(&c, "carol").await);
        let delete = json!({
            "id": format!("{}#delete", said["uri"].as_str().unwrap()), "type": "Delete",
            "actor": from, "to": [PUBLIC],
            "object": {"id": said["uri"], "type": "Tombstone"},
        });
        assert_eq!(post(&a, "/inbox", &signed, &delete).await.status, 202);
        reads(&alice, &square, &[]).await;
        reads(&bob, &at_b, &[]).await;
        drop((alice, bob, carol));
        a.stop().await;
        b.stop().await;
        c.stop().await;
    });
}

/// What a member of another server was answered about its channel, once it is this.
async fn state(by: &Member<'_>, expected: &str) {
    until(expected, async || {
        let all = by.get("/api/v1/federation/channels").await.expect(200);
        (all["items"][0]["state"] == expected).then_some(())
    })
    .await;
}

#[test]
fn a_channel_that_is_closed_puts_its_followers_out_and_tells_them_what_is_deleted() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (community, square) = square(&alice).await;
        let mirror = join(&bob, &a).await;
        let first = alice.say(&square, "by the host").await;
        reads(&bob, &mirror, &["by the host"]).await;
        bob.say(&mirror, "by bob").await;
        reads(&alice, &square, &["by bob", "by the host"]).await;
        reads(&bob, &mirror, &["by bob", "by the host"]).await;

        let shown = format!("/api/v1/communities/{community}");
        let closed = json!({"visibility": "private"});
        alice.patch(&shown, &closed).await.expect(200);
        // At once nothing is taken from who is told nothing.
        let (from, signed) = (actor(&b, "bob"), key(&b, "bob").await);
        let group = a.url(&format!("/channels/{square}"));
        let blind = json!({
            "id": format!("{from}#blind"), "type": "Create", "actor": from,
            "to": [PUBLIC], "audience": group,
            "object": {
                "id": format!("{from}/blind"), "type": "Note", "attributedTo": from,
                "content": "<p>blind</p>", "audience": group,
            },
        });
        assert_eq!(post(&a, "/inbox", &signed, &blind).await.status, 202);
        assert_eq!(contents(&alice, &square).await, ["by bob", "by the host"]);

        state(&bob, "refused").await;
        let people = alice.get(&format!("{shown}/members")).await.expect(200);
        assert_eq!(people["items"].as_array().unwrap().len(), 1, "{people:#}");
        let between = alice.say(&square, "between us").await;

        // What was public is taken back where it is.
        let path = format!("/api/v1/channels/{square}/messages");
        let page = alice.get(&path).await.expect(200);
        let bobs = page["items"][1]["id"].as_str().unwrap().to_owned();
        alice.delete(&format!("{path}/{bobs}")).await.expect(204);
        reads(&bob, &mirror, &["by the host"]).await;
        for said in [&between, &first] {
            let id = said["id"].as_str().unwrap();
            alice.delete(&format!("{path}/{id}")).await.expect(204);
        }
        reads(&bob, &mirror, &[]).await;
        // What was not is not so much as named.
        let told = a.app.ctx().db().read(bodies).await.unwrap();
        let names = |said: &Value| {
            let uri = said["uri"].as_str().unwrap();
            told.iter().any(|body| body.contains(uri))
        };
        assert!(names(&first) && !names(&between), "{told:#?}");

        // Open again, it is followed anew, by those who ask.
        let open = json!({"visibility": "public"});
        alice.patch(&shown, &open).await.expect(200);
        assert_eq!(join(&bob, &a).await, mirror);
        alice.say(&square, "welcome back").await;
        until("what is said then", async || {
            let found = contents(&bob, &mirror).await;
            found.contains(&"welcome back".to_owned()).then_some(())
        })
        .await;
        drop((alice, bob));
        a.stop().await;
        b.stop().await;
    });
}
