//! What can be done with the channels of communities: one use case, one function, one transaction.

use std::sync::Arc;

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use serde_json::{Value, json};

use super::store;
use super::threads::{self, Naming};
use super::wire::{NewChannel, PatchChannel, SeenChannel};
use crate::accounts::acting::Acting;
use crate::base::ids::{ChannelId, CommunityId, UserId};
use crate::base::permission::{Changes, Permission, Permissions};
use crate::channels::access::{self, Seen};
use crate::channels::model::{Channel, ChannelKind, actor_of};
use crate::channels::wire::ChannelView;
use crate::communities::acts;
use crate::communities::authority::Authority;
use crate::communities::error::CommunityError;
use crate::communities::known::Known;
use crate::communities::model;
use crate::communities::tell::{self, Gone, Of};
use crate::platform::ctx::Ctx;
use crate::platform::events::{EventLog, NewEvent, Topic};

/// Channels of one community at most, threads left out (I11).
const MAX_CHANNELS: i64 = 500;
/// Seconds of slow mode at most.
const SLOWEST: i32 = 21_600;

/// The channels of a community that somebody sees, in the order in which they are shown.
pub(super) async fn list(
    ctx: &Ctx,
    me: UserId,
    id: CommunityId,
) -> Result<Vec<SeenChannel>, CommunityError> {
    let (held, now) = (ctx.clone(), ctx.now());
    ctx.db()
        .read(move |connection| {
            let authority = Authority::inside(connection, id, me, now)?;
            let mut seen = access::seen_of(connection, id, &authority.stands)?;
            seen.sort_unstable_by_key(|(channel, _)| (channel.position, channel.id));
            let show = |(channel, permissions): (Channel, Permissions)| SeenChannel {
                channel: ChannelView::new(&channel, &[], held.origin()),
                permissions,
            };
            Ok(seen.into_iter().map(show).collect())
        })
        .await
}

/// What the channel is to other channels: gone through by every change of the structure.
pub(super) fn community_of(seen: &Seen) -> Result<CommunityId, CommunityError> {
    let place = "A direct conversation has no structure to change.";
    let community = seen.channel.community_id;
    community.ok_or(CommunityError::InvalidPlace(place))
}

/// Makes a channel; to be run in a transaction.
pub(super) fn create(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    me: &Acting,
    id: CommunityId,
    new: &NewChannel,
) -> Result<ChannelView, CommunityError> {
    let now = ctx.now();
    let authority = Authority::inside(connection, id, me.id, now)?;
    let kind = new.kind.unwrap_or(ChannelKind::Text);
    match new.parent_id {
        Some(parent) => {
            category(connection, me.id, (id, parent), now)?.needs(Permission::ManageChannels)?;
        }
        None => authority.needs(Permission::ManageChannels)?,
    }
    fits(kind, new.parent_id)?;
    if store::count(connection, id, false)? >= MAX_CHANNELS {
        let (what, most) = ("channels", MAX_CHANNELS);
        return Err(CommunityError::TooMany { what, most });
    }
    let channel_id = ChannelId::new(now);
    let channel = Channel {
        kind,
        name: Some(model::name(&new.name)?),
        community_id: Some(id),
        parent_id: new.parent_id,
        topic: new.topic.as_deref().map(model::description).transpose()?,
        position: store::last_place(connection, id)?,
        slow_mode_seconds: slow_mode(new.slow_mode_seconds)?,
        is_private: new.is_private,
        actor_uri: kind.is_group().then(|| actor_of(ctx.origin(), channel_id)),
        created_by: Some(me.id),
        ..Channel::conversation(channel_id, now.as_millis())
    };
    store::insert(connection, &channel)?;
    if channel.is_private {
        // Whoever makes it is named in it, or might not see it themselves.
        store::set_member_override(connection, (channel_id, me.id), named())?;
    }
    let entry = me.entry("channel.create").on("channel", &channel_id);
    let entry = entry.change(None, Some(shown(&channel)));
    acts::record(connection, id, &entry, now)?;
    renew(ctx, connection, log, id)?;
    let view = ChannelView::new(&channel, &[], ctx.origin());
    tell_seers(ctx, connection, log, channel_id, "channel.created", &view)?;
    Ok(view)
}

