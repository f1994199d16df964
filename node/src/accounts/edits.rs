//! Changing what members say about themselves.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::ProfileChange;
use super::profile::{Change, Profile};
use crate::base::ids::UserId;
use crate::platform::db::schema::users;

/// Changes what a member says about themselves; nothing when they are of another node or gone.
///
/// # Errors
/// The database failed.
pub fn update_profile(
    connection: &mut Connection,
    id: UserId,
    change: &ProfileChange,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let email = match &change.email {
        Change::Keep => None,
        Change::Remove => Some(None),
        Change::Set(email) => Some(Some(email.as_str())),
    };
    let own = users::table
        .find(id)
        .filter(users::domain.is_null())
        .filter(users::deleted_at.is_null());
    // The row is locked from here on: of two changes at once neither is lost.
    let found: Option<Profile> = diesel::update(own)
        .set((
            change
                .display_name
                .as_ref()
                .map(|name| users::display_name.eq(name)),
            change.bio.as_ref().map(|bio| users::bio.eq(bio)),
            email.map(|email| users::email.eq(email)),
            change
                .direct_messages
                .map(|choice| users::direct_messages.eq(choice)),
            users::updated_at.eq(now.as_millis()),
        ))
        .returning(users::profile)
        .get_result(connection)
        .optional()?;
    if let Some(mut profile) = found.filter(|_| !change.profile.is_empty()) {
        change.profile.apply(&mut profile);
        set_profile(connection, id, &profile)?;
    }
    Ok(())
}

/// Stores what else a person shows.
pub(super) fn set_profile(
    connection: &mut Connection,
    id: UserId,
    profile: &Profile,
) -> Result<(), DatabaseError> {
    diesel::update(users::table.find(id))
        .set(users::profile.eq(profile.to_text()))
        .execute(connection)?;
    Ok(())
}
