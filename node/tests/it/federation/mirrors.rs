//! What stands for a channel of another server: who sees what there, who is told, and what is taken in.

use federation_core::signature::SigningKey;
use federation_core::testing::{TestDatabase, on_each_backend};
use serde_json::json;

use super::channels::{LEAVE, join, reads, square};
use super::channels_told::unread;
use super::groups::{announce, create};
use super::pair::{contents, open, pair, post, until};
use crate::chat::world::World;

#[test]
fn a_place_that_a_message_gets_later_marks_nothing_as_read() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let carol = b.member("carol").await;
        let (_, square) = square(&alice).await;
        let mirror = join(&bob, &a).await;
        assert_eq!(join(&carol, &a).await, mirror);
        let (token, id) = (alice.token.clone(), alice.id.clone());
        drop(alice);
        let (port, data) = a.stop().await;
        bob.say(&mirror, "into the dark").await;

        // It comes after what bob has not seen.
        let a = World::start_at(&database, data, port, open).await;
        let alice = a.returning(token, id);
        alice.say(&square, "while you were away").await;
        until("both messages in their places", async || {
            let waits = unread(&carol, &mirror).await?;
            (waits["unread"] == 2).then_some(())
        })
        .await;
        let waits = unread(&bob, &mirror).await.unwrap();
        assert_eq!(waits["unread"], 1);
        drop((alice, bob, carol));
        a.stop().await;
        b.stop().await;
    });
}

/// The key by which a Group signs.
async fn group_key(host: &World, group: &str) -> SigningKey {
    let edge = &host.app.parts().edge;
    let keys = edge.keys().of(&group.parse().unwrap()).await.unwrap();
    keys.rsa().clone()
}

#[test]
fn where_nobody_is_any_more_nothing_new_is_taken_in() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (_, square) = square(&alice).await;
        let mirror = join(&bob, &a).await;
        let group = a.url(&format!("/channels/{square}"));
        let signed = group_key(&a, &group).await;
        let own = |name: &str| announce(&group, name, &create(&group, name, &group));
        for name in ["first", "second"] {
            assert_eq!(post(&b, "/inbox", &signed, &own(name)).await.status, 202);
        }
        assert_eq!(contents(&bob, &mirror).await, ["second", "first"]);

        bob.post(LEAVE, &json!({"uri": group})).await.expect(204);
        assert_eq!(post(&b, "/inbox", &signed, &own("later")).await.status, 202);
        // What is deleted goes all the same, by its author and by the Group.
        let delete = json!({
            "id": format!("{group}#delete"), "type": "Delete", "actor": group,
            "object": format!("{group}/first"), "audience": group,
        });
        let delete = announce(&group, "deletion", &delete);
        assert_eq!(post(&b, "/inbox", &signed, &delete).await.status, 202);
        let remove = json!({
            "id": format!("{group}#remove"), "type": "Remove", "actor": group,
            "object": format!("{group}/second"), "target": format!("{group}/history"),
        });
        assert_eq!(post(&b, "/inbox", &signed, &remove).await.status, 202);

        assert_eq!(join(&bob, &a).await, mirror);
        assert!(contents(&bob, &mirror).await.is_empty());
        alice.say(&square, "back again").await;
        reads(&bob, &mirror, &["back again"]).await;
        drop((alice, bob));
        a.stop().await;
        b.stop().await;
    });
}
