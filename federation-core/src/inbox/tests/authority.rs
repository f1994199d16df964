//! What a correctly signed activity may claim; numbers are those of the attack checklist.

use http::StatusCode;

use super::*;
use crate::inbox::AuthorityError;

const NOTE: &str = "https://there.example/notes/1";
const ALICE: &str = "https://here.example/users/alice";

async fn refused(sent: &Value) -> AuthorityError {
    let world = World::new();
    let refused = world.send_as_bob(sent).await.unwrap_err();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert!(!refused.is_retryable());
    assert_eq!(world.fetches(), 0);
    match refused {
        ReceiveError::Authority(fault) => fault,
        other => panic!("{other:?}"),
    }
}

async fn accepted(sent: &Value) {
    World::new().send_as_bob(sent).await.unwrap();
}

#[tokio::test]
async fn ids_of_activities_lie_with_their_actor() {
    for id in [
        "https://evil.example/activities/1",
        "http://there.example/activities/1",
        "https://there.example:8443/activities/1",
        "https://here.example/activities/1",
        "https://sub.there.example/activities/1",
    ] {
        let mut sent = activity("Follow", BOB, ALICE);
        sent["id"] = json!(id);
        assert!(matches!(
            refused(&sent).await,
            AuthorityError::ForeignActivity { .. }
        ));
    }
}

#[tokio::test]
async fn this_server_sends_itself_nothing() {
    let world = World::new();
    let key = signing_key(ALICE);
    world.web.serve(ALICE, &person(ALICE, &key));
    let sent = activity("Follow", ALICE, BOB);
    assert!(matches!(
        world.send(&key, &sent).await.unwrap_err(),
        ReceiveError::Authority(AuthorityError::LocalActor { .. })
    ));
    assert_eq!(world.fetches(), 0);
}

#[tokio::test]
async fn attack_26_objects_of_others() {
    for kind in ["Create", "Update", "Delete"] {
        let foreign = "https://evil.example/notes/1";
        for object in [json!(foreign), note(foreign, BOB), note(foreign, MALLORY)] {
            assert!(matches!(
                refused(&activity(kind, BOB, object)).await,
                AuthorityError::ForeignObject { .. }
            ));
        }
        for author in [CAROL, MALLORY, ALICE] {
            assert!(matches!(
                refused(&activity(kind, BOB, note(NOTE, author))).await,
                AuthorityError::ForeignAttribution { .. }
            ));
        }
        let mut anonymous = note(NOTE, BOB);
        anonymous.as_object_mut().unwrap().remove("id");
        assert!(matches!(
            refused(&activity(kind, BOB, anonymous)).await,
            AuthorityError::AnonymousObject
        ));
        accepted(&activity(kind, BOB, note(NOTE, BOB))).await;
        accepted(&activity(kind, BOB, NOTE)).await;
        // One good object does not carry a bad one.
        let both = json!([NOTE, "https://evil.example/notes/1"]);
        assert!(matches!(
            refused(&activity(kind, BOB, both)).await,
            AuthorityError::ForeignObject { .. }
        ));
    }
}

#[tokio::test]
async fn attack_27_local_ids_are_never_written_by_others() {
    for kind in ["Create", "Update", "Delete"] {
        let local = "https://here.example/notes/1";
        for object in [json!(local), note(local, BOB), note(local, ALICE)] {
            assert!(matches!(
                refused(&activity(kind, BOB, object)).await,
                AuthorityError::LocalObject { .. }
            ));
        }
    }
}

#[tokio::test]
async fn attack_29_actors_change_only_themselves() {
    let own = person(BOB, &BOBS);
    accepted(&activity("Update", BOB, own.clone())).await;
    assert!(matches!(
        refused(&activity("Update", BOB, person(CAROL, &CAROLS))).await,
        AuthorityError::OtherActor { .. }
    ));
    let mut with_foreign_key = own;
    with_foreign_key["publicKey"] = person(CAROL, &CAROLS)["publicKey"].clone();
    assert!(matches!(
        refused(&activity("Update", BOB, with_foreign_key)).await,
        AuthorityError::ForeignKey { .. }
    ));
}