/// What a private channel says of somebody who is to see it.
pub(super) fn named() -> Changes {
    Changes {
        allow: Permissions::only(Permission::ViewChannel),
        deny: Permissions::NONE,
    }
}

fn category(
    connection: &mut Connection,
    me: UserId,
    (community, id): (CommunityId, ChannelId),
    now: Timestamp,
) -> Result<Seen, CommunityError> {
    let place = "There is no such category in this community.";
    let seen = access::see(connection, me, id, now)?;
    seen.filter(|seen| {
        seen.channel.community_id == Some(community) && seen.channel.kind == ChannelKind::Category
    })
    .ok_or(CommunityError::InvalidPlace(place))
}

fn fits(kind: ChannelKind, parent: Option<ChannelId>) -> Result<(), CommunityError> {
    let refusal = match kind {
        ChannelKind::Dm => "Direct conversations are opened under /api/v1/dms.",
        ChannelKind::Thread => "Threads are opened under …/channels/{id}/threads.",
        ChannelKind::Category if parent.is_some() => "A category is in no other category.",
        _ => return Ok(()),
    };
    Err(CommunityError::InvalidPlace(refusal))
}

fn slow_mode(seconds: i32) -> Result<i32, CommunityError> {
    if (0..=SLOWEST).contains(&seconds) {
        return Ok(seconds);
    }
    let detail = "Slow mode is between 0 and 21600 seconds.";
    Err(CommunityError::InvalidTerms(detail))
}

/// Goes on only for those who may change a channel: name and topic of a thread are also its maker's.
fn manages(seen: &Seen, me: UserId) -> Result<(), CommunityError> {
    if seen.channel.kind != ChannelKind::Thread {
        return seen.needs(Permission::ManageChannels);
    }
    let stands = seen.stands.as_ref();
    let is_silenced = stands.is_some_and(|stands| stands.standing.is_timed_out);
    if seen.channel.created_by == Some(me) && !is_silenced {
        return Ok(());
    }
    seen.needs(Permission::ManageThreads)
}

/// Changes a channel.
pub(super) async fn update(
    ctx: &Ctx,
    (known, naming): (&Known, Arc<dyn Naming>),
    me: Acting,
    id: ChannelId,
    patch: PatchChannel,
) -> Result<ChannelView, CommunityError> {
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        let (log, now) = (EventLog::begin(connection)?, held.now());
        let seen = access::require(connection, me.id, id, now)?;
        let community = community_of(&seen)?;
        manages(&seen, me.id)?;
        let holds_back = patch.is_archived.is_some() || patch.slow_mode_seconds.is_some();
        if holds_back && seen.channel.kind == ChannelKind::Thread {
            seen.needs(Permission::ManageThreads)?;
        }
        let before = seen.channel.clone();
        let mut after = before.clone();
        if let Some(name) = &patch.name {
            after.name = Some(model::name(name)?);
        }
        let topic = |text: &String| model::description(text);
        after.topic = patch.topic.over(after.topic, topic)?;
        if (&after.name, &after.topic) != (&before.name, &before.topic) {
            threads::judge(&held, connection, naming.as_ref(), (&seen, me.id), &after)?;
        }
        if let Some(seconds) = patch.slow_mode_seconds {
            after.slow_mode_seconds = slow_mode(seconds)?;
        }
        if let Some(archived) = patch.is_archived {
            let since = before.archived_at.unwrap_or(now.as_millis());
            after.archived_at = archived.then_some(since);
        }
        let place = |id: &ChannelId| Ok::<_, CommunityError>(*id);
        let parent = patch.parent_id.over(before.parent_id, place)?;
        let moves = parent != before.parent_id;
        let turns = patch.is_private.is_some_and(|to| to != before.is_private);
        if moves || turns {
            // Both change who sees it.
            stays_a_channel(&before)?;
            seen.needs(Permission::ManageRoles)?;
            after.is_private = patch.is_private.unwrap_or(before.is_private);
            after.parent_id = parent;
        }
        if let Some(to) = after.parent_id.filter(|_| moves) {
            fits(after.kind, Some(to))?;
            let target = category(connection, me.id, (community, to), now)?;
            target.needs(Permission::ManageChannels)?;
        }
        if turns && after.is_private {
            let word = (id, me.id);
            let of_me = store::member_overrides(connection, id)?;
            let of_me = of_me.iter().find(|(user, _)| *user == me.id);
            let said = of_me.map(|(_, changes)| *changes).unwrap_or_default();
            store::set_member_override(connection, word, said.union(named()))?;
        }
        let view = ChannelView::new(&after, &[], held.origin());
        if after == before {
            return Ok((community, view));
        }
        store::update(connection, &after)?;
        let entry = me.entry("channel.update").on("channel", &id);
        let entry = entry.change(Some(shown(&before)), Some(shown(&after)));
        acts::record(connection, community, &entry, now)?;
        if moves || turns {
            renew(&held, connection, &log, community)?;
        }
        tell_seers(&held, connection, &log, id, "channel.updated", &view)?;
        Ok::<_, CommunityError>((community, view))
    };
    let (community, view) = ctx.db().write(write).await?;
    known.changed(community);
    Ok(view)
}

