//! What belongs to the text of messages: whom they mention, how often they were edited, what they
//! answer, what they pass on, and what the pages say that they link to. Read for a whole page at once.

use std::collections::HashMap;

use federation_core::store::sql::{Connection, DatabaseError};

use super::answers::{self, AnswerView};
use super::forwards::{self, Forward};
use super::mentions::{self, MentionView};
use super::model::Message;
use super::previews;
use super::previews::wire::PreviewView;
use super::revisions;
use super::wire::MessageView;
use crate::base::ids::MessageId;

/// The parts of some messages.
pub(super) struct Parts {
    answered: HashMap<MessageId, AnswerView>,
    edits: HashMap<MessageId, i32>,
    mentions: HashMap<MessageId, Vec<MentionView>>,
    forwards: HashMap<MessageId, Forward>,
    previews: HashMap<MessageId, Vec<PreviewView>>,
}

impl Parts {
    /// Reads the parts of these messages.
    pub(super) fn of(
        connection: &mut Connection,
        messages: &[Message],
    ) -> Result<Self, DatabaseError> {
        let ids: Vec<MessageId> = messages.iter().map(|message| message.id).collect();
        Ok(Self {
            answered: answers::of(connection, messages)?,
            edits: revisions::counts(connection, &ids)?,
            mentions: mentions::of(connection, &ids)?,
            forwards: forwards::of(connection, &ids)?,
            previews: previews::of(connection, &ids)?,
        })
    }

    /// The same view with the parts of its message.
    pub(super) fn add_to(&mut self, mut view: MessageView) -> MessageView {
        let answered = view.reply_to.and_then(|id| self.answered.get(&id));
        view.answers = answered.cloned();
        view.edits = self.edits.get(&view.id).copied().unwrap_or(0);
        view.mentions = self.mentions.remove(&view.id).unwrap_or_default();
        view.forwarded = self.forwards.remove(&view.id).map(Into::into);
        view.previews = self.previews.remove(&view.id).unwrap_or_default();
        view
    }
}

/// Forgets the parts of a message that is gone.
pub(super) fn clear(connection: &mut Connection, message: MessageId) -> Result<(), DatabaseError> {
    revisions::clear(connection, message)?;
    mentions::clear(connection, message)?;
    previews::clear(connection, message)?;
    forwards::clear(connection, message)
}
