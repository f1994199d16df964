//! Objects and actors.

use super::*;
use crate::inbox::ownership::{
    OwnershipError, StoredObject, audience, create, delete, delete_actor, update, update_actor,
};
use crate::vocab::{Actor, ActorKind, ObjectKind};

fn stored<'a>(id: &'a Url, owner: &'a Url) -> StoredObject<'a> {
    StoredObject::new(id, owner, &ObjectKind::Note)
}

#[test]
fn attack_26_a_new_object_names_its_actor() {
    let made = plain("Create", BOB, note(BOB, json!({})));
    assert_eq!(create(&made, None).unwrap().id, Some(url(NOTE)));
    let mut unowned = note(BOB, json!({}));
    unowned.as_object_mut().unwrap().remove("attributedTo");
    let unowned = plain("Create", BOB, unowned);
    assert_eq!(create(&unowned, None), Err(OwnershipError::NotTheOwner));
    let bare = plain("Create", BOB, NOTE);
    assert_eq!(create(&bare, None), Err(OwnershipError::NothingTrusted));
    let other = plain("Update", BOB, note(BOB, json!({})));
    assert_eq!(create(&other, None), Err(OwnershipError::OtherKind));
}

#[test]
fn attack_30_what_comes_late_brings_nothing_back() {
    let (id, bob, carol) = (url(NOTE), url(BOB), url(CAROL));
    let made = plain("Create", BOB, note(BOB, json!({})));
    let buried = stored(&id, &bob).deleted(true);
    assert_eq!(create(&made, Some(&buried)), Err(OwnershipError::Deleted));
    let known = stored(&id, &bob);
    assert_eq!(create(&made, Some(&known)), Err(OwnershipError::Known));
    let foreign = stored(&id, &carol);
    assert_eq!(
        create(&made, Some(&foreign)),
        Err(OwnershipError::NotTheOwner)
    );
    let edited = plain("Update", BOB, note(BOB, json!({})));
    assert_eq!(update(&edited, &buried), Err(OwnershipError::Deleted));
}

#[test]
fn attack_30_an_older_state_is_dropped_and_one_of_the_same_time_taken() {
    let (id, bob) = (url(NOTE), url(BOB));
    let edit = |time: i64| {
        let time = json!({"updated": at(time).to_rfc3339()});
        plain("Update", BOB, note(BOB, time))
    };
    let known = stored(&id, &bob).updated_at(Some(at(0)));
    assert!(update(&edit(0), &known).is_ok());
    assert!(update(&edit(1), &known).is_ok());
    let stale = update(&edit(-1), &known).unwrap_err();
    assert_eq!(
        stale,
        OwnershipError::Stale {
            known: at(0),
            told: at(-1)
        }
    );
    // Without a time of its own, the time it was published counts.
    let old = note(BOB, json!({"published": at(-9).to_rfc3339()}));
    let old = plain("Update", BOB, old);
    assert!(matches!(
        update(&old, &known),
        Err(OwnershipError::Stale { .. })
    ));
    assert!(update(&plain("Update", BOB, note(BOB, json!({}))), &known).is_ok());
}

#[test]
fn attack_28_the_stored_owner_decides_not_the_payload() {
    let (id, carol) = (url(NOTE), url(CAROL));
    let carols = stored(&id, &carol);
    for object in [
        note(BOB, json!({})),
        note(BOB, json!({"attributedTo": [BOB, CAROL]})),
    ] {
        let edited = plain("Update", BOB, object);
        assert_eq!(update(&edited, &carols), Err(OwnershipError::NotTheOwner));
    }
    let removed = plain("Delete", BOB, NOTE);
    assert_eq!(delete(&removed, &carols), Err(OwnershipError::NotTheOwner));
}

#[test]
fn attack_29_owner_and_sort_stay() {
    let (id, bob) = (url(NOTE), url(BOB));
    let known = stored(&id, &bob);
    let mut given = note(BOB, json!({}));
    given.as_object_mut().unwrap().remove("attributedTo");
    let given = plain("Update", BOB, given);
    assert_eq!(update(&given, &known), Err(OwnershipError::OwnerChanged));
    for kind in ["Collection", "Follow", "Tombstone"] {
        let other = plain("Update", BOB, note(BOB, json!({"type": kind})));
        assert_eq!(
            update(&other, &known),
            Err(OwnershipError::KindChanged),
            "{kind}"
        );
    }
    // A note may become a poll, as some servers let it.
    assert!(
        update(
            &plain("Update", BOB, note(BOB, json!({"type": "Question"}))),
            &known
        )
        .is_ok()
    );
    let elsewhere = url("https://there.example/notes/2");
    let elsewhere = stored(&elsewhere, &bob);
    let edited = plain("Update", BOB, note(BOB, json!({})));
    assert_eq!(
        update(&edited, &elsewhere),
        Err(OwnershipError::OtherObject)
    );
}