fn stays_a_channel(channel: &Channel) -> Result<(), CommunityError> {
    if channel.kind == ChannelKind::Thread {
        let place = "A thread stays in its channel, and is seen by whoever sees that.";
        return Err(CommunityError::InvalidPlace(place));
    }
    Ok(())
}

/// Deletes a channel with its threads.
pub(super) async fn delete(
    ctx: &Ctx,
    known: &Known,
    me: Acting,
    id: ChannelId,
) -> Result<(), CommunityError> {
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        let (log, now) = (EventLog::begin(connection)?, held.now());
        let seen = access::require(connection, me.id, id, now)?;
        let community = community_of(&seen)?;
        if seen.channel.kind == ChannelKind::Thread {
            seen.needs(Permission::ManageThreads)?;
        } else {
            seen.needs(Permission::ManageChannels)?;
        }
        // What is in a private category would be seen by everyone without it.
        if seen.channel.kind == ChannelKind::Category && store::has_children(connection, id)? {
            let place = "There are channels in the category: move or delete them first.";
            return Err(CommunityError::InvalidPlace(place));
        }
        store::bury(connection, id, now)?;
        let entry = me.entry("channel.delete").on("channel", &id);
        let entry = entry.change(Some(shown(&seen.channel)), None);
        acts::record(connection, community, &entry, now)?;
        let gone = Gone {
            community_id: community,
            id,
        };
        tell_seers(&held, connection, &log, id, "channel.deleted", &gone)?;
        renew(&held, connection, &log, community)?;
        Ok(community)
    };
    let community: CommunityId = ctx.db().write(write).await?;
    known.changed(community);
    Ok(())
}

/// Has the sockets of all members look anew at what they may see.
pub(super) fn renew(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    id: CommunityId,
) -> Result<(), DatabaseError> {
    let (op, of) = ("community.permissions_changed", Of { community_id: id });
    tell::renew_members(ctx, connection, log, id, op, &of)
}

/// Tells whoever sees the channel.
pub(super) fn tell_seers(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    id: ChannelId,
    op: &'static str,
    data: &impl serde::Serialize,
) -> Result<(), DatabaseError> {
    let event = NewEvent {
        topic: Topic::Channel(id),
        op,
        effect: None,
        subject: None,
    };
    log.append(connection, &event, data, ctx.now())?;
    Ok(())
}

fn shown(channel: &Channel) -> Value {
    json!({
        "name": channel.name,
        "kind": channel.kind,
        "parent_id": channel.parent_id,
        "topic": channel.topic,
        "is_private": channel.is_private,
        "slow_mode_seconds": channel.slow_mode_seconds,
        "is_archived": channel.archived_at.is_some(),
    })
}
