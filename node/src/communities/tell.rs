//! What sockets are told of a community, and when they have to look anew at what they may see.

use federation_core::store::sql::{Connection, DatabaseError};
use serde::Serialize;

use crate::base::ids::{CommunityId, UserId};
use crate::groups;
use crate::platform::ctx::Ctx;
use crate::platform::events::{Effect, EventLog, NewEvent, Topic};

/// A community of which something changed.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Of {
    /// Which.
    pub community_id: CommunityId,
}

/// Somebody who left a community.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Left {
    /// Which.
    pub community_id: CommunityId,
    /// Who.
    pub user_id: UserId,
    /// `left`, `kicked` or `banned`.
    pub reason: &'static str,
}

/// A role that is no more.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Gone<Id> {
    /// Of which community.
    pub community_id: CommunityId,
    /// The thing.
    pub id: Id,
}

/// Tells every member.
///
/// # Errors
/// The database failed.
pub fn members(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    community: CommunityId,
    op: &'static str,
    data: &impl Serialize,
) -> Result<(), DatabaseError> {
    append(
        ctx,
        connection,
        log,
        (Topic::Community(community), op, None),
        data,
    )
}

/// Tells every member, and has their sockets look anew at what they may see.
///
/// # Errors
/// The database failed.
pub fn renew_members(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    community: CommunityId,
    op: &'static str,
    data: &impl Serialize,
) -> Result<(), DatabaseError> {
    // What members may see may be what other nodes may see too.
    groups::store::note_check(connection, community)?;
    let renew = Some(Effect::Renew);
    append(
        ctx,
        connection,
        log,
        (Topic::Community(community), op, renew),
        data,
    )
}

/// Tells one person, and has their sockets look anew at what they may see.
///
/// # Errors
/// The database failed.
pub fn renew_one(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    user: UserId,
    op: &'static str,
    data: &impl Serialize,
) -> Result<(), DatabaseError> {
    let renew = Some(Effect::Renew);
    append(ctx, connection, log, (Topic::User(user), op, renew), data)
}

fn append(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    (topic, op, effect): (Topic, &'static str, Option<Effect>),
    data: &impl Serialize,
) -> Result<(), DatabaseError> {
    let event = NewEvent {
        topic,
        op,
        effect,
        subject: None,
    };
    log.append(connection, &event, data, ctx.now())?;
    Ok(())
}