fn person(more: Value) -> Value {
    let mut person = json!({
        "id": BOB, "type": "Person", "inbox": format!("{BOB}/inbox"),
        "publicKey": {"id": format!("{BOB}#k"), "owner": BOB, "publicKeyPem": "x"},
    });
    let (Value::Object(map), Value::Object(more)) = (&mut person, more) else {
        panic!("two objects");
    };
    map.extend(more);
    person
}

#[test]
fn attack_29_actors_keep_their_inbox_kind_and_keys() {
    let known = Actor::new(url(BOB), ActorKind::Person, url(&format!("{BOB}/inbox")));
    let told = |more| update_actor(&plain("Update", BOB, person(more)), &known);
    assert_eq!(
        told(json!({"name": "B"})).unwrap().name.as_deref(),
        Some("B")
    );
    assert!(told(json!({"type": "Service"})).is_ok());
    for more in [
        json!({"inbox": "https://evil.example/inbox"}),
        json!({"inbox": "https://here.example/inbox"}),
        json!({"endpoints": {"sharedInbox": "https://evil.example/inbox"}}),
    ] {
        assert_eq!(told(more), Err(OwnershipError::InboxElsewhere));
    }
    assert_eq!(
        told(json!({"type": "Group"})),
        Err(OwnershipError::KindChanged)
    );
    assert_eq!(
        told(json!({"publicKey": null})),
        Err(OwnershipError::KeyOfOthers)
    );
    let bare = plain("Update", BOB, BOB);
    assert_eq!(
        update_actor(&bare, &known),
        Err(OwnershipError::NothingTrusted)
    );
    let carol = Actor::new(
        url(CAROL),
        ActorKind::Person,
        url(&format!("{CAROL}/inbox")),
    );
    let own = plain("Update", BOB, person(json!({})));
    assert_eq!(update_actor(&own, &carol), Err(OwnershipError::OtherObject));
}

#[test]
fn attack_30_an_older_actor_is_dropped() {
    let mut known = Actor::new(url(BOB), ActorKind::Person, url(&format!("{BOB}/inbox")));
    known.updated = Some(at(0));
    let older = person(json!({"updated": at(-1).to_rfc3339()}));
    let older = update_actor(&plain("Update", BOB, older), &known);
    assert!(matches!(older, Err(OwnershipError::Stale { .. })));
}

#[test]
fn attack_31_only_the_owner_deletes() {
    let (id, bob) = (url(NOTE), url(BOB));
    assert!(delete(&plain("Delete", BOB, NOTE), &stored(&id, &bob)).is_ok());
    assert!(delete_actor(&plain("Delete", BOB, BOB), &bob).is_ok());
    // An id alone may be anybody's of the same host.
    assert_eq!(
        delete(&plain("Delete", CAROL, NOTE), &stored(&id, &bob)),
        Err(OwnershipError::NotTheOwner)
    );
    let carol = url(CAROL);
    let forged = plain("Delete", BOB, CAROL);
    assert_eq!(
        delete_actor(&forged, &carol),
        Err(OwnershipError::NotTheOwner)
    );
    assert_eq!(
        delete_actor(&forged, &bob),
        Err(OwnershipError::OtherObject)
    );
}

#[test]
fn attack_38_a_private_object_gets_no_new_readers() {
    let readers = [url(ALICE)];
    let same = note(BOB, json!({"to": [ALICE]}));
    let same = sent("Create", BOB, same, json!({"to": [ALICE]}));
    assert!(audience(&same, &readers).is_ok());
    let dave = "https://here.example/users/dave";
    for (object, activity) in [
        (json!({"to": [ALICE, dave]}), json!({"to": [ALICE]})),
        (json!({"to": [ALICE]}), json!({"to": [ALICE], "cc": [dave]})),
        (
            json!({"to": [ALICE], "bcc": [dave]}),
            json!({"to": [ALICE]}),
        ),
        (
            json!({"to": [ALICE]}),
            json!({"to": [ALICE], "audience": dave}),
        ),
        (json!({"to": [ALICE, "as:Public"]}), json!({"to": [ALICE]})),
    ] {
        for kind in ["Create", "Update"] {
            let told = sent(kind, BOB, note(BOB, object.clone()), activity.clone());
            let refused = audience(&told, &readers).unwrap_err();
            assert_eq!(refused, OwnershipError::AudienceExtended { added: 1 });
        }
    }
    let public = [url(crate::vocab::PUBLIC)];
    let told = sent("Update", BOB, note(BOB, json!({})), json!({"to": [dave]}));
    assert!(audience(&told, &public).is_ok());
}
