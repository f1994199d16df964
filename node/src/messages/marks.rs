//! What is shown with messages beside their text: reactions, pins and polls.

use std::collections::{HashMap, HashSet};

use federation_core::store::sql::{Connection, DatabaseError};

use super::pins;
use super::polls;
use super::polls::wire::PollView;
use super::reactions;
use super::reactions::wire::ReactionView;
use super::wire::MessageView;
use crate::base::ids::{MessageId, UserId};
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// What members put on some messages.
#[derive(Debug)]
pub(super) struct Marks {
    reactions: HashMap<MessageId, Vec<ReactionView>>,
    pinned: HashSet<MessageId>,
    polls: HashMap<MessageId, PollView>,
}

impl Marks {
    /// Reads it for all of these messages at once.
    pub(super) fn of(
        ctx: &Ctx,
        connection: &mut Connection,
        ids: &[MessageId],
    ) -> Result<Self, DatabaseError> {
        Ok(Self {
            reactions: reactions::of(connection, ctx.origin(), ids)?,
            pinned: pins::of(connection, ids)?,
            polls: polls::of(connection, ids)?,
        })
    }

    /// Shows a message with it.
    pub(super) fn show(&self, mut view: MessageView) -> MessageView {
        view.reactions = self.reactions.get(&view.id).cloned().unwrap_or_default();
        view.pinned = self.pinned.contains(&view.id);
        view.poll = self.polls.get(&view.id).cloned();
        view
    }
}

/// Forgets what was put on a message that is deleted.
pub(super) fn clear(connection: &mut Connection, message: MessageId) -> Result<(), DatabaseError> {
    reactions::clear(connection, message)?;
    pins::clear(connection, message)?;
    polls::clear(connection, message)
}

/// Takes up to `limit` marks of each kind away that somebody set whose account has ended; answers
/// `limit` or more while there may be others. Their votes in polls that have ended stay counted.
///
/// # Errors
/// The database failed.
pub fn drop_some_of(
    ctx: &Ctx,
    connection: &mut Connection,
    user: UserId,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let log = EventLog::begin(connection)?;
    let reactions = reactions::drop_some_of(ctx, connection, &log, user, limit)?;
    let votes = polls::drop_some_of(ctx, connection, &log, user, limit)?;
    Ok(reactions.max(votes))
}
