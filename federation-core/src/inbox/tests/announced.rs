//! Activities that groups announce; numbers are those of the attack checklist.

use http::{HeaderMap, StatusCode};

use super::*;
use crate::inbox::ownership::{OwnershipError, in_group};
use crate::inbox::{OriginError, Passage, Proof};

const NOTE: &str = "https://there.example/notes/1";
const GROUP: &str = MALLORY;

fn create() -> Value {
    let mut create = activity("Create", BOB, note(NOTE, BOB));
    create["audience"] = json!(GROUP);
    create
}

fn announce(object: impl Into<Value>) -> Value {
    activity("Announce", GROUP, object)
}

async fn announced(world: &World, object: impl Into<Value>) -> Result<Verified, ReceiveError> {
    let verified = world.send(&MALLORYS, &announce(object)).await.unwrap();
    world.inbox.announced(&verified).await
}

#[tokio::test]
async fn a_proven_copy_needs_no_look_up() {
    let world = World::new();
    for object in [
        proven(&create(), &BOBS, &world),
        json!([proven(&create(), &BOBS, &world)]),
    ] {
        let inner = announced(&world, object).await.unwrap();
        assert!(matches!(inner.proof(), Proof::Integrity(_)));
        assert_eq!(inner.actor().id.as_str(), BOB);
        assert_eq!(
            inner.trusted_object().unwrap().content.as_deref(),
            Some("hi")
        );
        assert!(matches!(inner.passage(), Passage::Announced(by) if by.id.as_str() == GROUP));
    }
    assert_eq!(world.web.count(create()["id"].as_str().unwrap()), 0);
}

#[tokio::test]
async fn a_copy_or_an_id_is_looked_up_at_its_origin() {
    let mut shown = create();
    shown["object"]["content"] = json!("as bob wrote it");
    for object in [create(), create()["id"].clone()] {
        let world = World::new();
        world.web.serve(shown["id"].as_str().unwrap(), &shown);
        let inner = announced(&world, object).await.unwrap();
        assert!(matches!(inner.proof(), Proof::Refetched));
        let object = inner.trusted_object().unwrap();
        assert_eq!(object.content.as_deref(), Some("as bob wrote it"));
        assert_eq!(in_group(&inner, &url(GROUP)), Ok(()));
    }
}

#[tokio::test]
async fn attack_35_a_forged_copy_inside_an_announce() {
    let world = World::new();
    let id = create()["id"].as_str().unwrap().to_owned();
    // Nothing is there.
    assert!(announced(&world, create()).await.is_err());
    assert!(announced(&world, id.as_str()).await.is_err());
    // The group's own proof over bob's words.
    let forged = proven(&create(), &MALLORYS, &world);
    assert!(announced(&world, forged).await.is_err());
    // Bob's proof over other words.
    let mut altered = proven(&create(), &BOBS, &world);
    altered["object"]["content"] = json!("altered");
    let refused = announced(&world, altered).await.unwrap_err();
    assert!(matches!(refused, ReceiveError::Proof(_)), "{refused:?}");
    // Nobody is asked about a follow or a block; a copy of it alone counts nothing.
    let before = world.fetches();
    for kind in ["Follow", "Undo", "Accept", "Block"] {
        let inner = activity(kind, BOB, "https://there.example/x");
        let refused = announced(&world, inner).await.unwrap_err();
        assert!(matches!(refused, ReceiveError::NotTheActor), "{refused:?}");
    }
    assert_eq!(world.fetches(), before);
    // An origin that is away may be asked again.
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    world.web.answer(&id, unavailable, HeaderMap::new());
    assert!(
        announced(&world, create())
            .await
            .unwrap_err()
            .is_retryable()
    );
}

