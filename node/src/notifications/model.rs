//! What a notification is, and what decides whether somebody is told; no IO.

use diesel::prelude::*;
use federation_core::Timestamp;

use crate::base::ids::{
    ChannelId, CommunityId, CommunityRoleId, MessageId, NotificationId, UserId,
};
use crate::base::words::words;
use crate::platform::db::schema::notifications;

words! {
    /// What a notification tells of.
    pub enum NotificationKind {
        /// A message names the member.
        Mention = "mention",
        /// A message answers one of the member's.
        Reply = "reply",
        /// Somebody wrote in a direct conversation.
        DirectMessage = "direct_message",
        /// A message calls everybody in a channel.
        Everyone = "everyone",
        /// A message calls all who have a role that the member has.
        Role = "role",
        /// Somebody follows the member.
        Follow = "follow",
        /// A moderator warned the member.
        Warning = "warning",
        /// The member was silenced in a community.
        TimeOut = "time_out",
    }
}

words! {
    /// Of what a member wants to be told.
    pub enum Level {
        /// Of every message; clients alert to each.
        All = "all",
        /// Of mentions and answers.
        Mentions = "mentions",
        /// Of nothing.
        None = "none",
        /// As the next wider place says.
        Default = "default",
    }
}

/// Whom a message calls, beside those whom it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Everybody who sees the channel.
    Everyone,
    /// All who have this role.
    Role(CommunityRoleId),
}

impl Call {
    /// What it is for the one who is called.
    pub const fn kind(self) -> NotificationKind {
        match self {
            Self::Everyone => NotificationKind::Everyone,
            Self::Role(_) => NotificationKind::Role,
        }
    }
}

/// A notification of one member.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = notifications)]
pub struct Notification {
    /// The id.
    pub id: NotificationId,
    /// Who is told.
    pub user_id: UserId,
    /// Of what.
    pub kind: NotificationKind,
    /// Who did it, where that is told.
    pub actor_id: Option<UserId>,
    /// In which community.
    pub community_id: Option<CommunityId>,
    /// In which channel.
    pub channel_id: Option<ChannelId>,
    /// By which message.
    pub message_id: Option<MessageId>,
    /// The place of the message in its channel.
    pub seq: Option<i64>,
    /// Until when it holds; milliseconds since the Unix epoch.
    pub ends_at: Option<i64>,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Milliseconds since the Unix epoch.
    pub read_at: Option<i64>,
    /// When the member wanted to see it no more; milliseconds since the Unix epoch.
    pub dismissed_at: Option<i64>,
}

/// What a member chose for one place, or for their account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preference {
    /// Of what they want to be told.
    pub level: Level,
    /// Until when nothing of there is told; milliseconds since the Unix epoch.
    pub muted_until: Option<i64>,
    /// Whether calls to everybody are left out; `None` as the next wider place says.
    pub suppress_everyone: Option<bool>,
}

impl Preference {
    /// What is so where nothing was chosen.
    pub const UNSET: Self = Self {
        level: Level::Default,
        muted_until: None,
        suppress_everyone: None,
    };
}

/// What holds for a member in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effective {
    /// Of what they want to be told; never [`Level::Default`].
    pub level: Level,
    /// Whether nothing of there is told at this moment.
    pub is_muted: bool,
    /// Whether calls to everybody are left out.
    pub suppress_everyone: bool,
}

impl Effective {
    /// What holds where these are said, the narrowest place first.
    pub fn of(said: &[Preference], now: Timestamp) -> Self {
        let chosen = said.iter().map(|one| one.level);
        let level = chosen.into_iter().find(|level| *level != Level::Default);
        let muted = |one: &Preference| one.muted_until.is_some_and(|end| end > now.as_millis());
        let everyone = said.iter().find_map(|one| one.suppress_everyone);
        Self {
            level: level.unwrap_or(Level::All),
            is_muted: said.iter().any(muted),
            suppress_everyone: everyone.unwrap_or(false),
        }
    }

    /// Whether the member is told of something of this kind.
    pub fn lets(&self, kind: NotificationKind) -> bool {
        if self.is_muted || self.level == Level::None {
            return false;
        }
        match kind {
            NotificationKind::Everyone | NotificationKind::Role => !self.suppress_everyone,
            NotificationKind::DirectMessage => self.level == Level::All,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_190_734_032);

    fn level(level: Level) -> Preference {
        Preference {
            level,
            ..Preference::UNSET
        }
    }

    #[test]
    fn the_narrowest_place_that_says_something_decides() {
        let of = |said: &[Preference]| Effective::of(said, NOW).level;
        assert_eq!(of(&[]), Level::All);
        let (unset, mentions) = (Preference::UNSET, level(Level::Mentions));
        assert_eq!(of(&[unset, mentions, level(Level::None)]), Level::Mentions);
        assert_eq!(of(&[level(Level::All), mentions]), Level::All);
        let everyone = Preference {
            suppress_everyone: Some(false),
            ..Preference::UNSET
        };
        let not = Preference {
            suppress_everyone: Some(true),
            ..Preference::UNSET
        };
        assert!(!Effective::of(&[everyone, not], NOW).suppress_everyone);
        assert!(Effective::of(&[unset, not], NOW).suppress_everyone);
    }

    #[test]
    fn what_is_muted_tells_nothing_until_it_ends() {
        let muted = |end: i64| Preference {
            muted_until: Some(end),
            ..Preference::UNSET
        };
        let later = Effective::of(&[Preference::UNSET, muted(NOW.as_millis() + 1)], NOW);
        assert!(!later.lets(NotificationKind::Mention));
        assert!(Effective::of(&[muted(NOW.as_millis())], NOW).lets(NotificationKind::Mention));
    }

    #[test]
    fn levels_let_through_what_they_say() {
        let told = |chosen: Level| {
            let holds = Effective::of(&[level(chosen)], NOW);
            let kinds = [
                NotificationKind::Mention,
                NotificationKind::DirectMessage,
                NotificationKind::Everyone,
            ];
            kinds.map(|kind| holds.lets(kind))
        };
        assert_eq!(told(Level::All), [true, true, true]);
        assert_eq!(told(Level::Mentions), [true, false, true]);
        assert_eq!(told(Level::None), [false, false, false]);
    }
}
