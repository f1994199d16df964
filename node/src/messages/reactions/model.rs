//! What a reaction is, and which emoji can be one; no IO.

use diesel::prelude::*;

use crate::base::ids::{EmojiId, MessageId, ReactionId, UserId};
use crate::communities::emoji::model::is_shortcode;
use crate::platform::db::schema::{message_reaction_totals, message_reactions};
use crate::platform::http::error::ApiError;

/// Different emoji on one message at most (I11).
pub(super) const MOST: usize = 20;
/// People who are named with each emoji.
pub(super) const NAMED: usize = 20;
/// Bytes of an emoji at most; the longest there is has 35.
const MAX_BYTES: usize = 64;
/// What a like that names no emoji is shown as.
const LIKE: &str = "\u{2764}\u{fe0f}";

/// One emoji of one person on one message.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = message_reactions)]
pub(super) struct Reaction {
    pub(super) message_id: MessageId,
    pub(super) emoji: String,
    pub(super) user_id: UserId,
    pub(super) id: ReactionId,
    pub(super) activity_id: Option<String>,
    pub(super) created_at: i64,
}

/// What is shown of one emoji on one message.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = message_reaction_totals)]
pub(super) struct Total {
    pub(super) message_id: MessageId,
    pub(super) emoji: String,
    pub(super) name: String,
    pub(super) emoji_id: Option<EmojiId>,
    pub(super) since: ReactionId,
    pub(super) count: i64,
    pub(super) first_users: String,
}

impl Total {
    /// Who reacted first, at most [`NAMED`].
    pub(super) fn first(&self) -> Vec<UserId> {
        serde_json::from_str(&self.first_users).unwrap_or_default()
    }

    /// Stores who reacted first.
    pub(super) fn set_first(&mut self, users: &[UserId]) {
        self.first_users = serde_json::to_string(users).unwrap_or_default();
    }
}

/// An emoji as a request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Emoji {
    /// One emoji of Unicode, fully qualified (UTS 51 s1.4.6).
    Unicode(&'static str),
    /// A custom emoji by its shortcode.
    Custom(String),
}

impl Emoji {
    /// Reads one emoji of Unicode, or `:shortcode:`; `None` for everything else.
    ///
    /// However it came (with or without variation selectors), an emoji reads as one text.
    pub(super) fn read(text: &str) -> Option<Self> {
        if let Some(name) = between_colons(text) {
            return is_shortcode(name).then(|| Self::Custom(name.to_owned()));
        }
        unicode(text).map(Self::Unicode)
    }

    /// The same, for requests that add one.
    ///
    /// # Errors
    /// 422: it is neither.
    pub(super) fn asked(text: &str) -> Result<Self, ApiError> {
        let detail = "Name one emoji of Unicode, or :shortcode: of a custom one.";
        Self::read(text).ok_or_else(|| ApiError::invalid("invalid_emoji", detail))
    }
}

fn between_colons(text: &str) -> Option<&str> {
    text.strip_prefix(':')?.strip_suffix(':')
}

fn unicode(text: &str) -> Option<&'static str> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let found = emojis::get(text).or_else(|| {
        let is_selector = |letter: char| matches!(letter, '\u{fe0e}' | '\u{fe0f}');
        let bare: String = text
            .chars()
            .filter(|letter| !is_selector(*letter))
            .collect();
        emojis::get(&bare)
    });
    found.map(emojis::Emoji::as_str)
}

/// The emoji of a reaction, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// What tells it from others on the message.
    pub(super) emoji: String,
    /// How it is written.
    pub(super) name: String,
    /// Which custom emoji of this node it is.
    pub(super) custom: Option<EmojiId>,
}

impl Key {
    /// An emoji that is what it is written as.
    pub(super) fn plain(text: impl Into<String>) -> Self {
        let name = text.into();
        Self {
            emoji: name.clone(),
            name,
            custom: None,
        }
    }

    /// A custom emoji of this node.
    pub(super) fn custom(id: EmojiId, shortcode: &str) -> Self {
        Self {
            emoji: id.to_string(),
            name: format!(":{shortcode}:"),
            custom: Some(id),
        }
    }

    /// The emoji that a person of another node put on a message; `None` when it is none.
    ///
    /// A like without one is a heart. Custom emoji stay names: their pictures are not fetched.
    pub(super) fn of_peer(content: Option<&str>, is_like: bool) -> Option<Self> {
        let content = content.map(str::trim).filter(|text| !text.is_empty());
        let named = content.and_then(|text| {
            if let Some(emoji) = unicode(text) {
                return Some(Self::plain(emoji));
            }
            let name = peer_name(between_colons(text)?)?;
            Some(Self::plain(format!(":{name}:")))
        });
        named.or_else(|| is_like.then(|| Self::plain(LIKE)))
    }
}

