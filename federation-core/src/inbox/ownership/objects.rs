//! Objects: made, changed and deleted by their stored owner.

use std::collections::HashSet;

use url::Url;

use super::error::OwnershipError;
use crate::clock::Timestamp;
use crate::inbox::Verified;
use crate::vocab::{ActivityKind, ActorKind, CollectionKind, Object, ObjectKind, is_public};

/// What is stored of an object, as far as it decides whose it is.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StoredObject<'a> {
    /// Its id.
    pub id: &'a Url,
    /// The actor that made it.
    pub owner: &'a Url,
    /// What it is.
    pub kind: &'a ObjectKind,
    /// When its state was made, by its owner's clock.
    pub updated_at: Option<Timestamp>,
    /// Whether nothing is left of it but the knowledge that it was deleted.
    pub deleted: bool,
}

impl<'a> StoredObject<'a> {
    /// An object that is there, of unknown age.
    pub const fn new(id: &'a Url, owner: &'a Url, kind: &'a ObjectKind) -> Self {
        Self {
            id,
            owner,
            kind,
            updated_at: None,
            deleted: false,
        }
    }

    /// The same object, in the state of this time by its owner's clock.
    #[must_use]
    pub const fn updated_at(mut self, time: Option<Timestamp>) -> Self {
        self.updated_at = time;
        self
    }

    /// The same object, which was deleted or not.
    #[must_use]
    pub const fn deleted(mut self, deleted: bool) -> Self {
        self.deleted = deleted;
        self
    }
}

/// A new object: what a `Create` brings, unless something is stored under its id.
///
/// `stored` is what is stored under the object's id for this actor; handlers that keep one object
/// for each id pass that, whoever owns it.
///
/// # Errors
/// [`OwnershipError::Deleted`] after its deletion, so that what comes late does not bring it back
/// (attack 30); [`OwnershipError::Known`], [`OwnershipError::NotTheOwner`],
/// [`OwnershipError::NothingTrusted`].
pub fn create<'v>(
    verified: &'v Verified,
    stored: Option<&StoredObject<'_>>,
) -> Result<&'v Object, OwnershipError> {
    if verified.activity().kind != ActivityKind::Create {
        return Err(OwnershipError::OtherKind);
    }
    let object = own_object(verified)?;
    match stored {
        None => Ok(object),
        Some(stored) if object.id.as_ref() != Some(stored.id) => Err(OwnershipError::OtherObject),
        Some(stored) if *stored.owner != verified.activity().actor => {
            Err(OwnershipError::NotTheOwner)
        }
        Some(stored) if stored.deleted => Err(OwnershipError::Deleted),
        Some(_) => Err(OwnershipError::Known),
    }
}

/// The new state of a stored object.
///
/// # Errors
/// [`OwnershipError::NotTheOwner`] judged by the stored owner (attack 28);
/// [`OwnershipError::OwnerChanged`], [`OwnershipError::KindChanged`] (29);
/// [`OwnershipError::Deleted`], [`OwnershipError::Stale`] (30); [`OwnershipError::OtherObject`],
/// [`OwnershipError::NothingTrusted`]. A state of the same time is taken: many servers write times
/// in whole seconds.
pub fn update<'v>(
    verified: &'v Verified,
    stored: &StoredObject<'_>,
) -> Result<&'v Object, OwnershipError> {
    let activity = verified.activity();
    if activity.kind != ActivityKind::Update {
        return Err(OwnershipError::OtherKind);
    }
    if activity.object_id() != Some(stored.id) {
        return Err(OwnershipError::OtherObject);
    }
    if *stored.owner != activity.actor {
        return Err(OwnershipError::NotTheOwner);
    }
    let object = verified
        .trusted_object()
        .ok_or(OwnershipError::NothingTrusted)?;
    if !object.attributed_to.contains(stored.owner) {
        return Err(OwnershipError::OwnerChanged);
    }
    if sort(&object.kind) != sort(stored.kind) {
        return Err(OwnershipError::KindChanged);
    }
    if stored.deleted {
        return Err(OwnershipError::Deleted);
    }
    not_stale(stored.updated_at, object.updated.or(object.published))?;
    Ok(object)
}

/// That a stored object may be deleted.
///
/// # Errors
/// [`OwnershipError::NotTheOwner`] judged by the stored owner (attack 31);
/// [`OwnershipError::OtherObject`].
pub fn delete(verified: &Verified, stored: &StoredObject<'_>) -> Result<(), OwnershipError> {
    let activity = verified.activity();
    if activity.kind != ActivityKind::Delete {
        return Err(OwnershipError::OtherKind);
    }
    if activity.object_id() != Some(stored.id) {
        return Err(OwnershipError::OtherObject);
    }
    if *stored.owner != activity.actor {
        return Err(OwnershipError::NotTheOwner);
    }
    Ok(())
}

/// That an activity about a stored private object names nobody who could not read it before.
///
/// `stored` are the actors and collections that may read it. A public object may be told to
/// anybody.
///
/// # Errors
/// [`OwnershipError::AudienceExtended`] (attack 38): who is named for the first time must not be
/// let in, whatever else the activity does.
pub fn audience(verified: &Verified, stored: &[Url]) -> Result<(), OwnershipError> {
    if stored.iter().any(|reader| is_public(reader.as_str())) {
        return Ok(());
    }
    let activity = verified.activity();
    let mut told: HashSet<&Url> = activity.recipients().into_iter().collect();
    let objects = activity
        .object
        .iter()
        .filter_map(|object| object.as_object());
    for object in objects {
        let lists = [
            &object.to,
            &object.cc,
            &object.bto,
            &object.bcc,
            &object.audience,
        ];
        told.extend(lists.into_iter().flatten());
    }
    let known: HashSet<&Url> = stored.iter().chain([&activity.actor]).collect();
    match told.difference(&known).count() {
        0 => Ok(()),
        added => Err(OwnershipError::AudienceExtended { added }),
    }
}

/// The one object of an activity, which names the actor as its author.
pub(super) fn own_object(verified: &Verified) -> Result<&Object, OwnershipError> {
    let object = verified
        .trusted_object()
        .ok_or(OwnershipError::NothingTrusted)?;
    if object.attributed_to.contains(&verified.activity().actor) {
        Ok(object)
    } else {
        Err(OwnershipError::NotTheOwner)
    }
}

/// Holds the time of a state that came against that of the stored one; unknown times pass.
pub(super) fn not_stale(
    known: Option<Timestamp>,
    told: Option<Timestamp>,
) -> Result<(), OwnershipError> {
    match (known, told) {
        (Some(known), Some(told)) if known > told => Err(OwnershipError::Stale { known, told }),
        _ => Ok(()),
    }
}

/// Sorts of things that never become one another; a note may become a poll.
#[derive(PartialEq, Eq)]
enum Sort {
    Content,
    Remains,
    Activity,
    Actor,
    Collection,
}

fn sort(kind: &ObjectKind) -> Sort {
    let name = kind.as_str();
    if *kind == ObjectKind::Tombstone {
        Sort::Remains
    } else if ActorKind::from_name(name).is_known() {
        Sort::Actor
    } else if CollectionKind::from_name(name).is_known() {
        Sort::Collection
    } else if ActivityKind::from_name(name).is_known() {
        Sort::Activity
    } else {
        Sort::Content
    }
}
