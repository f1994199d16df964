//! Reads what a member put on messages, a page at a time: reactions, and votes in polls.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::Connection;
use serde::Serialize;

use super::error::ExportError;
use super::model::PAGE;
use super::store::{Batch, cursor};
use crate::base::ids::{EmojiId, MessageId, ReactionId, UserId};
use crate::platform::db::schema::{
    message_reaction_totals as totals, message_reactions as reactions, poll_votes,
};

/// A reaction of the member.
#[derive(Debug, Serialize)]
struct ReactionRecord {
    kind: &'static str,
    message_id: MessageId,
    emoji: String,
    created_at: Timestamp,
}

/// What the member voted for.
#[derive(Debug, Serialize)]
struct VoteRecord {
    kind: &'static str,
    message_id: MessageId,
    choices: Vec<i32>,
}

/// Reactions of a member, newest first.
pub(super) fn reactions(
    connection: &mut Connection,
    user: UserId,
    before: Option<ReactionId>,
) -> Result<Batch<ReactionId>, ExportError> {
    let mut rows = reactions::table
        .filter(reactions::user_id.eq(user))
        .order(reactions::id.desc())
        .limit(PAGE)
        .select((
            reactions::id,
            reactions::message_id,
            reactions::emoji,
            reactions::created_at,
        ))
        .into_boxed();
    if let Some(before) = before {
        rows = rows.filter(reactions::id.lt(before));
    }
    let found: Vec<(ReactionId, MessageId, String, i64)> = rows.load(connection)?;
    let next = cursor(&found, |(id, ..)| *id);
    let mut records = Vec::with_capacity(found.len());
    for (_, message_id, emoji, created_at) in found {
        // A custom emoji is stored by its id, and known by its name.
        let name = if emoji.parse::<EmojiId>().is_ok() {
            let row = totals::table
                .find((message_id, &emoji))
                .select(totals::name);
            row.first::<String>(connection).optional()?
        } else {
            None
        };
        records.push(ReactionRecord {
            kind: "reaction",
            message_id,
            emoji: name.unwrap_or(emoji),
            created_at: Timestamp::from_millis(created_at),
        });
    }
    Batch::of(records, next)
}

/// What a member voted for, the newest polls first.
pub(super) fn votes(
    connection: &mut Connection,
    user: UserId,
    before: Option<MessageId>,
) -> Result<Batch<MessageId>, ExportError> {
    let mut polls = poll_votes::table
        .filter(poll_votes::user_id.eq(user))
        .select(poll_votes::message_id)
        .distinct()
        .order(poll_votes::message_id.desc())
        .limit(PAGE)
        .into_boxed();
    if let Some(before) = before {
        polls = polls.filter(poll_votes::message_id.lt(before));
    }
    let polls: Vec<MessageId> = polls.load(connection)?;
    let next = cursor(&polls, |id| *id);
    let chosen: Vec<(MessageId, i32)> = poll_votes::table
        .filter(poll_votes::user_id.eq(user))
        .filter(poll_votes::message_id.eq_any(&polls))
        .order((poll_votes::message_id, poll_votes::position))
        .select((poll_votes::message_id, poll_votes::position))
        .load(connection)?;
    let record = |message_id: MessageId| VoteRecord {
        kind: "vote",
        message_id,
        choices: chosen
            .iter()
            .filter(|(id, _)| *id == message_id)
            .map(|(_, position)| *position)
            .collect(),
    };
    Batch::of(polls.into_iter().map(record), next)
}