#[tokio::test]
async fn attack_37_a_trusted_wrapper_lends_no_trust() {
    let world = World::new();
    // The activity is the group's own; the object in it is bob's.
    let wrapped = activity("Announce", GROUP, note(NOTE, BOB));
    let verified = world.send(&MALLORYS, &wrapped).await.unwrap();
    assert!(verified.trusted_object().is_none());
    // The group's server shows a Create in bob's name under an id of its own.
    let mut foreign = create();
    foreign["id"] = json!("https://evil.example/creates/1");
    world.web.serve("https://evil.example/creates/1", &foreign);
    for object in [foreign, json!("https://evil.example/creates/1")] {
        let refused = announced(&world, object).await.unwrap_err();
        assert!(matches!(refused, ReceiveError::Authority(_)), "{refused:?}");
    }
    // Ids of this server are not looked up, and its actors speak for themselves.
    let local = announced(&world, "https://here.example/notes/1/create").await;
    assert!(matches!(
        local,
        Err(ReceiveError::Unconfirmed(OriginError::NotAsked))
    ));
    let alice = activity("Create", "https://here.example/users/alice", NOTE);
    let local = announced(&world, alice).await.unwrap_err();
    assert!(matches!(local, ReceiveError::Authority(_)));
}

#[tokio::test]
async fn attack_36_groups_speak_for_themselves_alone() {
    let world = World::new();
    let inner = announced(&world, proven(&create(), &BOBS, &world))
        .await
        .unwrap();
    assert_eq!(in_group(&inner, &url(GROUP)), Ok(()));
    let other = url("https://other.example/groups/1");
    assert_eq!(in_group(&inner, &other), Err(OwnershipError::OtherGroup));
    // Another group's post, announced by this one.
    let mut elsewhere = create();
    elsewhere["audience"] = json!(other.as_str());
    let elsewhere = proven(&elsewhere, &BOBS, &world);
    let inner = announced(&world, elsewhere).await.unwrap();
    for group in [url(GROUP), other] {
        assert_eq!(in_group(&inner, &group), Err(OwnershipError::OtherGroup));
    }
    // Bob names the group; the group has announced nothing.
    let claimed = world.send_as_bob(&create()).await.unwrap();
    assert_eq!(
        in_group(&claimed, &url(GROUP)),
        Err(OwnershipError::OtherGroup)
    );
    let forwarded = proven(&create(), &BOBS, &world);
    let forwarded = world.send(&MALLORYS, &forwarded).await.unwrap();
    assert_eq!(
        in_group(&forwarded, &url(GROUP)),
        Err(OwnershipError::OtherGroup)
    );
}

#[tokio::test]
async fn attack_52_what_was_looked_up_causes_no_further_look_up() {
    let world = World::new();
    let announce = announce(create()["id"].clone());
    let id = announce["id"].as_str().unwrap();
    world.web.serve(id, &announce);
    world.web.serve(create()["id"].as_str().unwrap(), &create());
    let forwarded = world.send(&CAROLS, &announce).await.unwrap();
    assert!(matches!(forwarded.proof(), Proof::Refetched));
    let refused = world.inbox.announced(&forwarded).await.unwrap_err();
    assert!(matches!(
        refused,
        ReceiveError::Unconfirmed(OriginError::NotAsked)
    ));
    assert_eq!(world.web.count(create()["id"].as_str().unwrap()), 0);
}

#[tokio::test]
async fn what_is_no_activity_is_said_to_be_none() {
    let world = World::new();
    world.web.serve(NOTE, &note(NOTE, BOB));
    for object in [json!(NOTE), note(NOTE, BOB), json!([NOTE, NOTE])] {
        let refused = announced(&world, object).await.unwrap_err();
        assert!(
            matches!(refused, ReceiveError::NotActivity(_)),
            "{refused:?}"
        );
    }
    let like = world
        .send_as_bob(&activity("Like", BOB, NOTE))
        .await
        .unwrap();
    let refused = world.inbox.announced(&like).await.unwrap_err();
    assert!(matches!(refused, ReceiveError::NotActivity(_)));
}
