//! What a note of another node says, and when: how it becomes a message, and how a message follows it.

use federation_core::Timestamp;
use federation_core::vocab::Object;
use url::Url;

use super::incoming::{Ignored, MAX_HTML};
use crate::base::ids::{ChannelId, MessageId, UserId};
use crate::base::text;
use crate::messages::model::Message;

/// The text of a note, and the times that its node gives.
#[derive(Clone, Debug)]
pub(super) struct Said {
    /// The id of the note.
    pub(super) uri: String,
    /// Markdown.
    pub(super) content: String,
    /// Sanitised.
    pub(super) html: String,
    pub(super) published: Option<Timestamp>,
    pub(super) updated: Option<Timestamp>,
}

/// Where a message comes to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) channel: ChannelId,
    pub(super) seq: i64,
    pub(super) author: UserId,
    /// The message that it answers.
    pub(super) answered: Option<MessageId>,
}

impl Said {
    /// What the note `uri` says in `html`.
    ///
    /// # Security
    /// The HTML is sanitised here, in time linear to its length.
    pub(super) fn read(note: &Object, uri: &Url, html: &str) -> Self {
        let html = text::sanitise(&html.replace('\0', ""));
        Self {
            uri: uri.to_string(),
            content: text::clean(&text::read(&html), MAX_HTML),
            html,
            published: note.published,
            updated: note.updated,
        }
    }

    /// The message that it becomes. Times that lie ahead are those of a clock that runs ahead: what is
    /// shown is held to this node's.
    pub(super) fn message(&self, placed: Placed, now: Timestamp) -> Message {
        let shown = |at: Timestamp| at.min(now).as_millis();
        // Some servers give both times of everything.
        let is_later = |at: &Timestamp| self.published.is_none_or(|published| *at > published);
        Message {
            id: MessageId::new(now),
            channel_id: placed.channel,
            seq: placed.seq,
            author_id: placed.author,
            uri: self.uri.clone(),
            content: self.content.clone(),
            html: self.html.clone(),
            reply_to: placed.answered,
            created_at: self.published.map_or(now.as_millis(), shown),
            edited_at: self.updated.filter(is_later).map(shown),
            deleted_at: None,
            origin_updated_at: self.updated.or(self.published).map(Timestamp::as_millis),
        }
    }

    /// Notes on a message that it was told anew; whether it says something else than it did.
    ///
    /// # Errors
    /// [`Ignored::Stale`] when this was said before what is known. What was said at the same time is
    /// taken: many servers write times in whole seconds.
    pub(super) fn renews(&self, message: &mut Message) -> Result<bool, Ignored> {
        let told = self.updated.map(Timestamp::as_millis);
        if let (Some(known), Some(told)) = (message.origin_updated_at, told)
            && known > told
        {
            return Err(Ignored::Stale);
        }
        message.origin_updated_at = told.or(message.origin_updated_at);
        Ok(message.html != self.html || message.content != self.content)
    }

    /// Writes it over what a message said.
    pub(super) fn replace(&self, message: &mut Message, now: Timestamp) {
        message.content.clone_from(&self.content);
        message.html.clone_from(&self.html);
        message.edited_at = Some(self.updated.unwrap_or(now).min(now).as_millis());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn said(content: &str, published: i64, updated: Option<i64>) -> Said {
        Said {
            uri: "https://a.example/notes/1".to_owned(),
            content: content.to_owned(),
            html: content.to_owned(),
            published: Some(at(published)),
            updated: updated.map(at),
        }
    }

    fn message(said: &Said, now: i64) -> Message {
        let placed = Placed {
            channel: ChannelId::new(at(0)),
            seq: 1,
            author: UserId::new(at(0)),
            answered: None,
        };
        said.message(placed, at(now))
    }

    #[test]
    fn times_that_lie_ahead_are_shown_as_now_and_kept_for_what_comes_later() {
        let message = message(&said("one", 500, Some(600)), 100);
        assert_eq!((message.created_at, message.edited_at), (100, Some(100)));
        assert_eq!(message.origin_updated_at, Some(600));
    }

    #[test]
    fn a_note_that_gives_both_times_alike_was_not_edited() {
        assert_eq!(message(&said("one", 5, Some(5)), 10).edited_at, None);
        assert_eq!(message(&said("one", 5, Some(6)), 10).edited_at, Some(6));
    }

    #[test]
    fn what_was_said_before_changes_nothing_and_the_same_again_is_no_news() {
        let mut message = message(&said("one", 5, Some(7)), 10);
        let renewed = |said: Said, message: &mut Message| said.renews(message);
        let older = renewed(said("two", 5, Some(6)), &mut message);
        assert_eq!(older, Err(Ignored::Stale));
        assert_eq!(renewed(said("one", 5, Some(8)), &mut message), Ok(false));
        assert_eq!(message.origin_updated_at, Some(8));
        assert_eq!(renewed(said("two", 5, Some(8)), &mut message), Ok(true));
        said("two", 5, Some(8)).replace(&mut message, at(10));
        assert_eq!(
            (message.content.as_str(), message.edited_at),
            ("two", Some(8))
        );
    }
}
