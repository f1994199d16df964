//! Whether people may act here, and the end of accounts.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::presence::Presence;
use crate::base::ids::UserId;
use crate::base::role::Role;
use crate::platform::db::schema::{profile_announcements, user_roles, users};

/// Suspends a person, or lets them act again; whether that changed anything.
///
/// # Errors
/// The database failed.
pub fn set_suspended(
    connection: &mut Connection,
    id: UserId,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let there = users::table.find(id).filter(users::deleted_at.is_null());
    let changed = if reason.is_some() {
        diesel::update(there.filter(users::suspended_at.is_null()))
            .set((
                users::suspended_at.eq(Some(now.as_millis())),
                users::suspension_reason.eq(reason),
            ))
            .execute(connection)?
    } else {
        diesel::update(there.filter(users::suspended_at.is_not_null()))
            .set((
                users::suspended_at.eq(None::<i64>),
                users::suspension_reason.eq(None::<&str>),
            ))
            .execute(connection)?
    };
    Ok(changed > 0)
}

/// Stores whether a member says they are there; writes nothing when they said so before.
///
/// # Errors
/// The database failed.
pub fn set_presence(
    connection: &mut Connection,
    id: UserId,
    presence: Presence,
) -> Result<(), DatabaseError> {
    let other = users::table.find(id).filter(users::presence.ne(presence));
    diesel::update(other)
        .set(users::presence.eq(presence))
        .execute(connection)?;
    Ok(())
}

/// Ends an account of this node: what is left is its name, which nobody gets again.
///
/// Whether it was there.
///
/// # Errors
/// The database failed.
pub fn erase(
    connection: &mut Connection,
    id: UserId,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let there = users::table
        .find(id)
        .filter(users::domain.is_null())
        .filter(users::deleted_at.is_null());
    let erased = diesel::update(there)
        .set((
            users::display_name.eq(""),
            users::bio.eq(""),
            users::email.eq(None::<&str>),
            users::profile.eq("{}"),
            users::role.eq(Role::User),
            users::presence.eq(Presence::Offline),
            users::suspension_reason.eq(None::<&str>),
            users::updated_at.eq(now.as_millis()),
            users::deleted_at.eq(Some(now.as_millis())),
        ))
        .execute(connection)?;
    if erased > 0 {
        diesel::delete(user_roles::table.filter(user_roles::user_id.eq(id))).execute(connection)?;
        diesel::delete(profile_announcements::table.find(id)).execute(connection)?;
    }
    Ok(erased > 0)
}
