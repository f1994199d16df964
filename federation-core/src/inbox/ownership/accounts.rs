//! Accounts: changed, deleted and moved by themselves; reports about what is here.

use url::Url;

use super::error::OwnershipError;
use super::objects::not_stale;
use crate::inbox::Verified;
use crate::vocab::{ActivityKind, Actor, ActorKind, ObjectOrId, same_origin};

/// The new state of a stored actor, brought by the actor itself.
///
/// # Errors
/// [`OwnershipError::OtherObject`] for another actor's (attack 29); there also
/// [`OwnershipError::KindChanged`] when a person becomes a group or the other way round,
/// [`OwnershipError::InboxElsewhere`], and [`OwnershipError::KeyOfOthers`] when there is no key
/// left that belongs to the actor; [`OwnershipError::Stale`] (30);
/// [`OwnershipError::NothingTrusted`] when the actor does not come whole: then it is to be fetched.
pub fn update_actor(verified: &Verified, stored: &Actor) -> Result<Actor, OwnershipError> {
    let activity = verified.activity();
    if activity.kind != ActivityKind::Update {
        return Err(OwnershipError::OtherKind);
    }
    if activity.actor != stored.id || activity.object_id() != Some(&stored.id) {
        return Err(OwnershipError::OtherObject);
    }
    let object = verified
        .trusted_object()
        .ok_or(OwnershipError::NothingTrusted)?;
    let told = object
        .as_actor()
        .map_err(|_no_actor| OwnershipError::NothingTrusted)?;
    if is_collective(&told.kind) != is_collective(&stored.kind) {
        return Err(OwnershipError::KindChanged);
    }
    let inboxes = std::iter::once(&told.inbox).chain(&told.shared_inbox);
    for inbox in inboxes {
        if !same_origin(inbox, &stored.id) && !same_origin(inbox, &stored.inbox) {
            return Err(OwnershipError::InboxElsewhere);
        }
    }
    if told.public_keys.is_empty() || told.public_keys.iter().any(|key| key.owner != stored.id) {
        return Err(OwnershipError::KeyOfOthers);
    }
    not_stale(stored.updated, told.updated)?;
    Ok(told)
}

/// Whether many act through it.
fn is_collective(kind: &ActorKind) -> bool {
    matches!(kind, ActorKind::Group | ActorKind::Organization)
}

/// That an actor deletes itself.
///
/// # Errors
/// [`OwnershipError::NotTheOwner`] for another actor (attack 31).
pub fn delete_actor(verified: &Verified, stored: &Url) -> Result<(), OwnershipError> {
    let activity = verified.activity();
    if activity.kind != ActivityKind::Delete {
        return Err(OwnershipError::OtherKind);
    }
    if activity.object_id() != Some(stored) {
        return Err(OwnershipError::OtherObject);
    }
    if activity.actor != *stored {
        return Err(OwnershipError::NotTheOwner);
    }
    Ok(())
}

/// That an account moves to `target`, the actor as its own server shows it now.
///
/// # Errors
/// [`OwnershipError::MoveNotConfirmed`] unless `alsoKnownAs` of the target names the account
/// (attack 39); [`OwnershipError::OtherObject`] when the activity names another target;
/// [`OwnershipError::NotTheOwner`] when it moves another account.
pub fn move_account(verified: &Verified, target: &Actor) -> Result<(), OwnershipError> {
    let activity = verified.activity();
    if activity.kind != ActivityKind::Move {
        return Err(OwnershipError::OtherKind);
    }
    if activity.object_id() != Some(&activity.actor) {
        return Err(OwnershipError::NotTheOwner);
    }
    let named = activity.target.as_ref().and_then(ObjectOrId::id);
    if named != Some(&target.id) || target.id == activity.actor {
        return Err(OwnershipError::OtherObject);
    }
    if !target.also_known_as.contains(&activity.actor) {
        return Err(OwnershipError::MoveNotConfirmed);
    }
    Ok(())
}

/// What of the server with the origin `own` a report is about: accounts and objects, in order.
///
/// A report asks somebody to look; it never does anything by itself, whoever sends it.
///
/// # Errors
/// [`OwnershipError::NothingHere`] when it names nothing of this server.
pub fn report<'v>(verified: &'v Verified, own: &Url) -> Result<Vec<&'v Url>, OwnershipError> {
    let activity = verified.activity();
    if activity.kind != ActivityKind::Flag {
        return Err(OwnershipError::OtherKind);
    }
    let ids = activity.object.iter().filter_map(ObjectOrId::id);
    let mut here = Vec::new();
    for id in ids.filter(|id| same_origin(id, own)) {
        if !here.contains(&id) {
            here.push(id);
        }
    }
    if here.is_empty() {
        return Err(OwnershipError::NothingHere);
    }
    Ok(here)
}
