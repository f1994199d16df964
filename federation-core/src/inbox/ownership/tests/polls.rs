//! Votes, counts and quotes.

use proptest::prelude::*;

use super::*;
use crate::inbox::ownership::{
    MAX_OPTIONS, OwnershipError, Poll, PollChange, PollError, QuoteError, QuoteStamp, StoredObject,
    update_poll, vote,
};
use crate::vocab::{Object, ObjectKind};

const POLL: &str = "https://here.example/polls/1";

fn question(id: &str, owner: &str, property: &str, options: &[(&str, u64)]) -> Value {
    let options: Vec<Value> = options
        .iter()
        .map(|(name, votes)| {
            json!({"type": "Note", "name": name, "replies": {"type": "Collection", "totalItems": votes}})
        })
        .collect();
    json!({"id": id, "type": "Question", "attributedTo": owner, property: options})
}

fn poll(value: Value) -> Poll {
    Poll::read(&Object::from_value(value).unwrap()).unwrap()
}

fn ballot(voter: &str, name: &str, more: Value) -> Verified {
    let mut note = json!({
        "id": format!("{voter}/votes/1"), "type": "Note", "attributedTo": voter, "name": name,
        "inReplyTo": POLL, "to": [ALICE],
    });
    let (Value::Object(map), Value::Object(more)) = (&mut note, more) else {
        panic!("two objects");
    };
    map.extend(more);
    plain("Create", voter, note)
}

#[test]
fn attack_45_a_vote_is_one_voters_and_counts_once() {
    let alice = url(ALICE);
    let options = [("yes", 0), ("no", 0)];
    let one = poll(question(POLL, ALICE, "oneOf", &options));
    let many = poll(question(POLL, ALICE, "anyOf", &options));
    let yes = ballot(BOB, "yes", json!({}));
    assert_eq!(vote(&yes, &one, &alice, &[]), Ok(0));
    assert_eq!(
        vote(&ballot(BOB, "no", json!({})), &many, &alice, &[0]),
        Ok(1)
    );
    // Twice, or two of one.
    assert_eq!(vote(&yes, &one, &alice, &[0]), Err(PollError::Voted));
    assert_eq!(vote(&yes, &one, &alice, &[1]), Err(PollError::Voted));
    assert_eq!(vote(&yes, &many, &alice, &[0]), Err(PollError::Voted));
    // In the name of others too.
    let shared = ballot(BOB, "yes", json!({"attributedTo": [BOB, CAROL]}));
    let foreign = Err(PollError::Ownership(OwnershipError::NotTheOwner));
    assert_eq!(vote(&shared, &one, &alice, &[]), foreign);
    // The owner's own, and what is no vote at all.
    assert_eq!(vote(&yes, &one, &url(BOB), &[]), Err(PollError::OwnPoll));
    for more in [
        json!({"name": "maybe"}),
        json!({"name": ""}),
        json!({"name": null}),
        json!({"content": "yes"}),
        json!({"inReplyTo": "https://here.example/polls/2"}),
        json!({"inReplyTo": null}),
        json!({"type": "Article"}),
    ] {
        let odd = ballot(BOB, "yes", more.clone());
        assert_eq!(
            vote(&odd, &one, &alice, &[]),
            Err(PollError::NotAVote),
            "{more}"
        );
    }
    let edited = plain(
        "Update",
        BOB,
        json!({"id": NOTE, "type": "Note", "attributedTo": BOB}),
    );
    let other_kind = Err(PollError::Ownership(OwnershipError::OtherKind));
    assert_eq!(vote(&edited, &one, &alice, &[]), other_kind);
}

#[test]
fn attack_45_votes_end_when_the_poll_does() {
    let alice = url(ALICE);
    for (property, ends, open) in [
        ("endTime", at(1), true),
        ("endTime", at(0), false),
        ("endTime", at(-1), false),
        ("closed", at(-1), false),
    ] {
        let mut asked = question(POLL, ALICE, "oneOf", &[("yes", 0)]);
        asked[property] = json!(ends.to_rfc3339());
        let voted = vote(&ballot(BOB, "yes", json!({})), &poll(asked), &alice, &[]);
        assert_eq!(voted, if open { Ok(0) } else { Err(PollError::Closed) });
    }
}

#[test]
fn attack_45_counts_are_the_owners_to_tell() {
    let id = url("https://there.example/polls/1");
    let (bob, carol) = (url(BOB), url(CAROL));
    let asked = |votes| question(id.as_str(), BOB, "oneOf", &[("yes", votes), ("no", 0)]);
    let known = poll(asked(0));
    let of = |owner| StoredObject::new(&id, owner, &ObjectKind::Question);
    let told = plain("Update", BOB, asked(7));
    let Ok(PollChange::Counts(counted)) = update_poll(&told, &of(&bob), &known) else {
        panic!("the owner counts");
    };
    assert_eq!(counted.options[0].votes, 7);
    let foreign = Err(PollError::Ownership(OwnershipError::NotTheOwner));
    assert_eq!(update_poll(&told, &of(&carol), &known), foreign);
    // Other options, or another way to choose, begin the count anew.
    for changed in [
        question(id.as_str(), BOB, "oneOf", &[("no", 7), ("yes", 0)]),
        question(id.as_str(), BOB, "anyOf", &[("yes", 7), ("no", 0)]),
        question(id.as_str(), BOB, "oneOf", &[("yes", 7)]),
    ] {
        let told = plain("Update", BOB, changed);
        let change = update_poll(&told, &of(&bob), &known);
        assert!(matches!(change, Ok(PollChange::Replaced(_))), "{change:?}");
    }
    let note = json!({"id": id.as_str(), "type": "Note", "attributedTo": BOB});
    let no_poll = update_poll(&plain("Update", BOB, note), &of(&bob), &known);
    assert!(matches!(no_poll, Err(PollError::NotAPoll { .. })));
}

