//! Actors that delete themselves: their key can no longer be fetched.

use http::{HeaderMap, StatusCode};

use super::*;
use crate::inbox::{KeyLookupError, Proof};

fn farewell(actor: &str) -> Value {
    activity("Delete", actor, actor)
}

fn answer(world: &World, url: &str, status: StatusCode) {
    world.web.answer(url, status, HeaderMap::new());
}

#[tokio::test]
async fn a_gone_actor_may_have_deleted_itself() {
    let world = World::new();
    answer(&world, BOB, StatusCode::GONE);
    for object in [json!(BOB), json!({"id": BOB, "type": "Tombstone"})] {
        let verified = world
            .send_as_bob(&activity("Delete", BOB, object))
            .await
            .unwrap();
        assert!(matches!(verified.proof(), Proof::Gone));
        assert_eq!(verified.actor().id.as_str(), BOB);
    }
    assert_eq!(world.web.count(BOB), 1);
}

#[tokio::test]
async fn a_living_actor_deletes_itself_by_its_signature() {
    let world = World::new();
    let verified = world.send_as_bob(&farewell(BOB)).await.unwrap();
    assert!(matches!(verified.proof(), Proof::Signature(_)));
    // Known from before, and gone meanwhile: the known key still tells.
    answer(&world, BOB, StatusCode::GONE);
    let verified = world.send_as_bob(&farewell(BOB)).await.unwrap();
    assert!(matches!(verified.proof(), Proof::Signature(_)));
}

#[tokio::test]
async fn not_found_is_not_gone() {
    for status in [
        StatusCode::NOT_FOUND,
        StatusCode::FORBIDDEN,
        StatusCode::BAD_GATEWAY,
    ] {
        let world = World::new();
        answer(&world, BOB, status);
        assert!(world.send_as_bob(&farewell(BOB)).await.is_err(), "{status}");
    }
}

#[tokio::test]
async fn attack_31_a_gone_actor_proves_nothing_about_others() {
    let world = World::new();
    answer(&world, BOB, StatusCode::GONE);
    // Another deed, another object, another actor: all need the signature that nobody can check.
    for sent in [
        activity("Follow", BOB, "https://here.example/users/alice"),
        activity("Delete", BOB, "https://there.example/notes/1"),
        activity("Delete", BOB, CAROL),
        activity("Move", BOB, BOB),
        activity("Update", BOB, BOB),
        farewell(CAROL),
    ] {
        let refused = world.send_as_bob(&sent).await.unwrap_err();
        assert!(
            matches!(refused, ReceiveError::Key(KeyLookupError::Gone)),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn attack_31_a_gone_page_below_an_actor_is_not_the_actor() {
    let world = World::new();
    for gone in [
        "https://there.example/users/bob/statuses/1",
        "https://there.example/users/bob/main-key",
        "https://there.example/anything",
    ] {
        answer(&world, gone, StatusCode::GONE);
        let key = SigningKey::new(url(gone), MALLORYS.key().clone());
        let refused = world.send(&key, &farewell(BOB)).await.unwrap_err();
        assert!(
            matches!(refused, ReceiveError::Key(KeyLookupError::Gone)),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_stand_alone_key_of_a_gone_actor_is_gone_with_it() {
    let world = World::new();
    let key_page = "https://there.example/users/bob/main-key";
    answer(&world, key_page, StatusCode::GONE);
    answer(&world, BOB, StatusCode::GONE);
    let key = SigningKey::new(url(key_page), BOBS.key().clone());
    let verified = world.send(&key, &farewell(BOB)).await.unwrap();
    assert!(matches!(verified.proof(), Proof::Gone));
}
