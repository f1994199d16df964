//! What was said in channels and is gone: every server that has it from the Group is told.

use federation_core::store::sql::Backend;
use federation_core::testing::{TestDatabase, on_each_backend};
use reqwest::Method;
use serde_json::json;

use super::channels::{join, reads, square};
use super::pair::{actor, key, open, pair, post};
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
