//! What can be done with reactions: one use case, one function, one transaction.

use federation_core::store::sql::{Connection, DatabaseError};
use serde_json::json;

use super::federate;
use super::model::{Emoji, Key, MOST, NAMED, Reaction, Total};
use super::store;
use super::wire::{ClearedEvent, ReactionEvent, ReactorView};
use crate::accounts::acting::Acting;
use crate::accounts::wire::UserView;
use crate::base::ids::{EmojiId, MessageId, ReactionId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::base::permission::Permission;
use crate::channels::access;
use crate::channels::structure;
use crate::communities;
use crate::communities::acts;
use crate::communities::known::Known;
use crate::messages;
use crate::messages::actions::{Place, find};
use crate::messages::apart::keep_apart;
use crate::messages::model::Message;
use crate::messages::showing::readable;
use crate::messages::telling::tell_of;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::error::ApiError;

/// What became of a reaction that was to be added.
#[derive(Clone, Debug)]
pub(super) enum Put {
    /// It is there now.
    Added(Reaction),
    /// It was there.
    Present(Reaction),
    /// There are as many different emoji as there may be.
    Full,
}

/// Puts an emoji on a message; to be run in a transaction.
///
/// # Errors
/// 404 when the member does not see the message, 403 when they may not react or one of two blocked
/// the other, 422 when the emoji is
/// not one of the community, 409 when there are too many different ones.
pub(super) fn add(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    place: &Place,
    emoji: &Emoji,
) -> Result<(), ApiError> {
    let (seen, message) = find(ctx, connection, place)?;
    seen.needs(Permission::AddReactions)?;
    structure::needs_joining(ctx.origin(), connection, &seen.channel, place.user)?;
    keep_apart(connection, &seen.channel, place.user)?;
    let key = match (emoji, seen.channel.community_id) {
        (Emoji::Unicode(text), _) => Key::plain(*text),
        (Emoji::Custom(code), Some(community)) => {
            let found = communities::emoji::store::by_shortcode(connection, community, code)?;
            let found = found.ok_or_else(unknown_emoji)?;
            Key::custom(found.id, &found.shortcode)
        }
        (Emoji::Custom(_), None) => return Err(unknown_emoji()),
    };
    match put(ctx, connection, log, &message, &key, (place.user, None))? {
        Put::Added(reaction) if seen.channel.community_id.is_none() => {
            Ok(federate::send_like(ctx, connection, &message, &reaction)?)
        }
        Put::Added(reaction) => {
            let told = (&reaction, key.name.as_str());
            Ok(federate::announce_like(ctx, connection, &message, told)?)
        }
        Put::Present(_) => Ok(()),
        Put::Full => Err(ApiError::conflict(
            "too_many_reactions",
            "A message has at most 20 different emoji.",
        )),
    }
}

fn unknown_emoji() -> ApiError {
    ApiError::invalid("unknown_emoji", "There is no such emoji here.")
}

/// Stores a reaction and tells of it, unless it is there; `activity` is by which other nodes know it.
pub(super) fn put(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    message: &Message,
    key: &Key,
    (user, activity): (UserId, Option<String>),
) -> Result<Put, DatabaseError> {
    if let Some(known) = store::find(connection, message.id, &key.emoji, user)? {
        return Ok(Put::Present(known));
    }
    let totals = store::totals_of(connection, &[message.id])?;
    let known = totals.iter().find(|total| total.emoji == key.emoji);
    if known.is_none() && totals.len() >= MOST {
        return Ok(Put::Full);
    }
    let now = ctx.now();
    let reaction = Reaction {
        message_id: message.id,
        emoji: key.emoji.clone(),
        user_id: user,
        id: ReactionId::new(now),
        activity_id: activity,
        created_at: now.as_millis(),
    };
    let mut total = known.cloned().unwrap_or_else(|| Total {
        message_id: message.id,
        emoji: key.emoji.clone(),
        name: key.name.clone(),
        emoji_id: key.custom,
        since: reaction.id,
        count: 0,
        first_users: String::new(),
    });
    total.count = total.count.saturating_add(1);
    let mut first = total.first();
    if first.len() < NAMED {
        first.push(user);
    }
    total.set_first(&first);
    store::insert(connection, &reaction)?;
    store::put_total(connection, &total)?;
    tell(
        ctx,
        connection,
        log,
        "reaction.added",
        message,
        (&total, user),
    )?;
    Ok(Put::Added(reaction))
}

/// Takes a reaction away and tells of it.
pub(super) fn take(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    message: &Message,
    reaction: &Reaction,
) -> Result<(), DatabaseError> {
    store::remove(connection, reaction)?;
    let totals = store::totals_of(connection, &[message.id])?;
    let known = totals.into_iter().find(|it| it.emoji == reaction.emoji);
    let Some(mut total) = known else {
        return Ok(());
    };
    total.count = total.count.saturating_sub(1);
    if total.count <= 0 {
        store::remove_total(connection, message.id, &reaction.emoji)?;
    } else {
        if total.first().contains(&reaction.user_id) {
            let first = store::first_users(connection, message.id, &reaction.emoji)?;
            total.set_first(&first);
        }
        store::put_total(connection, &total)?;
    }
    let told = (&total, reaction.user_id);
    tell(ctx, connection, log, "reaction.removed", message, told)
}

fn tell(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    op: &'static str,
    message: &Message,
    (total, user): (&Total, UserId),
) -> Result<(), DatabaseError> {
    let custom: Vec<EmojiId> = total.emoji_id.into_iter().collect();
    let names = communities::emoji::store::shortcodes(connection, &custom)?;
    let (emoji, custom) = store::shown_as(total, &names, ctx.origin());
    let data = ReactionEvent {
        message_id: message.id,
        channel_id: message.channel_id,
        user_id: user,
        emoji: &emoji,
        custom,
    };
    tell_of(ctx, connection, log, op, message, &data)?;
    Ok(())
}

/// The emoji on a message that is written like this, as it is stored.
fn present(
    ctx: &Ctx,
    connection: &mut Connection,
    message: MessageId,
    written: &str,
) -> Result<Option<String>, DatabaseError> {
    let totals = store::totals_of(connection, &[message])?;
    let custom: Vec<EmojiId> = totals.iter().filter_map(|total| total.emoji_id).collect();
    let names = communities::emoji::store::shortcodes(connection, &custom)?;
    let written = match Emoji::read(written) {
        Some(Emoji::Unicode(text)) => text,
        _ => written,
    };
    // Of two with one name, the custom emoji that still exists is meant.
    let shown = |total: &Total| store::shown_as(total, &names, ctx.origin());
    let mut found = None;
    for total in &totals {
        let (name, custom) = shown(total);
        if name == written && (found.is_none() || custom.is_some()) {
            found = Some(total.emoji.clone());
        }
    }
    Ok(found)
}

/// Takes an emoji off a message: one's own, or that of another where one may; to be run in a
/// transaction.
///
/// # Errors
/// 404 when the member does not see the message, 403 when the emoji is somebody else's and they may
/// not take it.
pub(super) fn remove(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    place: &Place,
    (written, of): (&str, UserId),
) -> Result<(), ApiError> {
    let (seen, message) = find(ctx, connection, place)?;
    if of != place.user {
        seen.needs(Permission::ManageMessages)?;
    }
    let Some(emoji) = present(ctx, connection, message.id, written)? else {
        return Ok(());
    };
    let Some(reaction) = store::find(connection, message.id, &emoji, of)? else {
        return Ok(());
    };
    let is_own = of == place.user;
    if is_own && seen.channel.community_id.is_some() {
        let told = (&reaction, written);
        federate::announce_undo(ctx, connection, &message, told)?;
    } else if is_own {
        federate::send_undo(ctx, connection, &message, &reaction)?;
    } else if let Some(community) = seen.channel.community_id {
        let entry = acting(place).entry("reaction.delete");
        let before = json!({"user_id": of, "emoji": written, "channel_id": place.channel});
        let entry = entry.on("message", &message.id).change(Some(before), None);
        acts::record(connection, community, &entry, ctx.now())?;
    }
    Ok(take(ctx, connection, log, &message, &reaction)?)
}

fn acting(place: &Place) -> Acting {
    Acting {
        id: place.user,
        request: place.request,
    }
}

/// Takes all emoji off a message; to be run in a transaction.
///
/// # Errors
/// 404 when the member does not see the message, 403 when they may not.
pub(super) fn remove_all(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    place: &Place,
) -> Result<(), ApiError> {
    let (seen, message) = find(ctx, connection, place)?;
    seen.needs(Permission::ManageMessages)?;
    if !store::clear(connection, message.id)? {
        return Ok(());
    }
    if let Some(community) = seen.channel.community_id {
        let entry = acting(place).entry("reaction.clear");
        let before = json!({"channel_id": place.channel});
        let entry = entry.on("message", &message.id).change(Some(before), None);
        acts::record(connection, community, &entry, ctx.now())?;
    }
    let data = ClearedEvent {
        message_id: message.id,
        channel_id: message.channel_id,
    };
    tell_of(ctx, connection, log, "reaction.cleared", &message, &data)?;
    Ok(())
}

/// Who put an emoji on a message, the latest first.
///
/// # Errors
/// 404 when the member does not see the message, or nobody put it there; 403 when they may not read
/// back.
pub(super) async fn list(
    ctx: &Ctx,
    known: &Known,
    place: Place,
    written: String,
    query: PageQuery<ReactionId>,
) -> Result<Page<ReactorView, ReactionId>, ApiError> {
    let held = ctx.clone();
    let reader = (place.user, place.channel);
    access::check(ctx, known, reader, Permission::ReadHistory).await?;
    ctx.db()
        .read(move |connection| {
            let (message, _) = readable(connection, &place)?;
            let emoji = present(&held, connection, message.id, &written)?;
            let emoji = emoji.ok_or_else(ApiError::not_found)?;
            let page = store::page(connection, message.id, &emoji, &query)?;
            let ids: Vec<UserId> = page.items.iter().map(|it| it.user_id).collect();
            let people = messages::store::people(connection, &ids)?;
            let show = |reaction: Reaction| {
                let user = people.get(&reaction.user_id)?;
                Some(ReactorView {
                    user: UserView::new(user, held.origin()),
                    reacted_at: federation_core::Timestamp::from_millis(reaction.created_at),
                })
            };
            let Page { items, next, prev } = page;
            Ok(Page {
                items: items.into_iter().filter_map(show).collect(),
                next,
                prev,
            })
        })
        .await
}

/// Forgets the reactions to a message that is deleted; what was told of them goes with it.
pub(in crate::messages) fn clear(
    connection: &mut Connection,
    message: MessageId,
) -> Result<(), DatabaseError> {
    store::clear(connection, message).map(drop)
}

/// Takes up to `limit` reactions of a person away whose account has ended; answers how many.
pub(in crate::messages) fn drop_some_of(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    user: UserId,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let found = store::some_of(connection, user, limit)?;
    for reaction in &found {
        match messages::store::anywhere(connection, reaction.message_id)? {
            Some(message) => take(ctx, connection, log, &message, reaction)?,
            None => store::remove(connection, reaction)?,
        }
    }
    Ok(found.len())
}
