//! All SQL that writes `message_reactions` and `message_reaction_totals`.

use std::collections::HashMap;

use diesel::prelude::*;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::{NAMED, Reaction, Total};
use super::wire::{CustomEmojiView, ReactionView};
use crate::base::ids::{EmojiId, MessageId, ReactionId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::communities::emoji;
use crate::config::Origin;
use crate::platform::db::schema::{
    message_reaction_totals as totals, message_reactions as reactions,
};

/// The reactions to these messages, as they are shown: each emoji in the order of its first use.
pub(in crate::messages) fn of(
    connection: &mut Connection,
    origin: &Origin,
    ids: &[MessageId],
) -> Result<HashMap<MessageId, Vec<ReactionView>>, DatabaseError> {
    let found = totals_of(connection, ids)?;
    let custom: Vec<EmojiId> = found.iter().filter_map(|total| total.emoji_id).collect();
    let names = emoji::store::shortcodes(connection, &custom)?;
    let mut shown: HashMap<MessageId, Vec<ReactionView>> = HashMap::new();
    for total in found {
        let (emoji, custom) = shown_as(&total, &names, origin);
        let view = ReactionView {
            emoji,
            count: total.count,
            users: total.first(),
            custom,
        };
        shown.entry(total.message_id).or_default().push(view);
    }
    Ok(shown)
}

/// How an emoji is written now, and which custom one it is as long as that exists.
pub(super) fn shown_as(
    total: &Total,
    names: &HashMap<EmojiId, String>,
    origin: &Origin,
) -> (String, Option<CustomEmojiView>) {
    let known = total.emoji_id.and_then(|id| Some((id, names.get(&id)?)));
    match known {
        Some((id, shortcode)) => {
            let url = emoji::model::url_of(origin, id);
            (format!(":{shortcode}:"), Some(CustomEmojiView { id, url }))
        }
        None => (total.name.clone(), None),
    }
}

/// What is shown of the reactions to these messages, in the order of first use.
pub(super) fn totals_of(
    connection: &mut Connection,
    ids: &[MessageId],
) -> Result<Vec<Total>, DatabaseError> {
    let mut found = Vec::new();
    // SQLite takes a bounded number of values at once.
    for ids in ids.chunks(500) {
        let rows = totals::table
            .filter(totals::message_id.eq_any(ids))
            .order((totals::message_id, totals::since))
            .select(Total::as_select());
        found.extend(rows.load::<Total>(connection)?);
    }
    Ok(found)
}

/// The reaction of a person with an emoji.
pub(super) fn find(
    connection: &mut Connection,
    message: MessageId,
    emoji: &str,
    user: UserId,
) -> Result<Option<Reaction>, DatabaseError> {
    let row = reactions::table
        .find((message, emoji, user))
        .select(Reaction::as_select());
    Ok(row.first(connection).optional()?)
}

/// The reaction of a person that other nodes know by this activity.
pub(super) fn by_activity(
    connection: &mut Connection,
    user: UserId,
    activity: &str,
) -> Result<Option<Reaction>, DatabaseError> {
    let row = reactions::table
        .filter(reactions::user_id.eq(user))
        .filter(reactions::activity_id.eq(activity))
        .order(reactions::id)
        .select(Reaction::as_select());
    Ok(row.first(connection).optional()?)
}

/// Some reactions of a person, the oldest first.
pub(super) fn some_of(
    connection: &mut Connection,
    user: UserId,
    limit: i64,
) -> Result<Vec<Reaction>, DatabaseError> {
    let rows = reactions::table
        .filter(reactions::user_id.eq(user))
        .order(reactions::id)
        .limit(limit)
        .select(Reaction::as_select());
    Ok(rows.load(connection)?)
}

/// Adds a reaction.
pub(super) fn insert(
    connection: &mut Connection,
    reaction: &Reaction,
) -> Result<(), DatabaseError> {
    diesel::insert_into(reactions::table)
        .values(reaction.clone())
        .execute(connection)?;
    Ok(())
}

/// Takes a reaction away.
pub(super) fn remove(
    connection: &mut Connection,
    reaction: &Reaction,
) -> Result<(), DatabaseError> {
    let key = (reaction.message_id, &reaction.emoji, reaction.user_id);
    diesel::delete(reactions::table.find(key)).execute(connection)?;
    Ok(())
}

/// Notes by which activity other nodes know a reaction now.
pub(super) fn set_activity(
    connection: &mut Connection,
    reaction: &Reaction,
    activity: &str,
) -> Result<(), DatabaseError> {
    let key = (reaction.message_id, &reaction.emoji, reaction.user_id);
    diesel::update(reactions::table.find(key))
        .set(reactions::activity_id.eq(activity))
        .execute(connection)?;
    Ok(())
}

/// Who put an emoji on a message first.
pub(super) fn first_users(
    connection: &mut Connection,
    message: MessageId,
    emoji: &str,
) -> Result<Vec<UserId>, DatabaseError> {
    let rows = reactions::table
        .filter(reactions::message_id.eq(message))
        .filter(reactions::emoji.eq(emoji))
        .order(reactions::id)
        .limit(i64::try_from(NAMED).unwrap_or(i64::MAX))
        .select(reactions::user_id);
    Ok(rows.load(connection)?)
}

/// Stores what is shown of an emoji.
pub(super) fn put_total(connection: &mut Connection, total: &Total) -> Result<(), DatabaseError> {
    each_backend!(connection, c => diesel::insert_into(totals::table)
        .values(total.clone())
        .on_conflict((totals::message_id, totals::emoji))
        .do_update()
        .set(total.clone())
        .execute(c))?;
    Ok(())
}

/// Shows an emoji no longer.
pub(super) fn remove_total(
    connection: &mut Connection,
    message: MessageId,
    emoji: &str,
) -> Result<(), DatabaseError> {
    diesel::delete(totals::table.find((message, emoji))).execute(connection)?;
    Ok(())
}

/// Takes all reactions to a message away; whether there were any.
pub(super) fn clear(
    connection: &mut Connection,
    message: MessageId,
) -> Result<bool, DatabaseError> {
    let shown = totals::table.filter(totals::message_id.eq(message));
    let shown = diesel::delete(shown).execute(connection)?;
    let rows = reactions::table.filter(reactions::message_id.eq(message));
    diesel::delete(rows).execute(connection)?;
    Ok(shown > 0)
}

/// Who put an emoji on a message, the latest first.
pub(super) fn page(
    connection: &mut Connection,
    message: MessageId,
    emoji: &str,
    page: &PageQuery<ReactionId>,
) -> Result<Page<Reaction, ReactionId>, DatabaseError> {
    let mut rows = reactions::table
        .filter(reactions::message_id.eq(message))
        .filter(reactions::emoji.eq(emoji))
        .limit(i64::from(page.limit()).saturating_add(1))
        .select(Reaction::as_select())
        .into_boxed();
    if let Some(before) = page.before {
        rows = rows.filter(reactions::id.lt(before));
    }
    if let Some(after) = page.after {
        rows = rows.filter(reactions::id.gt(after));
    }
    rows = if page.is_forwards() {
        rows.order(reactions::id.asc())
    } else {
        rows.order(reactions::id.desc())
    };
    let found: Vec<Reaction> = rows.load(connection)?;
    Ok(Page::newest_first(found, page, |it: &Reaction| it.id))
}
