//! What was asked or done before, and who may answer it or take it back.

use url::Url;

use super::error::OwnershipError;
use crate::inbox::Verified;
use crate::vocab::{Activity, ActivityKind, ObjectOrId};

/// What is stored of an activity that can be answered or undone: a `Follow`, a `Like`, a `Block`.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "handlers build it")]
pub struct StoredActivity<'a> {
    /// Its id.
    pub id: &'a Url,
    /// What it did.
    pub kind: &'a ActivityKind,
    /// Who did it.
    pub actor: &'a Url,
    /// Whom or what it was done to.
    pub object: &'a Url,
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "all four kinds of the vocabulary")]
pub enum Answer {
    /// By `Accept`.
    Accepted,
    /// By `TentativeAccept`.
    TentativelyAccepted,
    /// By `TentativeReject`.
    TentativelyRejected,
    /// By `Reject`.
    Rejected,
}

/// How a stored request was answered.
///
/// `asked` is what is stored under the id that the answer names, or, since some servers lose ids,
/// between the two actors that its embedded copy names.
///
/// # Errors
/// [`OwnershipError::NotAsked`] when nothing is stored: an answer makes no request (attack 33);
/// [`OwnershipError::NotTheTarget`] when somebody else was asked; [`OwnershipError::OtherObject`]
/// when another request is answered than the stored one.
pub fn answer(
    verified: &Verified,
    asked: Option<&StoredActivity<'_>>,
) -> Result<Answer, OwnershipError> {
    let activity = verified.activity();
    let answer = match activity.kind {
        ActivityKind::Accept => Answer::Accepted,
        ActivityKind::TentativeAccept => Answer::TentativelyAccepted,
        ActivityKind::TentativeReject => Answer::TentativelyRejected,
        ActivityKind::Reject => Answer::Rejected,
        _ => return Err(OwnershipError::OtherKind),
    };
    let asked = asked.ok_or(OwnershipError::NotAsked)?;
    if *asked.object != activity.actor {
        return Err(OwnershipError::NotTheTarget);
    }
    is_meant(activity, asked)?;
    Ok(answer)
}

/// That a stored activity is taken back by whoever did it.
///
/// # Errors
/// [`OwnershipError::NotAsked`] when nothing is stored; [`OwnershipError::NotTheOwner`] when
/// somebody else did it (attack 32); [`OwnershipError::OtherObject`] when another activity is
/// undone than the stored one.
pub fn undo(verified: &Verified, done: Option<&StoredActivity<'_>>) -> Result<(), OwnershipError> {
    let activity = verified.activity();
    if activity.kind != ActivityKind::Undo {
        return Err(OwnershipError::OtherKind);
    }
    let done = done.ok_or(OwnershipError::NotAsked)?;
    if *done.actor != activity.actor {
        return Err(OwnershipError::NotTheOwner);
    }
    is_meant(activity, done)
}

/// The activity is about the stored one: by its id, or by what its copy says when that has another
/// id or none.
fn is_meant(activity: &Activity, stored: &StoredActivity<'_>) -> Result<(), OwnershipError> {
    let Some(object) = activity.single_object() else {
        return Err(OwnershipError::OtherObject);
    };
    let Some(copy) = object.as_object() else {
        let named = object.id() == Some(stored.id);
        return named.then_some(()).ok_or(OwnershipError::OtherObject);
    };
    let names = |property: &str, expected: &Url| {
        let value = copy.extra.get(property).cloned();
        let read = value.and_then(|value| ObjectOrId::from_value(value).ok());
        read.is_some_and(|read| read.id() == Some(expected))
    };
    let alike = copy.kind.as_str() == stored.kind.as_str()
        && names("actor", stored.actor)
        && names("object", stored.object);
    // A copy that contradicts the stored activity is about something else, whatever its id.
    let bare = !copy.extra.contains_key("actor") && !copy.extra.contains_key("object");
    if alike || (bare && copy.id.as_ref() == Some(stored.id)) {
        Ok(())
    } else {
        Err(OwnershipError::OtherObject)
    }
}
