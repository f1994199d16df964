//! What a message is, and what may be written; no IO.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::base::ids::{ChannelId, MessageId, UserId};
use crate::base::text::{self, Name};
use crate::channels::structure::PROVISIONAL;
use crate::config::Origin;
use crate::platform::db::schema::{message_recipients, messages};
use crate::platform::http::error::ApiError;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = messages)]
pub struct Message {
    /// The id on this node.
    pub id: MessageId,
    /// The channel it is in.
    pub channel_id: ChannelId,
    /// Its place in the channel.
    pub seq: i64,
    /// Who wrote it.
    pub author_id: UserId,
    /// The id of the object, on this node or another.
    pub uri: String,
    /// Markdown; empty once deleted.
    pub content: String,
    /// Sanitised HTML; empty once deleted.
    pub html: String,
    /// The message it answers.
    pub reply_to: Option<MessageId>,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Milliseconds since the Unix epoch.
    pub edited_at: Option<i64>,
    /// Milliseconds since the Unix epoch.
    pub deleted_at: Option<i64>,
    /// By the clock of its node when it came or was last changed; milliseconds since the epoch.
    pub origin_updated_at: Option<i64>,
}

impl Message {
    /// Whether the node of its channel has not told its place yet: so long it is there for its author
    /// alone, whom that node may refuse it.
    pub fn is_waiting(&self) -> bool {
        self.seq >= PROVISIONAL
    }

    /// Whether `reader` sees it, who sees the messages of its channel with this number and larger ones.
    pub fn is_seen_by(&self, reader: UserId, from: i64) -> bool {
        self.seq >= from && (!self.is_waiting() || self.author_id == reader)
    }
}

/// The id of the object that a message of this node is.
pub fn uri_of(origin: &Origin, id: MessageId) -> String {
    format!("{}/messages/{id}", origin.as_str())
}

/// A text that may be sent, with its HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Markdown.
    pub content: String,
    /// Sanitised HTML in which nobody is mentioned yet.
    pub html: String,
    /// Whom the text names.
    pub names: Vec<Name>,
}

impl Draft {
    /// Takes a text of a member and renders it.
    ///
    /// # Errors
    /// 422: it is empty, longer than `limit` characters, or holds U+0000.
    pub fn new(content: String, limit: usize) -> Result<Self, ApiError> {
        if content.trim().is_empty() {
            return Err(ApiError::invalid("empty_content", "Write something."));
        }
        if content.chars().count() > limit {
            let detail = format!("A message has at most {limit} characters.");
            return Err(ApiError::invalid("content_too_long", detail));
        }
        if content.contains('\0') {
            return Err(ApiError::invalid(
                "invalid_content",
                "A message holds no U+0000.",
            ));
        }
        let composed = text::compose(&content, &HashMap::new());
        Ok(Self {
            html: composed.html,
            names: composed.names,
            content,
        })
    }

    /// Takes the text of a message, which may be absent where the message `carries` something else.
    ///
    /// # Errors
    /// 422: it is absent without need, or [`Draft::new`] refuses it.
    pub fn beside(content: Option<String>, carries: bool, limit: usize) -> Result<Self, ApiError> {
        match content {
            None if !carries => Err(ApiError::invalid(
                "empty_content",
                "Write something, or pass something on.",
            )),
            Some(content) if !carries || !content.trim().is_empty() => Self::new(content, limit),
            _ => Ok(Self {
                content: String::new(),
                html: String::new(),
                names: Vec::new(),
            }),
        }
    }
}

/// What became of the latest activity about a message, for one recipient of another node.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = message_recipients)]
pub struct Recipient {
    /// The message.
    pub message_id: MessageId,
    /// Who is to get it.
    pub user_id: UserId,
    /// The id of the activity.
    pub activity_id: String,
    /// [`QUEUED`], [`DELIVERED`] or [`FAILED`].
    pub state: String,
    /// Why it failed.
    pub reason: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub updated_at: i64,
}

/// On its way.
pub const QUEUED: &str = "queued";
/// Taken by the other node.
pub const DELIVERED: &str = "delivered";
/// Given up.
pub const FAILED: &str = "failed";

#[cfg(test)]
mod tests {
    use super::Draft;

    #[test]
    fn a_text_may_be_absent_beside_something_else() {
        let beside = |content: Option<&str>, carries| {
            Draft::beside(content.map(str::to_owned), carries, 4).map(|draft| draft.html)
        };
        assert_eq!(beside(None, false).unwrap_err().code(), "empty_content");
        assert_eq!(
            beside(Some(" "), false).unwrap_err().code(),
            "empty_content"
        );
        assert_eq!(
            beside(Some("abcde"), true).unwrap_err().code(),
            "content_too_long"
        );
        for empty in [None, Some(" ")] {
            assert_eq!(beside(empty, true).unwrap(), "");
        }
        assert_eq!(beside(Some("a"), true).unwrap(), "<p>a</p>");
    }

    #[test]
    fn drafts_are_bounded() {
        assert_eq!(
            Draft::new("*a*".to_owned(), 3).unwrap().html,
            "<p><em>a</em></p>"
        );
        assert!(Draft::new("ääää".to_owned(), 4).is_ok());
        for (content, code) in [
            (" \n", "empty_content"),
            ("abcde", "content_too_long"),
            ("a\0", "invalid_content"),
        ] {
            assert_eq!(Draft::new(content.to_owned(), 4).unwrap_err().code(), code);
        }
    }
}