#[test]
fn attack_45_polls_that_cannot_be_counted() {
    let many: Vec<(String, u64)> = (0..=MAX_OPTIONS).map(|n| (n.to_string(), 0)).collect();
    let many: Vec<(&str, u64)> = many.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    let mut both = question(POLL, ALICE, "oneOf", &[("yes", 0)]);
    both["anyOf"] = both["oneOf"].clone();
    let mut unnamed = question(POLL, ALICE, "oneOf", &[("yes", 0)]);
    unnamed["oneOf"][0]["name"] = json!(["yes"]);
    for value in [
        question(POLL, ALICE, "oneOf", &[]),
        question(POLL, ALICE, "oneOf", &[("yes", 0), ("yes", 1)]),
        question(POLL, ALICE, "oneOf", &many),
        question(POLL, ALICE, "options", &[("yes", 0)]),
        both,
        unnamed,
    ] {
        let object = Object::from_value(value.clone()).unwrap();
        let refused = Poll::read(&object).unwrap_err();
        assert!(matches!(refused, PollError::NotAPoll { .. }), "{value}");
    }
    // Counts that are no counts are none.
    let mut odd = question(POLL, ALICE, "oneOf", &[("yes", 0)]);
    for count in [json!(-1), json!("7"), json!(1e300), json!(null), json!([7])] {
        odd["oneOf"][0]["replies"]["totalItems"] = count;
        assert_eq!(poll(odd.clone()).options[0].votes, 0);
    }
}

fn stamp() -> Value {
    json!({
        "type": "QuoteAuthorization", "id": "https://there.example/stamps/1",
        "attributedTo": BOB, "interactingObject": "https://here.example/notes/7",
        "interactionTarget": NOTE,
    })
}

#[test]
fn attack_46_a_stamp_is_for_one_quote_of_one_post_by_its_author() {
    let (quote, quoted, bob) = (url("https://here.example/notes/7"), url(NOTE), url(BOB));
    let read = QuoteStamp::read(stamp()).unwrap();
    assert_eq!(read.allows(&quote, &quoted, &bob), Ok(()));
    let reused = url("https://here.example/notes/8");
    assert_eq!(
        read.allows(&reused, &quoted, &bob),
        Err(QuoteError::OtherQuote)
    );
    let other = url("https://there.example/notes/2");
    assert_eq!(
        read.allows(&quote, &other, &bob),
        Err(QuoteError::OtherPost)
    );
    let carol = url(CAROL);
    assert_eq!(
        read.allows(&quote, &quoted, &carol),
        Err(QuoteError::NotTheAuthor)
    );
    // Embedded copies say no more than their ids.
    let mut embedding = stamp();
    embedding["interactionTarget"] = json!({"id": NOTE, "type": "Note", "attributedTo": CAROL});
    assert_eq!(QuoteStamp::read(embedding).unwrap(), read);
    let mut foreign = stamp();
    foreign["id"] = json!("https://evil.example/stamps/1");
    assert_eq!(QuoteStamp::read(foreign), Err(QuoteError::Elsewhere));
}

#[test]
fn attack_46_malformed_stamps_are_refused_without_a_crash() {
    let odd = [
        json!(null),
        json!(7),
        json!(""),
        json!("x"),
        json!("javascript:x"),
        json!([]),
        json!([[]]),
        json!({}),
        json!({"id": 7, "type": "Note"}),
        json!([NOTE, NOTE]),
        json!({"id": NOTE}),
    ];
    for property in [
        "type",
        "id",
        "attributedTo",
        "interactingObject",
        "interactionTarget",
    ] {
        let mut without = stamp();
        without.as_object_mut().unwrap().remove(property);
        assert!(QuoteStamp::read(without).is_err(), "{property}");
        for value in &odd {
            let mut changed = stamp();
            changed[property] = value.clone();
            let refused = QuoteStamp::read(changed);
            let named = property == "attributedTo" && value.get("id").is_some();
            if !named {
                assert!(refused.is_err(), "{property} {value}");
            }
        }
    }
    for value in odd {
        assert!(QuoteStamp::read(value).is_err());
    }
}

proptest! {
    #[test]
    fn reading_polls_and_stamps_never_panics(text in "[\\[\\]{}\",:a-z0-9]{0,80}") {
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            let mut asked = question(POLL, ALICE, "oneOf", &[("yes", 0)]);
            asked["oneOf"] = value.clone();
            if let Ok(object) = Object::from_value(asked) {
                let _ = Poll::read(&object);
            }
            let mut changed = stamp();
            changed["interactingObject"] = value;
            let _ = QuoteStamp::read(changed);
        }
    }
}
