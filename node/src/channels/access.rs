//! Who may do what in a channel: the one place where every part of the server asks.
//!
//! [`resolve`] decides; this reads what it decides by. A channel that somebody cannot see is, for
//! them, not there.

use std::collections::HashMap;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::conversations;
use super::model::{Channel, ChannelKind};
use super::store;
use crate::accounts;
use crate::accounts::model::User;
use crate::base::ids::{ChannelId, CommunityId, CommunityRoleId, UserId};
use crate::base::permission::{
    Changes, Layer, Layered, Permission, Permissions, Place, Standing, resolve,
};
use crate::communities;
use crate::communities::error::CommunityError;
use crate::communities::known::{Held, Known};
use crate::communities::standing::Stands;
use crate::platform::ctx::Ctx;
use crate::platform::db::schema::{channel_member_overrides, channel_role_overrides, channels};
use crate::platform::events::Topic;

/// A channel that somebody sees, and what they may do there.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The channel.
    pub channel: Channel,
    /// What they may do.
    pub permissions: Permissions,
    /// How they stand in its community; none in a conversation.
    pub stands: Option<Stands>,
    /// Whether nothing is to be added, to it or to what it is in.
    pub is_archived: bool,
    /// The number of the first message that they see, or a smaller one.
    pub visible_from: i64,
}

impl Seen {
    /// Goes on only for those who hold `permission` here.
    ///
    /// # Errors
    /// They lack it, are silenced, or nothing may be added any more.
    pub fn needs(&self, permission: Permission) -> Result<(), CommunityError> {
        if self.permissions.contains(permission) {
            return Ok(());
        }
        let stands = self.stands.as_ref();
        if self.is_archived && Permissions::ADDING.contains(permission) {
            Err(CommunityError::Archived)
        } else if stands.is_some_and(|stands| stands.standing.is_timed_out) {
            Err(CommunityError::TimedOut)
        } else {
            Err(CommunityError::Missing(permission))
        }
    }
}

/// The channel with what somebody may do there, from the rows; `None` when they do not see it.
///
/// # Errors
/// The database failed.
pub fn see(
    connection: &mut Connection,
    user: UserId,
    id: ChannelId,
    now: Timestamp,
) -> Result<Option<Seen>, DatabaseError> {
    let found = judge(connection, user, id, now)?;
    Ok(found.filter(|seen| seen.permissions.contains(Permission::ViewChannel)))
}

/// The same, for writes and whoever else wants a refusal.
///
/// # Errors
/// They do not see it, or the database failed.
pub fn require(
    connection: &mut Connection,
    user: UserId,
    id: ChannelId,
    now: Timestamp,
) -> Result<Seen, CommunityError> {
    see(connection, user, id, now)?.ok_or(CommunityError::NotFound)
}

/// What somebody may do in a channel, as far as it is remembered, else from the rows.
///
/// # Errors
/// The database failed.
pub async fn permissions(
    ctx: &Ctx,
    known: &Known,
    user: UserId,
    id: ChannelId,
) -> Result<Permissions, DatabaseError> {
    let now = ctx.now();
    if let Some(held) = known.get(user, id, now) {
        return Ok(held.permissions);
    }
    let read_at = known.changes();
    let judged = ctx
        .db()
        .read(move |connection| judge(connection, user, id, now))
        .await?;
    let Some(seen) = judged else {
        return Ok(Permissions::NONE);
    };
    // Who is in a conversation changes with each new message from elsewhere; it costs one look.
    if let Some(community) = seen.channel.community_id {
        let held = Held {
            permissions: seen.permissions,
            community: Some(community),
            until: seen.stands.and_then(|stands| stands.timed_out_until),
            read_at,
        };
        known.put(user, id, held);
    }
    Ok(seen.permissions)
}

/// Goes on only for those who hold `permission` in a channel, as far as it is remembered.
///
/// # Errors
/// They do not see the channel, or lack the permission.
pub async fn check(
    ctx: &Ctx,
    known: &Known,
    (user, id): (UserId, ChannelId),
    permission: Permission,
) -> Result<(), CommunityError> {
    let held = permissions(ctx, known, user, id).await?;
    if !held.contains(Permission::ViewChannel) {
        Err(CommunityError::NotFound)
    } else if held.contains(permission) {
        Ok(())
    } else {
        Err(CommunityError::Missing(permission))
    }
}

