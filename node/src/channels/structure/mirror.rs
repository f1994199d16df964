//! Channels of other nodes, as members of this one see them.
//!
//! A mirror has the id of its Group in `actor_uri`, and its messages have the numbers that the other
//! node gave them. What a member says here comes after all of these until the other node has given it
//! its number.

use federation_core::store::sql::{Connection, DatabaseError};
use url::Url;

use super::actions::renew;
use super::store;
use crate::base::ids::{ChannelId, CommunityId, UserId};
use crate::base::permission::{Changes, Permissions};
use crate::channels;
use crate::channels::model::{Channel, ChannelKind};
use crate::communities::model;
use crate::config::Origin;
use crate::groups;
use crate::groups::model::JoinState;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::error::ApiError;

/// Numbers from here on are those of messages that the other node has not numbered.
pub const PROVISIONAL: i64 = 1 << 60;

/// Whether a channel stands for one of another node.
pub fn is_mirror(origin: &Origin, channel: &Channel) -> bool {
    let group = channel.actor_uri.as_deref();
    group.is_some_and(|group| Url::parse(group).is_ok_and(|group| !origin.owns(&group)))
}

/// The mirror of a Group in the mirror of its community, made when there is none; to be run in a
/// transaction. `None` when the id is that of a channel which stands in another community.
///
/// # Errors
/// The database failed.
pub fn open(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    community: CommunityId,
    (group, name): (&Url, &str),
) -> Result<Option<Channel>, DatabaseError> {
    if let Some(known) = channels::store::by_actor(connection, group.as_str())? {
        return Ok(Some(known).filter(|known| known.community_id == Some(community)));
    }
    let now = ctx.now();
    let id = ChannelId::new(now);
    let short: String = name.chars().take(model::MAX_NAME).collect();
    let mirror = Channel {
        kind: ChannelKind::Text,
        name: Some(model::name(&short).unwrap_or_else(|_unusable| "channel".to_owned())),
        community_id: Some(community),
        position: store::last_place(connection, community)?,
        actor_uri: Some(group.to_string()),
        ..Channel::conversation(id, now.as_millis())
    };
    store::insert(connection, &mirror)?;
    renew(ctx, connection, log, community)?;
    Ok(Some(mirror))
}

/// Goes on where a member is in the Group that a channel stands for, and in every channel that stands
/// for none. Other channels of its community are there to be read: others brought them here, and their
/// node need not know the member, or no longer.
///
/// # Errors
/// 403: the member did not join that channel, or waits for its node.
pub fn needs_joining(
    origin: &Origin,
    connection: &mut Connection,
    channel: &Channel,
    user: UserId,
) -> Result<(), ApiError> {
    let group = channel.actor_uri.as_deref();
    let Some(group) = group.filter(|_| is_mirror(origin, channel)) else {
        return Ok(());
    };
    let join = groups::store::join_of(connection, user, group)?;
    if join.is_some_and(|join| join.state == JoinState::Joined) {
        return Ok(());
    }
    let detail = "This channel is of another node: join it first.";
    Err(ApiError::forbidden("channel_not_joined", detail))
}

/// Leaves a member a mirror to read, and nothing to add: its node put them out.
///
/// # Errors
/// The database failed.
pub fn silence(
    connection: &mut Connection,
    channel: ChannelId,
    user: UserId,
) -> Result<(), DatabaseError> {
    let said = Changes {
        allow: Permissions::NONE,
        deny: Permissions::ADDING,
    };
    store::set_member_override(connection, (channel, user), said)
}

/// Takes that back.
///
/// # Errors
/// The database failed.
pub fn speak(
    connection: &mut Connection,
    channel: ChannelId,
    user: UserId,
) -> Result<(), DatabaseError> {
    store::set_member_override(connection, (channel, user), Changes::default())
}
