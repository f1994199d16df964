//! Activities that another actor brings: by proof, by the word of their origin, or not at all;
//! numbers are those of the attack checklist.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::*;
use crate::inbox::{AuthorityError, OriginError, Passage, Proof, Step};
use crate::proof::ProofError;

const NOTE: &str = "https://there.example/notes/1";

fn create() -> Value {
    activity("Create", BOB, note(NOTE, BOB))
}

fn serve(world: &World, document: &Value) {
    world.web.serve(document["id"].as_str().unwrap(), document);
}

fn bringer(verified: &Verified) -> &str {
    match verified.passage() {
        Passage::Forwarded(by) => by.id.as_str(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_proof_makes_a_forwarded_activity_its_actors() {
    let world = World::new();
    let sent = proven(&create(), &BOBS, &world);
    let verified = world.send(&MALLORYS, &sent).await.unwrap();
    assert_eq!(verified.actor().id.as_str(), BOB);
    assert_eq!(bringer(&verified), MALLORY);
    let Proof::Integrity(proof) = verified.proof() else {
        panic!("{:?}", verified.proof());
    };
    assert_eq!(proof.owner().as_str(), BOB);
    // The two keys, and nothing else.
    assert_eq!(world.fetches(), 2);
    // Also for what nobody would be asked about.
    let follow = activity("Follow", BOB, "https://here.example/users/alice");
    let follow = proven(&follow, &BOBS, &world);
    world.send(&MALLORYS, &follow).await.unwrap();
}

#[tokio::test]
async fn a_proof_outranks_the_signature_of_the_request() {
    let world = World::new();
    let good = proven(&create(), &BOBS, &world);
    let verified = world.send_as_bob(&good).await.unwrap();
    assert!(matches!(verified.proof(), Proof::Integrity(_)));
    assert!(matches!(verified.passage(), Passage::Direct));
    // Bob's own request does not save an altered document.
    let mut altered = good.clone();
    altered["object"]["content"] = json!("altered");
    let refused = world.send_as_bob(&altered).await.unwrap_err();
    assert!(matches!(refused, ReceiveError::Proof(ProofError::Mismatch)));
    assert_eq!(refused.step(), Step::Proof);
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(!refused.is_retryable());
    // One that cannot be judged says nothing either way.
    let mut other_suite = good;
    other_suite["proof"]["cryptosuite"] = json!("ecdsa-jcs-2019");
    let verified = world.send_as_bob(&other_suite).await.unwrap();
    assert!(matches!(verified.proof(), Proof::Signature(_)));
}

#[tokio::test]
async fn attack_02_and_03_proofs_of_others_prove_nothing() {
    let world = World::new();
    for (key, signer) in [
        (&*CAROLS, &*MALLORYS),
        (&*CAROLS, &*CAROLS),
        (&*MALLORYS, &*MALLORYS),
    ] {
        let forged = proven(&create(), key, &world);
        let refused = world.send(signer, &forged).await.unwrap_err();
        assert!(
            matches!(refused, ReceiveError::NotTheActor | ReceiveError::Proof(_)),
            "{refused:?}"
        );
        assert_eq!(world.web.count(create()["id"].as_str().unwrap()), 0);
    }
    // Bob's key id over somebody else's key.
    let forged = SigningKey::new(BOBS.key_id().clone(), MALLORYS.key().clone());
    let forged = proven(&create(), &forged, &world);
    let refused = world.send(&MALLORYS, &forged).await.unwrap_err();
    assert!(matches!(refused, ReceiveError::Proof(ProofError::Mismatch)));
}

#[tokio::test]
async fn attack_11_an_old_proof_is_no_way_to_bring_the_past_back() {
    let world = World::new();
    let follow = activity("Follow", BOB, "https://here.example/users/alice");
    let follow = proven(&follow, &BOBS, &world);
    world.clock.advance(Duration::from_hours(24 * 8));
    let refused = world.send(&MALLORYS, &follow).await.unwrap_err();
    assert!(matches!(refused, ReceiveError::NotTheActor), "{refused:?}");
    // Bob may still send it himself.
    let verified = world.send_as_bob(&follow).await.unwrap();
    assert!(matches!(verified.proof(), Proof::Signature(_)));
}

#[tokio::test]
async fn what_the_origin_shows_takes_the_place_of_what_was_brought() {
    let world = World::new();
    let mut shown = create();
    shown["object"]["content"] = json!("as bob wrote it");
    serve(&world, &shown);
    let verified = world.send(&MALLORYS, &create()).await.unwrap();
    assert!(matches!(verified.proof(), Proof::Refetched));
    assert_eq!(bringer(&verified), MALLORY);
    assert_eq!(verified.actor().id.as_str(), BOB);
    let object = verified.trusted_object().unwrap();
    assert_eq!(object.content.as_deref(), Some("as bob wrote it"));
    assert_eq!(verified.raw().as_ref(), serde_json::to_vec(&shown).unwrap());
    // Mallory's key, the activity, bob.
    assert_eq!(world.fetches(), 3);
}

#[tokio::test]
async fn attack_35_a_forwarded_forgery_is_not_shown_by_its_origin() {
    let forged = create();
    let id = forged["id"].as_str().unwrap();
    for (shown, status) in [(None, StatusCode::NOT_FOUND), (None, StatusCode::GONE)] {
        let world = World::new();
        world.web.answer(id, status, HeaderMap::new());
        let refused = world.send(&MALLORYS, &forged).await.unwrap_err();
        assert_eq!(refused.step(), Step::Origin);
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        assert_eq!(refused.code(), "not_confirmed");
        assert!(!refused.is_retryable());
        assert!(shown.is_none_or(|shown: Value| shown.is_null()));
    }
    let mut by_carol = forged.clone();
    by_carol["actor"] = json!(CAROL);
    by_carol["object"]["attributedTo"] = json!(CAROL);
    let mut other_id = forged.clone();
    other_id["id"] = json!("https://there.example/other");
    for shown in [
        by_carol,
        other_id,
        activity("Like", BOB, NOTE),
        note(id, BOB),
        person(BOB, &BOBS),
    ] {
        let world = World::new();
        world.web.serve(id, &shown);
        let refused = world.send(&MALLORYS, &forged).await.unwrap_err();
        assert!(!refused.is_retryable(), "{shown} {refused:?}");
    }
    // What the origin shows is judged as if it had come itself.
    let world = World::new();
    let mut foreign = forged.clone();
    foreign["object"]["id"] = json!("https://here.example/notes/1");
    serve(&world, &foreign);
    let refused = world.send(&MALLORYS, &forged).await.unwrap_err();
    let local = AuthorityError::LocalObject {
        id: "https://here.example/notes/1".to_owned(),
    };
    assert_eq!(refused.to_string(), ReceiveError::from(local).to_string());
}

#[tokio::test]
async fn an_origin_that_cannot_be_asked_now_is_asked_again_later() {
    let world = World::new();
    let id = create()["id"].as_str().unwrap().to_owned();
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    world.web.answer(&id, unavailable, HeaderMap::new());
    let refused = world.send(&MALLORYS, &create()).await.unwrap_err();
    assert!(refused.is_retryable());
    assert_eq!(refused.status(), unavailable);
    assert_eq!(refused.code(), "origin_unavailable");
}

#[tokio::test]
async fn attack_52_one_request_makes_one_look_up() {
    let world = World::new();
    let id = create()["id"].as_str().unwrap().to_owned();
    for _ in 0..3 {
        world.send(&MALLORYS, &create()).await.unwrap_err();
    }
    assert_eq!(world.web.count(&id), 3);
    // Nobody is asked about what a later activity takes back, nor for strangers without a key.
    let before = world.fetches();
    for kind in ["Follow", "Undo", "Accept", "Block", "Move", "Add", "Flag"] {
        let object = if kind == "Move" {
            BOB
        } else {
            "https://there.example/x"
        };
        let sent = activity(kind, BOB, object);
        let refused = world.send(&MALLORYS, &sent).await.unwrap_err();
        assert!(
            matches!(refused, ReceiveError::NotTheActor),
            "{kind} {refused:?}"
        );
    }
    let unknown = SigningKey::new(BOBS.key_id().clone(), MALLORYS.key().clone());
    let unknown = SigningKey::new(url("https://evil.example/nobody#k"), unknown.key().clone());
    world.send(&unknown, &create()).await.unwrap_err();
    assert_eq!(world.web.count(&id), 3);
    assert_eq!(world.fetches(), before + 1);
}

#[tokio::test]
async fn without_asking_only_proofs_count() {
    let mut world = World::new();
    world.inbox.origins = None;
    serve(&world, &create());
    let refused = world.send(&MALLORYS, &create()).await.unwrap_err();
    assert!(matches!(refused, ReceiveError::NotTheActor));
    assert_eq!(world.fetches(), 0);
    let sent = proven(&create(), &BOBS, &world);
    world.send(&MALLORYS, &sent).await.unwrap();
}

#[tokio::test]
async fn a_forwarded_deletion_is_confirmed_by_its_object() {
    let gone = StatusCode::GONE;
    for object in [
        json!(NOTE),
        json!({"id": NOTE, "type": "Tombstone", "name": "made up"}),
    ] {
        let sent = activity("Delete", BOB, object);
        let world = World::new();
        world.web.answer(NOTE, gone, HeaderMap::new());
        let verified = world.send(&MALLORYS, &sent).await.unwrap();
        assert!(matches!(verified.proof(), Proof::Gone));
        assert_eq!(verified.activity().object_id().unwrap().as_str(), NOTE);
        assert!(verified.trusted_object().is_none());
        let world = World::new();
        world
            .web
            .serve(NOTE, &json!({"id": NOTE, "type": "Tombstone"}));
        world.send(&MALLORYS, &sent).await.unwrap();
    }
    let world = World::new();
    world.web.answer(BOB, gone, HeaderMap::new());
    let farewell = activity("Delete", BOB, BOB);
    let verified = world.send(&MALLORYS, &farewell).await.unwrap();
    assert!(matches!(verified.proof(), Proof::Gone));
}

#[tokio::test]
async fn attack_31_a_forwarded_deletion_of_what_is_there() {
    let not_found = StatusCode::NOT_FOUND;
    for object in [NOTE, BOB] {
        let sent = activity("Delete", BOB, object);
        let world = World::new();
        world.web.serve(NOTE, &note(NOTE, BOB));
        let refused = world.send(&MALLORYS, &sent).await.unwrap_err();
        assert!(matches!(
            refused,
            ReceiveError::Unconfirmed(OriginError::Differs)
        ));
        // Not found is not gone.
        let world = World::new();
        world.web.answer(object, not_found, HeaderMap::new());
        let refused = world.send(&MALLORYS, &sent).await.unwrap_err();
        assert!(
            matches!(refused, ReceiveError::Unconfirmed(_)),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn attack_20_a_blocked_domain_finds_no_way_round() {
    let world = World::new();
    world.blocked.block("there.example").unwrap();
    serve(&world, &create());
    let like = json!({
        "id": "https://there.example/likes/1", "type": "Like", "actor": BOB,
        "object": "https://here.example/notes/1",
    });
    let mut undone = activity("Undo", MALLORY, like.clone());
    undone["object"]["id"] = json!("https://evil.example/likes/1");
    let mut moved = activity("Move", MALLORY, MALLORY);
    moved["target"] = json!(BOB);
    for sent in [
        create(),
        proven(&create(), &BOBS, &world),
        activity("Announce", MALLORY, create()),
        activity("Announce", MALLORY, NOTE),
        undone,
        moved,
    ] {
        let refused = world.send(&MALLORYS, &sent).await.unwrap_err();
        assert!(
            matches!(refused, ReceiveError::Blocked { .. }),
            "{sent} {refused:?}"
        );
    }
    assert_eq!(world.fetches(), 0);
    // Reports may name what is blocked.
    let report = json!(["https://here.example/users/alice", NOTE]);
    world
        .send(&MALLORYS, &activity("Flag", MALLORY, report))
        .await
        .unwrap();
}
