//! Requests, answers, collections, moves and reports.

use super::*;
use crate::inbox::ownership::{
    Answer, OwnershipError, StoredActivity, StoredCollection, answer, collect, move_account,
    report, undo,
};
use crate::vocab::{ActivityKind, Actor, ActorKind};

const FOLLOW: &str = "https://here.example/follows/1";

fn asked(id: &str, actor: &str, object: &str) -> Value {
    json!({"id": id, "type": "Follow", "actor": actor, "object": object})
}

#[test]
fn attack_33_only_what_was_asked_is_answered_by_whom_it_was_asked() {
    let (id, alice, bob, carol) = (url(FOLLOW), url(ALICE), url(BOB), url(CAROL));
    let kind = ActivityKind::Follow;
    let of = |object| StoredActivity {
        id: &id,
        kind: &kind,
        actor: &alice,
        object,
    };
    let (of_bob, of_carol) = (of(&bob), of(&carol));
    for (sent, meant) in [
        ("Accept", Answer::Accepted),
        ("Reject", Answer::Rejected),
        ("TentativeAccept", Answer::TentativelyAccepted),
        ("TentativeReject", Answer::TentativelyRejected),
    ] {
        let by_id = plain(sent, BOB, FOLLOW);
        assert_eq!(answer(&by_id, Some(&of_bob)), Ok(meant));
        assert_eq!(answer(&by_id, None), Err(OwnershipError::NotAsked));
        assert_eq!(
            answer(&by_id, Some(&of_carol)),
            Err(OwnershipError::NotTheTarget)
        );
        let copy = plain(sent, BOB, asked(FOLLOW, ALICE, BOB));
        assert_eq!(answer(&copy, Some(&of_bob)), Ok(meant));
        // Under another id, as some servers send it, and about somebody else's request.
        let copy = plain(sent, BOB, asked("https://here.example/x", ALICE, BOB));
        assert_eq!(answer(&copy, Some(&of_bob)), Ok(meant));
        let dave = "https://here.example/users/dave";
        let other = plain(sent, BOB, asked(FOLLOW, dave, BOB));
        assert_eq!(
            answer(&other, Some(&of_bob)),
            Err(OwnershipError::OtherObject)
        );
        let other = plain(sent, BOB, "https://here.example/follows/2");
        assert_eq!(
            answer(&other, Some(&of_bob)),
            Err(OwnershipError::OtherObject)
        );
    }
    let not_an_answer = plain("Like", BOB, FOLLOW);
    assert_eq!(
        answer(&not_an_answer, Some(&of_bob)),
        Err(OwnershipError::OtherKind)
    );
}

#[test]
fn attack_32_only_the_doer_undoes() {
    let id = url("https://there.example/likes/1");
    let (bob, carol, object) = (url(BOB), url(CAROL), url("https://here.example/notes/1"));
    for kind in [
        ActivityKind::Like,
        ActivityKind::Follow,
        ActivityKind::Block,
        ActivityKind::Announce,
    ] {
        let by = |actor| StoredActivity {
            id: &id,
            kind: &kind,
            actor,
            object: &object,
        };
        let undone = plain("Undo", BOB, id.as_str());
        assert_eq!(undo(&undone, Some(&by(&bob))), Ok(()));
        assert_eq!(
            undo(&undone, Some(&by(&carol))),
            Err(OwnershipError::NotTheOwner)
        );
        assert_eq!(undo(&undone, None), Err(OwnershipError::NotAsked));
        // A copy that says otherwise does not make carol's like bob's.
        let copy = json!({
            "id": id.as_str(), "type": kind.as_str(), "actor": BOB, "object": object.as_str(),
        });
        let copy = plain("Undo", BOB, copy);
        assert_eq!(
            undo(&copy, Some(&by(&carol))),
            Err(OwnershipError::NotTheOwner)
        );
        assert_eq!(undo(&copy, Some(&by(&bob))), Ok(()));
    }
    let of = StoredActivity {
        id: &id,
        kind: &ActivityKind::Like,
        actor: &bob,
        object: &object,
    };
    let other = plain("Undo", BOB, "https://there.example/likes/2");
    assert_eq!(undo(&other, Some(&of)), Err(OwnershipError::OtherObject));
}

#[test]
fn attack_34_collections_are_edited_by_their_owners() {
    let (pinned, bob) = (url("https://there.example/users/bob/pinned"), url(BOB));
    let moderators = [url(CAROL)];
    let alone = StoredCollection {
        id: &pinned,
        owner: &bob,
        editors: &[],
    };
    let shared = StoredCollection {
        editors: &moderators,
        ..alone
    };
    for kind in ["Add", "Remove"] {
        let edit =
            |actor: &str, target: &Url| sent(kind, actor, NOTE, json!({"target": target.as_str()}));
        assert_eq!(collect(&edit(BOB, &pinned), &alone).unwrap(), [&url(NOTE)]);
        for (actor, refused) in [(CAROL, &alone), (MALLORY, &alone), (MALLORY, &shared)] {
            let foreign = edit(actor, &pinned);
            assert_eq!(
                collect(&foreign, refused),
                Err(OwnershipError::ForeignCollection)
            );
        }
        assert!(collect(&edit(CAROL, &pinned), &shared).is_ok());
        let members = url("https://there.example/groups/1/members");
        let other = edit(BOB, &members);
        assert_eq!(collect(&other, &alone), Err(OwnershipError::OtherObject));
        let nowhere = plain(kind, BOB, NOTE);
        assert_eq!(collect(&nowhere, &alone), Err(OwnershipError::OtherObject));
    }
}

#[test]
fn attack_39_a_move_is_confirmed_by_its_target() {
    let id = url("https://new.example/users/bob");
    let mut target = Actor::new(
        id.clone(),
        ActorKind::Person,
        url("https://new.example/inbox"),
    );
    let moved = |to: &str| sent("Move", BOB, BOB, json!({"target": to}));
    let unconfirmed = Err(OwnershipError::MoveNotConfirmed);
    assert_eq!(move_account(&moved(id.as_str()), &target), unconfirmed);
    target.also_known_as = vec![url(CAROL), url("https://evil.example/users/bob")];
    assert_eq!(move_account(&moved(id.as_str()), &target), unconfirmed);
    target.also_known_as.push(url(BOB));
    assert_eq!(move_account(&moved(id.as_str()), &target), Ok(()));
    let other = moved("https://new.example/users/carol");
    assert_eq!(
        move_account(&other, &target),
        Err(OwnershipError::OtherObject)
    );
    let nowhere = plain("Move", BOB, BOB);
    assert_eq!(
        move_account(&nowhere, &target),
        Err(OwnershipError::OtherObject)
    );
    target.id = url(BOB);
    assert_eq!(
        move_account(&moved(BOB), &target),
        Err(OwnershipError::OtherObject)
    );
}

#[test]
fn a_report_is_about_what_is_here() {
    let note = "https://here.example/notes/1";
    let flagged = json!([ALICE, note, NOTE, note]);
    let flagged = plain("Flag", MALLORY, flagged);
    assert_eq!(
        report(&flagged, &url(HERE)).unwrap(),
        [&url(ALICE), &url(note)]
    );
    let elsewhere = plain("Flag", MALLORY, json!([BOB, NOTE]));
    assert_eq!(
        report(&elsewhere, &url(HERE)),
        Err(OwnershipError::NothingHere)
    );
}
