//! A small application written for the crate `activitypub_federation`, before and after it moved
//! to this crate's inbox and queue. `app` is the same for both; `before` and `after` are what
//! differs.
#![cfg(test)]
#![cfg(feature = "activitypub-federation")]

mod after;
mod app;
mod before;
mod sender;

use federation_core::store::sql::federation_migrations;
use federation_core::testing::{TestDatabase, on_each_backend};

use self::sender::Sender;

/// What both do: take a follow, and answer it with an `Accept` that the sender verifies.
#[tokio::test]
async fn both_take_a_follow_and_answer_it() {
    let sender = Sender::start().await;
    let old = before::serve().await;
    assert!(sender.follow(&old, 1).await.is_success());
    assert_eq!(sender.accepted(1).await, 1);
    assert_eq!(old.follows(), 1);

    let new = after::serve(federation_core::federation::MemoryStore::new()).await;
    assert!(sender.follow(&new, 2).await.is_success());
    assert_eq!(sender.accepted(2).await, 2);
    assert_eq!(new.follows(), 1);
}

/// What only the new one does: an activity that comes again has no second effect, also after a
/// restart on the same database.
#[test]
fn i2_after_the_move_a_repetition_is_recognised() {
    on_each_backend(async |test: TestDatabase| {
        let sender = Sender::start().await;
        let old = before::serve().await;
        for _ in 0..2 {
            assert!(sender.follow(&old, 1).await.is_success());
        }
        assert_eq!(old.follows(), 2);

        let database = test.open(federation_migrations()).await;
        let new = after::serve(database.clone()).await;
        for _ in 0..2 {
            assert!(sender.follow(&new, 2).await.is_success());
        }
        assert_eq!(new.follows(), 1);
        let restarted = after::restart(new, database.clone()).await;
        assert!(sender.follow(&restarted, 2).await.is_success());
        assert_eq!(restarted.follows(), 0);
        database.close().await;
    });
}

/// What only the new one refuses: a signature over the digest alone, which fits any server and
/// any time.
#[tokio::test]
async fn after_the_move_a_signature_of_the_digest_alone_is_refused() {
    let sender = Sender::start().await;
    let old = before::serve().await;
    assert!(sender.follow_by_digest_alone(&old, 1).await.is_success());
    let new = after::serve(federation_core::federation::MemoryStore::new()).await;
    assert_eq!(sender.follow_by_digest_alone(&new, 2).await, 401);
    assert_eq!(new.follows(), 0);
}

/// `ObjectId::dereference` goes through the guarded client, with a signed GET.
#[tokio::test]
async fn after_the_move_fetches_are_signed_and_guarded() {
    let sender = Sender::start().await;
    let new = after::serve(federation_core::federation::MemoryStore::new()).await;
    let fetched = new.fetch(sender.id()).await;
    assert_eq!(fetched.unwrap().inbox, sender.inbox());
    assert!(sender.last_get_was_signed());
    // The application's settings know no guard; the client has one all the same.
    let inside = after::client().await.get("http://10.0.0.1/users/alice");
    let refused = format!("{:?}", inside.send().await.unwrap_err());
    assert!(refused.contains("10.0.0.1"), "{refused}");
}