fn judge(
    connection: &mut Connection,
    user: UserId,
    id: ChannelId,
    now: Timestamp,
) -> Result<Option<Seen>, DatabaseError> {
    let Some(channel) = store::by_id(connection, id)? else {
        return Ok(None);
    };
    let Some(community) = channel.community_id else {
        let since = takes_part(connection, user, id)?;
        return Ok(Some(Seen {
            permissions: resolve(&Standing::default(), Place::Conversation(since.is_some())),
            channel,
            stands: None,
            is_archived: false,
            visible_from: since.unwrap_or(i64::MAX),
        }));
    };
    let Some(community) = communities::store::by_id(connection, community)? else {
        return Ok(None);
    };
    let stands = communities::standing::of(connection, &community, user, now)?;
    let layered = layered(connection, &channel, &stands)?;
    Ok(Some(Seen {
        permissions: resolve(&stands.standing, Place::Channel(&layered)),
        channel,
        stands: Some(stands),
        is_archived: layered.is_archived,
        visible_from: 0,
    }))
}

/// What a channel and what it is in say of permissions, as far as it concerns one person.
pub(super) fn layered(
    connection: &mut Connection,
    channel: &Channel,
    stands: &Stands,
) -> Result<Layered, DatabaseError> {
    let mut chain = vec![channel.clone()];
    while let Some(parent) = chain.last().and_then(|channel| channel.parent_id) {
        let Some(parent) = store::by_id(connection, parent)?.filter(|_| chain.len() < 3) else {
            break;
        };
        chain.push(parent);
    }
    let ids: Vec<ChannelId> = chain.iter().map(|channel| channel.id).collect();
    let words = Words::load(connection, &ids, stands)?;
    Ok(words.layered(&chain))
}

/// Since which message somebody is in a direct conversation, when they may act at all.
fn takes_part(
    connection: &mut Connection,
    user: UserId,
    id: ChannelId,
) -> Result<Option<i64>, DatabaseError> {
    let Some(since) = conversations::store::joined_seq(connection, id, user)? else {
        return Ok(None);
    };
    let person = accounts::store::by_id(connection, user)?;
    Ok(person.filter(User::is_active).map(|_| since))
}

/// The number of the first message of a channel that somebody sees who sees the channel, or a smaller
/// one: in conversations nobody sees what was said before they came.
///
/// # Errors
/// The database failed.
pub fn visible_from(
    connection: &mut Connection,
    user: UserId,
    id: ChannelId,
) -> Result<i64, DatabaseError> {
    if let Some(since) = conversations::store::joined_seq(connection, id, user)? {
        return Ok(since);
    }
    let row = channels::table.find(id).select(channels::kind);
    let kind = row.first::<ChannelKind>(connection).optional()?;
    // Whoever was taken out a moment ago sees nothing of a conversation.
    let is_open = kind.is_some_and(|kind| kind != ChannelKind::Dm);
    Ok(if is_open { 0 } else { i64::MAX })
}

/// What channels say of permissions, as far as it concerns one person.
struct Words {
    everyone: HashMap<ChannelId, Changes>,
    roles: HashMap<ChannelId, Changes>,
    member: HashMap<ChannelId, Changes>,
}

impl Words {
    fn load(
        connection: &mut Connection,
        channels: &[ChannelId],
        stands: &Stands,
    ) -> Result<Self, DatabaseError> {
        let mut words = Self {
            everyone: HashMap::new(),
            roles: HashMap::new(),
            member: HashMap::new(),
        };
        // SQLite takes a bounded number of values at once.
        for channels in channels.chunks(500) {
            let of_roles: Vec<(ChannelId, CommunityRoleId, Permissions, Permissions)> =
                channel_role_overrides::table
                    .filter(channel_role_overrides::channel_id.eq_any(channels))
                    .filter(channel_role_overrides::role_id.eq_any(&stands.roles))
                    .load(connection)?;
            for (channel, role, allow, deny) in of_roles {
                let changes = if stands.everyone == Some(role) {
                    words.everyone.entry(channel).or_default()
                } else {
                    words.roles.entry(channel).or_default()
                };
                *changes = changes.union(Changes { allow, deny });
            }
            let own: Vec<(ChannelId, Permissions, Permissions)> = channel_member_overrides::table
                .filter(channel_member_overrides::channel_id.eq_any(channels))
                .filter(channel_member_overrides::user_id.eq(stands.user))
                .select((
                    channel_member_overrides::channel_id,
                    channel_member_overrides::allow,
                    channel_member_overrides::deny,
                ))
                .load(connection)?;
            let own = own
                .into_iter()
                .map(|(channel, allow, deny)| (channel, Changes { allow, deny }));
            words.member.extend(own);
        }
        Ok(words)
    }

