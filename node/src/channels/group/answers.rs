//! What Groups of other nodes answer to members of this one, inside the transaction of the inbox.

use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Activity, ActivityKind, Actor, ObjectOrId, parse_id};
use url::Url;

use super::wire::JoinView;
use crate::accounts;
use crate::base::ids::ChannelId;
use crate::channels::structure;
use crate::communities;
use crate::communities::tell;
use crate::groups;
use crate::groups::federate::join_in;
use crate::groups::model::{Join, JoinState};
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// What members are told when a wish of theirs is answered.
const UPDATED: &str = "group.updated";

/// Takes in that a Group agreed: the member is in the channel of this node that stands for it, which
/// is made when there is none. Answers that channel when the member was not in it before.
///
/// # Errors
/// The database failed.
///
/// # Security
/// `accept` must have been proven to be `group`'s; it counts for what was asked of it alone.
pub fn receive_accept(
    ctx: &Ctx,
    connection: &mut Connection,
    (accept, group): (&Activity, &Actor),
) -> Result<Option<ChannelId>, DatabaseError> {
    let Some(join) = answered(ctx, connection, accept, &group.id)? else {
        return Ok(None);
    };
    if join.state == JoinState::Joined {
        return Ok(None);
    }
    let log = EventLog::begin(connection)?;
    let Some(community) = parse_id(&join.community_uri) else {
        return Err(DatabaseError::Malformed { what: "join" });
    };
    let known = accounts::store::remote_actor(connection, community.as_str())?;
    let name = known.and_then(|actor| actor.name.or(actor.preferred_username));
    let name = name.unwrap_or_else(|| community.host_str().unwrap_or_default().to_owned());
    let mirror = communities::mirror::open(ctx, connection, &community, &name)?;
    let name = group
        .name
        .as_deref()
        .or(group.preferred_username.as_deref());
    let named = (&group.id, name.unwrap_or_default());
    let opened = structure::open_mirror(ctx, connection, &log, mirror.id, named)?;
    let Some(channel) = opened else {
        return Ok(None);
    };
    structure::speak(connection, channel.id, join.user_id)?;
    communities::mirror::enter(ctx, connection, &log, &mirror, join.user_id)?;
    let stands = (JoinState::Joined, Some(channel.id));
    settle(ctx, connection, &log, &join, stands)?;
    Ok(Some(channel.id))
}

/// Takes in that a Group refused, or put a member out; whether it answered one. What the member has
/// read stays; nothing can be added any more.
///
/// # Errors
/// The database failed.
///
/// # Security
/// As [`receive_accept`].
pub fn receive_reject(
    ctx: &Ctx,
    connection: &mut Connection,
    (reject, group): (&Activity, &Url),
) -> Result<bool, DatabaseError> {
    let Some(join) = answered(ctx, connection, reject, group)? else {
        return Ok(false);
    };
    let log = EventLog::begin(connection)?;
    if let Some(channel) = join.channel_id {
        structure::silence(connection, channel, join.user_id)?;
    }
    let stands = (JoinState::Refused, join.channel_id);
    settle(ctx, connection, &log, &join, stands)?;
    Ok(true)
}

fn settle(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    join: &Join,
    (state, channel): (JoinState, Option<ChannelId>),
) -> Result<(), DatabaseError> {
    groups::store::settle_join(connection, join.id, (state, channel), ctx.now())?;
    let after = Join {
        state,
        channel_id: channel,
        ..join.clone()
    };
    let view = JoinView::from(&after);
    tell::renew_one(ctx, connection, log, join.user_id, UPDATED, &view)
}

/// The wish that a Group answers.
fn answered(
    ctx: &Ctx,
    connection: &mut Connection,
    answer: &Activity,
    group: &Url,
) -> Result<Option<Join>, DatabaseError> {
    let id = answer.object_id().and_then(|id| join_in(ctx.origin(), id));
    let by_id = match id {
        Some(id) => groups::store::join_by_id(connection, id)?,
        None => None,
    };
    let found = match (by_id, asker(answer)) {
        // Some servers lose or replace the id: then the member tells which wish is meant.
        (None, Some(asker)) => match accounts::store::by_actor(connection, asker.as_str())? {
            Some(user) => groups::store::join_of(connection, user.id, group.as_str())?,
            None => None,
        },
        (by_id, _) => by_id,
    };
    Ok(found.filter(|join| join.group_uri == group.as_str()))
}

/// Who sent the `Follow` inside an answer, when it is there whole.
fn asker(answer: &Activity) -> Option<Url> {
    let inner = answer.single_object().and_then(ObjectOrId::as_activity)?;
    let inner = inner.ok()?;
    (inner.kind == ActivityKind::Follow).then_some(inner.actor)
}
