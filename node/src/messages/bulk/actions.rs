//! Deleting many messages: found once, then deleted in small transactions.

use std::collections::BTreeSet;
use std::time::Duration;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use serde_json::json;

use crate::accounts::acting::Acting;
use crate::base::ids::{ChannelId, MessageId, UserId};
use crate::channels::access;
use crate::communities::acts;
use crate::messages::actions::{moderate, withdraw};
use crate::messages::store;
use crate::platform::ctx::Ctx;
use crate::platform::db::schema::messages;
use crate::platform::events::EventLog;
use crate::platform::http::error::ApiError;

/// Messages that are named at most.
const MAX_IDS: usize = 100;
/// Messages of one author that are deleted at most.
const MAX_OF_AUTHOR: usize = 500;
/// How far back messages of one author are deleted at most.
const FARTHEST: Duration = Duration::from_hours(14 * 24);
/// Messages deleted in one transaction.
const CHUNK: usize = 100;
/// Messages of a channel that are looked through for those of one author at most.
const LOOKED_AT: i64 = 10_000;

/// Which messages.
#[derive(Clone, Debug)]
pub(super) enum Which {
    /// These.
    Ids(Vec<MessageId>),
    /// Those of one author since then.
    Of(UserId, Timestamp),
}

/// Deletes messages of a channel; answers how many.
pub(super) async fn delete(
    ctx: &Ctx,
    me: Acting,
    channel: ChannelId,
    which: Which,
) -> Result<usize, ApiError> {
    let now = ctx.now();
    if let Which::Ids(ids) = &which
        && !(1..=MAX_IDS).contains(&ids.len())
    {
        return Err(ApiError::invalid(
            "invalid_selection",
            "Name 1 to 100 messages.",
        ));
    }
    if let Which::Of(_, since) = &which
        && *since < now.minus(FARTHEST)
    {
        let detail = "Messages of one author are deleted up to 14 days back.";
        return Err(ApiError::invalid("invalid_selection", detail));
    }
    let wanted = which.clone();
    let found = ctx
        .db()
        .read(move |connection| {
            moderate(&access::require(connection, me.id, channel, now)?)?;
            Ok::<_, ApiError>(find(connection, channel, &wanted)?)
        })
        .await?;
    let authors: BTreeSet<UserId> = found.iter().map(|(_, author)| *author).collect();
    let mut deleted: usize = 0;
    let mut is_first = true;
    for chunk in found.chunks(CHUNK) {
        let (held, ids) = (ctx.clone(), chunk.to_vec());
        let terms = is_first.then(|| terms(channel, (&which, &authors), found.len()));
        let write = move |connection: &mut Connection| {
            let log = EventLog::begin(connection)?;
            let seen = access::require(connection, me.id, channel, held.now())?;
            moderate(&seen)?;
            if let (Some(terms), Some(community)) = (&terms, seen.channel.community_id) {
                let entry = me.entry("message.bulk_delete").on("channel", &channel);
                let entry = entry.change(Some(terms.clone()), None);
                acts::record(connection, community, &entry, held.now())?;
            }
            let mut gone: usize = 0;
            for (id, _) in &ids {
                // One that somebody else deleted meanwhile is gone already.
                if let Some(message) = store::by_id(connection, channel, *id)? {
                    withdraw(&held, connection, &log, &seen, &message)?;
                    gone = gone.saturating_add(1);
                }
            }
            Ok::<_, ApiError>(gone)
        };
        deleted = deleted.saturating_add(ctx.db().write(write).await?);
        is_first = false;
    }
    Ok(deleted)
}

/// What the audit log keeps of it.
fn terms(
    channel: ChannelId,
    (which, authors): (&Which, &BTreeSet<UserId>),
    count: usize,
) -> serde_json::Value {
    match which {
        Which::Ids(ids) => json!({
            "channel_id": channel,
            "messages": ids,
            "authors": authors,
            "count": count,
        }),
        Which::Of(author, since) => json!({
            "channel_id": channel,
            "author_id": author,
            "since": since,
            "count": count,
        }),
    }
}

/// The ids of those that are there with their authors, newest first.
fn find(
    connection: &mut Connection,
    channel: ChannelId,
    which: &Which,
) -> Result<Vec<(MessageId, UserId)>, DatabaseError> {
    let (author, since) = match which {
        Which::Ids(ids) => {
            let rows = messages::table
                .filter(messages::id.eq_any(ids))
                .filter(messages::channel_id.eq(channel))
                .filter(messages::deleted_at.is_null())
                .order(messages::seq.desc())
                .select((messages::id, messages::author_id));
            return Ok(rows.load(connection)?);
        }
        Which::Of(author, since) => (*author, *since),
    };
    // Newest first by the index of authors: what they wrote elsewhere is passed over.
    let rows: Vec<(MessageId, ChannelId, i64)> = messages::table
        .filter(messages::author_id.eq(author))
        .filter(messages::deleted_at.is_null())
        .order(messages::id.desc())
        .limit(LOOKED_AT)
        .select((messages::id, messages::channel_id, messages::created_at))
        .load(connection)?;
    let fits = |(_, place, at): &(MessageId, ChannelId, i64)| {
        *place == channel && *at >= since.as_millis()
    };
    let found = rows.into_iter().filter(fits).map(|(id, ..)| (id, author));
    Ok(found.take(MAX_OF_AUTHOR).collect())
}
