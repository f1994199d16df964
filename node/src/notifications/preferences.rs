//! What members chose, for a channel, for a community and for their account.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::{Effective, Level, Preference};
use crate::base::ids::{ChannelId, CommunityId, UserId};
use crate::base::words::words;
use crate::platform::db::schema::notification_preferences;

words! {
    /// How wide a choice is.
    pub enum ScopeOfChoice {
        /// Everywhere.
        Account = "account",
        /// One community.
        Community = "community",
        /// One channel.
        Channel = "channel",
    }
}

/// What a choice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// All that the member may see.
    Account,
    /// One community.
    Community(CommunityId),
    /// One channel.
    Channel(ChannelId),
}

impl Of {
    fn key(&self) -> (ScopeOfChoice, String) {
        match self {
            Self::Account => (ScopeOfChoice::Account, String::new()),
            Self::Community(id) => (ScopeOfChoice::Community, id.to_string()),
            Self::Channel(id) => (ScopeOfChoice::Channel, id.to_string()),
        }
    }
}

type Row = (Level, Option<i64>, Option<bool>);

/// What a member chose there; [`Preference::UNSET`] when nothing.
///
/// # Errors
/// The database failed.
pub fn chosen(
    connection: &mut Connection,
    user: UserId,
    of: Of,
) -> Result<Preference, DatabaseError> {
    let (scope, id) = of.key();
    let row = notification_preferences::table
        .find((user, scope, id))
        .select((
            notification_preferences::level,
            notification_preferences::muted_until,
            notification_preferences::suppress_everyone,
        ));
    let row: Option<Row> = row.first(connection).optional()?;
    Ok(row.map_or(
        Preference::UNSET,
        |(level, muted_until, suppress_everyone)| Preference {
            level,
            muted_until,
            suppress_everyone,
        },
    ))
}

/// What holds for a member in a channel: what they chose for it, else for its community, else for
/// their account.
///
/// # Errors
/// The database failed.
pub fn effective(
    connection: &mut Connection,
    user: UserId,
    (channel, community): (Option<ChannelId>, Option<CommunityId>),
    now: Timestamp,
) -> Result<Effective, DatabaseError> {
    let mut said = Vec::with_capacity(3);
    if let Some(channel) = channel {
        said.push(chosen(connection, user, Of::Channel(channel))?);
    }
    if let Some(community) = community {
        said.push(chosen(connection, user, Of::Community(community))?);
    }
    said.push(chosen(connection, user, Of::Account)?);
    Ok(Effective::of(&said, now))
}

/// Stores a choice; one that says nothing is no row.
///
/// # Errors
/// The database failed.
pub fn put(
    connection: &mut Connection,
    user: UserId,
    of: Of,
    choice: Preference,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let (scope, id) = of.key();
    let old = notification_preferences::table.find((user, scope, id.clone()));
    diesel::delete(old).execute(connection)?;
    if choice == Preference::UNSET {
        return Ok(());
    }
    let row = (
        notification_preferences::user_id.eq(user),
        notification_preferences::scope.eq(scope),
        notification_preferences::scope_id.eq(id),
        notification_preferences::level.eq(choice.level),
        notification_preferences::muted_until.eq(choice.muted_until),
        notification_preferences::suppress_everyone.eq(choice.suppress_everyone),
        notification_preferences::updated_at.eq(now.as_millis()),
    );
    each_backend!(connection, c => diesel::insert_into(notification_preferences::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// How many places a member chose something for.
///
/// # Errors
/// The database failed.
pub fn count(connection: &mut Connection, user: UserId) -> Result<i64, DatabaseError> {
    let rows = notification_preferences::table.filter(notification_preferences::user_id.eq(user));
    Ok(rows.count().get_result(connection)?)
}

/// Forgets what was chosen for a channel that is gone.
///
/// # Errors
/// The database failed.
pub fn forget_channel(
    connection: &mut Connection,
    channel: ChannelId,
) -> Result<(), DatabaseError> {
    let rows = notification_preferences::table
        .filter(notification_preferences::scope_id.eq(channel.to_string()))
        .filter(notification_preferences::scope.eq(ScopeOfChoice::Channel));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}
