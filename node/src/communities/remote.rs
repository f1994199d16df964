//! Members who live on other nodes: let in when they follow a channel, and gone when they stop.

use federation_core::store::sql::{Connection, DatabaseError};

use super::error::CommunityError;
use super::members;
use super::model::{Community, Visibility};
use super::standing;
use crate::base::ids::UserId;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// Lets somebody of another node into a community that is public, unless they are in it; whether
/// they are in it now. To be run in a transaction.
///
/// # Errors
/// The database failed.
///
/// # Security
/// They get what everyone holds. Who is banned is not let in, and nobody by a claim of an invitation.
pub fn admit(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    community: &Community,
    user: UserId,
) -> Result<bool, DatabaseError> {
    let stands = standing::of(connection, community, user, ctx.now())?;
    if stands.standing.is_member {
        return Ok(true);
    }
    if community.visibility != Visibility::Public || community.is_mirror() {
        return Ok(false);
    }
    match members::actions::admit(ctx, connection, log, community, user) {
        Ok(_view) => Ok(true),
        Err(CommunityError::Database(error)) => Err(error),
        Err(error) => {
            tracing::debug!(%error, %user, "did not let somebody of another node in");
            Ok(false)
        }
    }
}

/// Puts somebody out of a community who went of their own accord; to be run in a transaction.
///
/// # Errors
/// The database failed.
pub fn leave(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    community: &Community,
    user: UserId,
) -> Result<(), DatabaseError> {
    let stands = standing::of(connection, community, user, ctx.now())?;
    if !stands.standing.is_member || stands.standing.is_owner {
        return Ok(());
    }
    let left = members::actions::expel(ctx, connection, log, community.id, user, "left");
    match left {
        Ok(()) => Ok(()),
        Err(CommunityError::Database(error)) => Err(error),
        Err(_refused) => Err(DatabaseError::Malformed { what: "member" }),
    }
}
