//! Messages as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answers::AnswerView;
use super::forwards::{ForwardSource, ForwardView};
use super::mentions::MentionView;
use super::model::{Message, Recipient};
use super::polls::wire::{NewPoll, PollView};
use super::previews::wire::PreviewView;
use super::reactions::wire::ReactionView;
use crate::accounts::model::User;
use crate::accounts::wire::UserView;
use crate::base::ids::{ChannelId, MessageId, UserId};
use crate::channels::structure::PROVISIONAL;
use crate::config::Origin;

/// The body of `POST …/messages`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PostMessage {
    /// Markdown; it may be absent beside `forward`.
    #[serde(default)]
    pub(super) content: Option<String>,
    #[serde(default)]
    pub(super) reply_to: Option<MessageId>,
    /// A message to be passed on as it is now.
    #[serde(default)]
    pub(super) forward: Option<ForwardSource>,
    #[serde(default)]
    pub(super) attachments: Option<Vec<Value>>,
    /// Makes it a poll, of which `content` is the question.
    #[serde(default)]
    pub(super) poll: Option<NewPoll>,
}

/// The body of `PATCH …/messages/{mid}`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PatchMessage {
    pub(super) content: String,
}

/// A message as the members of its channel see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MessageView {
    /// The id on this node.
    pub id: MessageId,
    /// The channel it is in.
    pub channel_id: ChannelId,
    /// Who wrote it.
    pub author: UserView,
    /// Markdown as written, or a reading of the HTML that came.
    pub content: String,
    /// Sanitised HTML.
    pub html: String,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub edited_at: Option<Timestamp>,
    /// The message it answers.
    pub reply_to: Option<MessageId>,
    /// The message it answers, in short.
    pub answers: Option<AnswerView>,
    /// Whom it mentions.
    pub mentions: Vec<MentionView>,
    /// How often it was edited.
    pub edits: i32,
    /// What it passes on.
    pub forwarded: Option<ForwardView>,
    /// What the pages say of themselves that it links to, at most 3.
    pub previews: Vec<PreviewView>,
    /// Always empty: files cannot be attached yet.
    #[schema(value_type = Vec<Object>)]
    pub attachments: [(); 0],
    /// The emoji on it, in the order of their first use.
    pub reactions: Vec<ReactionView>,
    /// Whether it is pinned.
    pub pinned: bool,
    /// The poll that it is.
    pub poll: Option<PollView>,
    /// Whether the node of its channel has not given it its place yet, or refused it: so long its
    /// author alone sees it.
    pub waiting: bool,
    /// How far it has come to each recipient of another node; told to its author alone.
    pub delivery: Vec<DeliveryView>,
    /// The id of the object.
    pub uri: String,
}

/// How far a message has come to one recipient of another node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = MessageDeliveryView)]
pub struct DeliveryView {
    /// Who is to get it.
    pub user_id: UserId,
    /// Their handle.
    pub recipient: String,
    /// `queued`, `delivered` or `failed`.
    pub state: String,
    /// Why it failed.
    pub reason: Option<String>,
}

impl MessageView {
    /// Shows a message.
    pub fn new(
        message: &Message,
        author: &User,
        delivery: Vec<DeliveryView>,
        origin: &Origin,
    ) -> Self {
        Self {
            id: message.id,
            channel_id: message.channel_id,
            author: UserView::new(author, origin),
            content: message.content.clone(),
            html: message.html.clone(),
            created_at: Timestamp::from_millis(message.created_at),
            edited_at: message.edited_at.map(Timestamp::from_millis),
            reply_to: message.reply_to,
            answers: None,
            mentions: Vec::new(),
            edits: 0,
            forwarded: None,
            previews: Vec::new(),
            attachments: [],
            reactions: Vec::new(),
            pinned: false,
            poll: None,
            waiting: message.is_waiting(),
            delivery,
            uri: message.uri.clone(),
        }
    }
}

impl MessageView {
    /// The message as `reader` sees it, who sees those with this number and larger ones.
    #[must_use]
    pub(super) fn seen_by(mut self, reader: UserId, from: i64) -> Self {
        if self.author.id != reader {
            self.delivery.clear();
        }
        let is_hidden = |answered: &AnswerView| {
            let is_waiting = answered.seq >= PROVISIONAL;
            answered.seq < from || (is_waiting && answered.author_id != Some(reader))
        };
        if let Some(answered) = self.answers.as_mut().filter(|answered| is_hidden(answered)) {
            (answered.author_id, answered.excerpt) = (None, None);
        }
        self
    }

    /// The message as events show it, which are the same for everybody.
    #[must_use]
    pub(super) fn told(&self) -> Self {
        let answers = self.answers.clone();
        Self {
            delivery: Vec::new(),
            answers: answers.map(|answered| AnswerView {
                excerpt: None,
                ..answered
            }),
            ..self.clone()
        }
    }
}

impl DeliveryView {
    /// Shows how far a message has come to `user`.
    pub fn new(recipient: &Recipient, user: &User, origin: &Origin) -> Self {
        Self {
            user_id: user.id,
            recipient: user.handle(origin),
            state: recipient.state.clone(),
            reason: recipient.reason.clone(),
        }
    }
}

/// What the event `message.deleted` carries.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct DeletedView {
    pub(super) id: MessageId,
    pub(super) channel_id: ChannelId,
}

/// What the event `delivery.updated` carries.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct DeliveryUpdate {
    pub(super) message_id: MessageId,
    pub(super) channel_id: ChannelId,
    #[serde(flatten)]
    pub(super) delivery: DeliveryView,
}