    /// The channel that comes first, in what it is in: thread, channel, category.
    fn layered(&self, chain: &[Channel]) -> Layered {
        let of =
            |from: &HashMap<ChannelId, Changes>, id| from.get(&id).copied().unwrap_or_default();
        let layer = |channel: &Channel| Layer {
            is_private: channel.is_private,
            everyone: of(&self.everyone, channel.id),
            roles: of(&self.roles, channel.id),
            member: of(&self.member, channel.id),
        };
        // A thread says nothing itself.
        let says = |channel: &&Channel| channel.kind != ChannelKind::Thread;
        Layered {
            form: chain
                .first()
                .map(|channel| channel.kind.form())
                .unwrap_or_default(),
            is_archived: chain.iter().any(|channel| channel.archived_at.is_some()),
            layers: chain.iter().filter(says).rev().map(layer).collect(),
        }
    }
}

/// The channels of a community that somebody sees, in no order, with what they may do there.
///
/// # Errors
/// The database failed.
pub fn seen_of(
    connection: &mut Connection,
    community: CommunityId,
    stands: &Stands,
) -> Result<Vec<(Channel, Permissions)>, DatabaseError> {
    let rows = channels::table
        .filter(channels::community_id.eq(community))
        .filter(channels::deleted_at.is_null())
        .select(Channel::as_select());
    let rows: Vec<Channel> = rows.load(connection)?;
    let ids: Vec<ChannelId> = rows.iter().map(|channel| channel.id).collect();
    let words = Words::load(connection, &ids, stands)?;
    let by_id: HashMap<ChannelId, &Channel> =
        rows.iter().map(|channel| (channel.id, channel)).collect();
    let mut seen = Vec::new();
    for channel in &rows {
        let parent_of = |channel: &Channel| {
            let parent = channel.parent_id.and_then(|id| by_id.get(&id));
            parent.map(|parent| (*parent).clone())
        };
        let mut chain = vec![channel.clone()];
        while let Some(parent) = chain.last().and_then(parent_of).filter(|_| chain.len() < 3) {
            chain.push(parent);
        }
        let held = resolve(&stands.standing, Place::Channel(&words.layered(&chain)));
        if held.contains(Permission::ViewChannel) {
            seen.push((channel.clone(), held));
        }
    }
    Ok(seen)
}

/// What a socket of a member receives: their conversations, their communities, and the channels
/// that they see there as members.
///
/// # Errors
/// The database failed.
///
/// # Security
/// What somebody sees only as one of those who run the node is not told: their privileges may end
/// without an event in the log.
pub fn topics(
    connection: &mut Connection,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<Topic>, DatabaseError> {
    let conversations = store::of_member(connection, user)?;
    let mut topics: Vec<Topic> = conversations.into_iter().map(Topic::Channel).collect();
    for community in communities::store::of_member(connection, user)? {
        let stands = communities::standing::of(connection, &community, user, now)?.as_member();
        if !stands.standing.is_member {
            continue;
        }
        topics.push(Topic::Community(community.id));
        let seen = seen_of(connection, community.id, &stands)?;
        topics.extend(seen.iter().map(|(channel, _)| Topic::Channel(channel.id)));
    }
    Ok(topics)
}

/// The same, for a socket of one channel; empty when they do not see it.
///
/// # Errors
/// The database failed.
pub fn topics_of(
    connection: &mut Connection,
    user: UserId,
    id: ChannelId,
    now: Timestamp,
) -> Result<Vec<Topic>, DatabaseError> {
    let Some(channel) = store::by_id(connection, id)? else {
        return Ok(Vec::new());
    };
    let Some(community) = channel.community_id else {
        return Ok(takes_part(connection, user, id)?
            .map(|_| Topic::Channel(id))
            .into_iter()
            .collect());
    };
    let Some(community) = communities::store::by_id(connection, community)? else {
        return Ok(Vec::new());
    };
    let stands = communities::standing::of(connection, &community, user, now)?.as_member();
    let seen = seen_of(connection, community.id, &stands)?;
    let is_seen = seen.iter().any(|(channel, _)| channel.id == id);
    let topics = [Topic::Channel(id), Topic::Community(community.id)];
    Ok(if is_seen { topics.to_vec() } else { Vec::new() })
}