#[tokio::test]
async fn attack_31_actors_delete_only_themselves() {
    for object in [
        person(CAROL, &CAROLS),
        json!({"id": CAROL, "type": "Group", "inbox": CAROL}),
    ] {
        assert!(matches!(
            refused(&activity("Delete", BOB, object)).await,
            AuthorityError::OtherActor { .. }
        ));
    }
    assert!(matches!(
        refused(&activity("Delete", BOB, MALLORY)).await,
        AuthorityError::ForeignObject { .. }
    ));
    assert!(matches!(
        refused(&activity("Delete", BOB, ALICE)).await,
        AuthorityError::LocalObject { .. }
    ));
}

#[tokio::test]
async fn attack_32_undoing_what_others_did() {
    for (actor, id) in [
        (CAROL, "https://there.example/likes/1"),
        (MALLORY, "https://there.example/likes/1"),
        (BOB, "https://evil.example/likes/1"),
        (MALLORY, "https://evil.example/likes/1"),
    ] {
        let mut done = activity("Like", actor, ALICE);
        done["id"] = json!(id);
        assert!(matches!(
            refused(&activity("Undo", BOB, done)).await,
            AuthorityError::ForeignUndo
        ));
    }
    assert!(matches!(
        refused(&activity("Undo", BOB, "https://evil.example/likes/1")).await,
        AuthorityError::ForeignUndo
    ));
    accepted(&activity("Undo", BOB, activity("Follow", BOB, ALICE))).await;
    accepted(&activity("Undo", BOB, "https://there.example/likes/1")).await;
    // Without an id, as some servers send it.
    let mut anonymous = activity("Like", CAROL, ALICE);
    anonymous.as_object_mut().unwrap().remove("id");
    assert!(matches!(
        refused(&activity("Undo", BOB, anonymous.clone())).await,
        AuthorityError::ForeignUndo
    ));
    anonymous["actor"] = json!([{"id": BOB, "type": "Person"}]);
    accepted(&activity("Undo", BOB, anonymous)).await;
}

#[tokio::test]
async fn attack_33_answers_to_follows_of_others() {
    for kind in ["Accept", "Reject", "TentativeAccept", "TentativeReject"] {
        for target in [CAROL, MALLORY, ALICE] {
            let asked = json!({
                "id": "https://here.example/follows/1", "type": "Follow",
                "actor": ALICE, "object": target,
            });
            assert!(matches!(
                refused(&activity(kind, BOB, asked)).await,
                AuthorityError::ForeignAnswer
            ));
        }
        let asked = json!({
            "id": "https://here.example/follows/1", "type": "Follow",
            "actor": ALICE, "object": BOB,
        });
        accepted(&activity(kind, BOB, asked)).await;
        accepted(&activity(kind, BOB, "https://here.example/follows/1")).await;
    }
}

#[tokio::test]
async fn attack_35_and_37_embedded_things_of_other_origins_are_not_trusted() {
    let world = World::new();
    for (object, trusted) in [
        (note("https://evil.example/notes/1", MALLORY), false),
        (note("https://here.example/notes/1", ALICE), false),
        (json!("https://there.example/notes/1"), false),
        (note("https://there.example/notes/1", CAROL), true),
    ] {
        let announced = world
            .send_as_bob(&activity("Announce", BOB, object))
            .await
            .unwrap();
        assert_eq!(announced.trusted_object().is_some(), trusted);
    }
}

#[tokio::test]
async fn attack_39_accounts_move_only_themselves() {
    for object in [CAROL, MALLORY, ALICE] {
        assert!(matches!(
            refused(&activity("Move", BOB, object)).await,
            AuthorityError::ForeignMove
        ));
    }
    accepted(&activity("Move", BOB, BOB)).await;
}
