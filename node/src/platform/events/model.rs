//! Events and the topics they belong to; no IO.

use std::fmt;
use std::str::FromStr;

use crate::base::ids::{ChannelId, CommunityId, UserId};

/// Who is told: those who see a channel, the members of a community, or one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Everybody who sees the channel.
    Channel(ChannelId),
    /// Every member of the community.
    Community(CommunityId),
    /// One person, on all their sockets.
    User(UserId),
}

/// What an event does to the subscriptions of the sockets that receive it.
///
/// It takes hold in the order of the log: the events before it are judged by the old
/// subscriptions, those after it by the new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// From here on they receive this topic too.
    Join(Topic),
    /// From here on they no longer receive this topic.
    Leave(Topic),
    /// From here on they receive what their holders may see then: permissions changed.
    Renew,
}

/// An event to be appended; what it carries is given beside it.
#[derive(Clone, Copy, Debug)]
pub struct NewEvent<'a> {
    /// Who is told.
    pub topic: Topic,
    /// Its name, such as `message.created`.
    pub op: &'static str,
    /// What it does to subscriptions.
    pub effect: Option<Effect>,
    /// The thing it tells about; by it [`EventLog::retract`](super::EventLog::retract) finds it.
    pub subject: Option<&'a str>,
}

/// An event as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its number: later commits have larger ones, and there may be gaps.
    pub seq: i64,
    /// Who is told.
    pub topic: Topic,
    /// Its name.
    pub op: String,
    /// What it does to subscriptions.
    pub effect: Option<Effect>,
    /// JSON text.
    pub data: String,
}

impl StoredEvent {
    /// The frame that a socket gets: `{"op","seq","d"}` (docs/gateway.md, frames).
    pub fn frame(&self) -> String {
        // Names are constants of this program, without anything to escape.
        format!(
            "{{\"op\":\"{}\",\"seq\":{},\"d\":{}}}",
            self.op, self.seq, self.data
        )
    }
}

/// The text is not a topic or an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a topic")]
pub struct InvalidTopic;

impl fmt::Display for Topic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channel(id) => write!(formatter, "channel:{id}"),
            Self::Community(id) => write!(formatter, "community:{id}"),
            Self::User(id) => write!(formatter, "user:{id}"),
        }
    }
}

impl FromStr for Topic {
    type Err = InvalidTopic;

    fn from_str(text: &str) -> Result<Self, InvalidTopic> {
        let (kind, id) = text.split_once(':').ok_or(InvalidTopic)?;
        match kind {
            "channel" => id.parse().map(Self::Channel),
            "community" => id.parse().map(Self::Community),
            "user" => id.parse().map(Self::User),
            _ => return Err(InvalidTopic),
        }
        .map_err(|_not_an_id| InvalidTopic)
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Join(topic) => write!(formatter, "+{topic}"),
            Self::Leave(topic) => write!(formatter, "-{topic}"),
            Self::Renew => formatter.write_str("*"),
        }
    }
}

impl FromStr for Effect {
    type Err = InvalidTopic;

    fn from_str(text: &str) -> Result<Self, InvalidTopic> {
        if text == "*" {
            return Ok(Self::Renew);
        }
        if let Some(topic) = text.strip_prefix('+') {
            return topic.parse().map(Self::Join);
        }
        text.strip_prefix('-')
            .ok_or(InvalidTopic)?
            .parse()
            .map(Self::Leave)
    }
}