/// The name of a custom emoji elsewhere, without the host that some servers add.
fn peer_name(text: &str) -> Option<&str> {
    let name = text.split('@').next()?;
    let fits = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'-' | b'.');
    ((1..=50).contains(&name.len()) && name.bytes().all(fits)).then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_emoji_reads_as_one_text_however_it_comes() {
        for (written, read) in [
            ("\u{2764}", "\u{2764}\u{fe0f}"),
            ("\u{2764}\u{fe0f}", "\u{2764}\u{fe0f}"),
            ("\u{2764}\u{fe0e}", "\u{2764}\u{fe0f}"),
            ("\u{1f44d}\u{fe0f}", "\u{1f44d}"),
            ("\u{1f44d}\u{1f3fd}", "\u{1f44d}\u{1f3fd}"),
            ("1\u{20e3}", "1\u{fe0f}\u{20e3}"),
            ("\u{1f1e9}\u{1f1ea}", "\u{1f1e9}\u{1f1ea}"),
        ] {
            assert_eq!(
                Emoji::read(written),
                Some(Emoji::Unicode(read)),
                "{written:?}"
            );
        }
    }

    #[test]
    fn what_is_not_one_emoji_is_none() {
        for text in [
            "",
            " ",
            "a",
            "1",
            "#",
            "\u{fe0f}",
            "\u{200d}",
            "\u{1f44d}\u{1f44d}",
            "\u{1f44d} ",
            "x\u{1f44d}",
            "\u{1f44d}\0",
            ":",
            "::",
            ":a:",
            ":A_B:",
            ":../../x:",
            &"\u{1f44d}".repeat(1000),
        ] {
            assert_eq!(Emoji::read(text), None, "{text:?}");
        }
        let custom = Emoji::Custom("party_parrot".to_owned());
        assert_eq!(Emoji::read(":party_parrot:"), Some(custom));
    }

    #[test]
    fn likes_of_peers_are_hearts_and_their_custom_emoji_are_names() {
        let name =
            |content: Option<&str>, is_like| Key::of_peer(content, is_like).map(|key| key.name);
        assert_eq!(name(None, true).as_deref(), Some(LIKE));
        assert_eq!(name(Some(" "), true).as_deref(), Some(LIKE));
        assert_eq!(name(Some("<p>hi</p>"), true).as_deref(), Some(LIKE));
        assert_eq!(name(Some("\u{1f525}"), true).as_deref(), Some("\u{1f525}"));
        assert_eq!(
            name(Some(":Blob-cat:"), false).as_deref(),
            Some(":Blob-cat:")
        );
        assert_eq!(name(Some(":b@x.example:"), false).as_deref(), Some(":b:"));
        for bad in [
            None,
            Some(""),
            Some("text"),
            Some(":a b:"),
            Some(":<i>:"),
            Some("::"),
        ] {
            assert_eq!(name(bad, false), None, "{bad:?}");
        }
        let long = format!(":{}:", "x".repeat(51));
        assert_eq!(name(Some(&long), false), None);
    }

    proptest! {
        #[test]
        fn reading_is_settled_after_once(text in "\\PC{0,12}|[\u{1f300}-\u{1faff}\u{fe0e}\u{fe0f}\u{200d}\u{2600}-\u{27bf}]{1,6}") {
            if let Some(Emoji::Unicode(read)) = Emoji::read(&text) {
                prop_assert_eq!(Emoji::read(read), Some(Emoji::Unicode(read)));
                prop_assert!(read.len() <= MAX_BYTES);
            }
            if let Some(key) = Key::of_peer(Some(&text), true) {
                prop_assert!(key.emoji.len() <= MAX_BYTES);
                prop_assert!(!key.name.chars().any(char::is_whitespace));
            }
        }

        #[test]
        fn every_emoji_is_read_with_and_without_selectors(at in 0usize..3_000) {
            let all: Vec<&emojis::Emoji> = emojis::iter().collect();
            let emoji = all[at % all.len()].as_str();
            prop_assert_eq!(Emoji::read(emoji), Some(Emoji::Unicode(emoji)));
            let bare = emoji.replace('\u{fe0f}', "");
            prop_assert_eq!(Emoji::read(&bare), Some(Emoji::Unicode(emoji)));
        }
    }
}
