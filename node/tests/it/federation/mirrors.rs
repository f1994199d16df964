//! What stands for a channel of another server: who sees what there, who is told, and what is taken in.

use federation_core::testing::{TestDatabase, on_each_backend};

use super::channels::{join, square};
use super::channels_told::unread;
use super::pair::{open, pair, until};
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
