//! Collections, edited by their stored owner and whom the owner lets.

use url::Url;

use super::error::OwnershipError;
use crate::inbox::Verified;
use crate::vocab::{ActivityKind, ObjectOrId};

/// What is stored of a collection: members, moderators, pinned messages.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "handlers build it")]
pub struct StoredCollection<'a> {
    /// Its id.
    pub id: &'a Url,
    /// Whose it is.
    pub owner: &'a Url,
    /// Who else may edit it, such as the moderators of a group.
    pub editors: &'a [Url],
}

/// What an `Add` or `Remove` puts into a stored collection, or takes out of it.
///
/// # Errors
/// [`OwnershipError::ForeignCollection`] when the actor may not edit it (attack 34);
/// [`OwnershipError::OtherObject`] when another collection is named, or nothing to put into it.
pub fn collect<'v>(
    verified: &'v Verified,
    stored: &StoredCollection<'_>,
) -> Result<Vec<&'v Url>, OwnershipError> {
    let activity = verified.activity();
    if !matches!(activity.kind, ActivityKind::Add | ActivityKind::Remove) {
        return Err(OwnershipError::OtherKind);
    }
    let named = activity.target.as_ref().and_then(ObjectOrId::id);
    if named != Some(stored.id) {
        return Err(OwnershipError::OtherObject);
    }
    if activity.actor != *stored.owner && !stored.editors.contains(&activity.actor) {
        return Err(OwnershipError::ForeignCollection);
    }
    let entries: Vec<&Url> = activity.object.iter().filter_map(ObjectOrId::id).collect();
    if entries.is_empty() {
        return Err(OwnershipError::OtherObject);
    }
    Ok(entries)
}
