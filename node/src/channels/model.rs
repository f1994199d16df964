//! What a channel is; no IO.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use diesel::prelude::*;
use openssl::sha::Sha256;

use crate::base::ids::{ChannelId, CommunityId, UserId};
use crate::base::permission::Form;
use crate::base::words::words;
use crate::config::Origin;
use crate::platform::db::schema::channels;

words! {
    /// What sort of channel.
    pub enum ChannelKind {
        /// A direct conversation.
        Dm = "dm",
        /// Holds channels.
        Category = "category",
        /// People write in it.
        Text = "text",
        /// People talk in it, and write beside that.
        Voice = "voice",
        /// Few write in it, and many read.
        Announcement = "announcement",
        /// A side talk of a text or announcement channel.
        Thread = "thread",
    }
}

impl ChannelKind {
    /// What sort it is, as far as permissions go.
    pub const fn form(self) -> Form {
        match self {
            Self::Dm | Self::Text | Self::Voice => Form::Open,
            Self::Category => Form::Category,
            Self::Announcement => Form::Announcement,
            Self::Thread => Form::Thread,
        }
    }

    /// Whether other nodes know it as a Group.
    pub const fn is_group(self) -> bool {
        matches!(
            self,
            Self::Text | Self::Voice | Self::Announcement | Self::Thread
        )
    }
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = channels, treat_none_as_null = true)]
pub struct Channel {
    /// The id.
    pub id: ChannelId,
    /// What sort of channel.
    pub kind: ChannelKind,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Its community; none for conversations.
    pub community_id: Option<CommunityId>,
    /// The category of a channel, the channel of a thread.
    pub parent_id: Option<ChannelId>,
    /// What it is about.
    pub topic: Option<String>,
    /// Its place among its neighbours.
    pub position: i32,
    /// Seconds between two messages of one member; 0 for none.
    pub slow_mode_seconds: i32,
    /// Whether only those see it who are named in it.
    pub is_private: bool,
    /// The id of the Group that it is for other nodes.
    pub actor_uri: Option<String>,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// Since when nothing is added to it, in milliseconds since the Unix epoch.
    pub archived_at: Option<i64>,
    /// Whether it is a direct conversation whose people come and go.
    pub is_group: bool,
}

impl Channel {
    /// A direct conversation.
    pub fn conversation(id: ChannelId, created_at: i64) -> Self {
        Self {
            id,
            kind: ChannelKind::Dm,
            name: None,
            created_at,
            community_id: None,
            parent_id: None,
            topic: None,
            position: 0,
            slow_mode_seconds: 0,
            is_private: false,
            actor_uri: None,
            created_by: None,
            archived_at: None,
            is_group: false,
        }
    }
}

/// The id of the Group that a channel of this node is. It follows from the id, so that it outlives
/// names and moves.
pub fn actor_of(origin: &Origin, id: ChannelId) -> String {
    format!("{}/channels/{id}", origin.as_str())
}

/// The name part of the handle of a channel: lower case, letters and digits of ASCII, `_` and `-`;
/// `None` when nothing of the name is left.
pub fn handle_name(name: &str) -> Option<String> {
    let fits = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    let spaced = name.trim().replace(char::is_whitespace, "-");
    let text: String = spaced.chars().filter(fits).collect();
    let text = text.trim_matches(['-', '_']).to_ascii_lowercase();
    (!text.is_empty()).then_some(text)
}

/// Names a set of people, whatever the order in which they are given.
///
/// People are told apart by the ids of their actors, so the same set has the same name here
/// whether a member opens the conversation or a message from another node does.
pub fn participants_key<'a>(actors: impl IntoIterator<Item = &'a str>) -> String {
    let mut actors: Vec<&str> = actors.into_iter().collect();
    actors.sort_unstable();
    actors.dedup();
    let mut hash = Sha256::new();
    for actor in actors {
        hash.update(actor.as_bytes());
        hash.update(b"\n");
    }
    BASE64.encode(hash.finish())
}

#[cfg(test)]
mod tests {
    use super::{ChannelKind, handle_name, participants_key};

    #[test]
    fn a_set_has_one_name() {
        let (alice, bob) = (
            "https://a.example/users/alice",
            "https://b.example/users/bob",
        );
        let key = participants_key([alice, bob]);
        assert_eq!(key, participants_key([bob, alice, bob]));
        assert_ne!(key, participants_key([alice]));
        assert_eq!(key.len(), 43);
    }

    #[test]
    fn handles_have_what_handles_may_have() {
        let name = |name: &str| handle_name(name);
        assert_eq!(name("General talk").as_deref(), Some("general-talk"));
        assert_eq!(name("-Räder & Co_").as_deref(), Some("rder--co"));
        assert_eq!(name("日本"), None);
        assert_eq!(name("a.b@c/d").as_deref(), Some("abcd"));
    }

    #[test]
    fn kinds_read_back_as_json_writes_them() {
        let kinds = [
            ChannelKind::Dm,
            ChannelKind::Category,
            ChannelKind::Text,
            ChannelKind::Voice,
            ChannelKind::Announcement,
            ChannelKind::Thread,
        ];
        for kind in kinds {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert!("mixed".parse::<ChannelKind>().is_err());
    }
}
