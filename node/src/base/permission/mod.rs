//! What somebody may do in a community or a channel: single permissions, sets of them, and how one
//! set follows from roles, channels and the state of things ([`resolve()`]).
//!
//! A privilege ([`super::privilege`]) is of the node as a whole; a permission is of one community.

mod resolve;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::resolve::{Changes, Form, Layer, Layered, Place, Standing, resolve};
use super::privilege::{Privilege, Privileges};

/// Declares the permissions: name, number of the bit (never reused), and text.
macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $bit:literal $text:literal,)*) => {
        /// One thing that takes a permission in a community.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            utoipa::ToSchema,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum Permission {
            $($(#[$doc])* $name,)*
        }

        impl Permission {
            /// Every permission, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The permission as it is written everywhere.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Its place in a stored set.
            const fn bit(self) -> i64 {
                match self {
                    $(Self::$name => 1 << $bit,)*
                }
            }
        }
    };
}

permissions! {
    /// Everything, in every channel, whatever it says.
    Administrator = 0 "administrator",
    /// Changes the community itself.
    ManageCommunity = 1 "manage_community",
    /// Makes roles and gives them, and says what roles and members may do in a channel.
    ManageRoles = 2 "manage_roles",
    /// Makes, changes, orders, archives and deletes channels.
    ManageChannels = 3 "manage_channels",
    /// Sees and takes back the invitations of others.
    ManageInvites = 4 "manage_invites",
    /// Invites people.
    CreateInvites = 5 "create_invites",
    /// Removes members.
    KickMembers = 6 "kick_members",
    /// Removes people for good.
    BanMembers = 7 "ban_members",
    /// Silences members for a while.
    TimeOutMembers = 8 "time_out_members",
    /// Chooses one's own nickname.
    ChangeNickname = 9 "change_nickname",
    /// Changes the nicknames of others.
    ManageNicknames = 10 "manage_nicknames",
    /// Reads the audit log of the community.
    ViewAuditLog = 11 "view_audit_log",
    /// Makes and deletes custom emoji and stickers.
    ManageEmoji = 12 "manage_emoji",
    /// Makes and deletes webhooks.
    ManageWebhooks = 13 "manage_webhooks",
    /// Makes and changes events.
    ManageEvents = 14 "manage_events",
    /// Judges reports.
    ModerateContent = 15 "moderate_content",
    /// Sees the channel; without it nothing else counts there.
    ViewChannel = 16 "view_channel",
    /// Reads what was written before.
    ReadHistory = 17 "read_history",
    /// Writes messages.
    SendMessages = 18 "send_messages",
    /// Writes messages in threads.
    SendInThreads = 19 "send_in_threads",
    /// Opens threads.
    CreateThreads = 20 "create_threads",
    /// Renames, archives and deletes threads of others.
    ManageThreads = 21 "manage_threads",
    /// Writes in announcement channels.
    PublishAnnouncements = 22 "publish_announcements",
    /// Deletes messages of others, and pins.
    ManageMessages = 23 "manage_messages",
    /// Attaches files.
    AttachFiles = 24 "attach_files",
    /// Has links shown with a preview.
    EmbedLinks = 25 "embed_links",
    /// Adds reactions.
    AddReactions = 26 "add_reactions",
    /// Uses emoji of other communities.
    UseExternalEmoji = 27 "use_external_emoji",
    /// Mentions everyone and whole roles.
    MentionEveryone = 28 "mention_everyone",
    /// Opens polls.
    CreatePolls = 29 "create_polls",
    /// Writes faster than the slow mode of a channel allows.
    BypassSlowMode = 30 "bypass_slow_mode",
    /// Joins voice channels.
    Connect = 31 "connect",
    /// Speaks in voice channels.
    Speak = 32 "speak",
    /// Shows a camera or a screen.
    Stream = 33 "stream",
    /// Is heard above others.
    PrioritySpeaker = 34 "priority_speaker",
    /// Mutes others in voice channels.
    MuteMembers = 35 "mute_members",
    /// Deafens others in voice channels.
    DeafenMembers = 36 "deafen_members",
    /// Moves others between voice channels and out of them.
    MoveMembers = 37 "move_members",
}

use Permission as P;

/// The text names no permission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a permission: {0:?}")]
pub struct UnknownPermission(String);

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        let named = |permission: &&Self| permission.as_str() == text;
        let found = Self::ALL.iter().find(named).copied();
        found.ok_or_else(|| UnknownPermission(text.chars().take(64).collect()))
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A set of permissions; JSON has it as a list of names, the databases as a number.
#[derive(
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    diesel::expression::AsExpression,
    diesel::deserialize::FromSqlRow,
)]
#[diesel(sql_type = diesel::sql_types::BigInt)]
pub struct Permissions(i64);

impl Permissions {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Everything.
    pub const ALL: Self = Self::of(Permission::ALL);
    /// What everyone holds in a new community.
    pub const OF_NEW_EVERYONE: Self = Self::of(&[
        P::CreateInvites,
        P::ChangeNickname,
        P::ViewChannel,
        P::ReadHistory,
        P::SendMessages,
        P::SendInThreads,
        P::CreateThreads,
        P::AttachFiles,
        P::EmbedLinks,
        P::AddReactions,
        P::UseExternalEmoji,
        P::CreatePolls,
        P::Connect,
        P::Speak,
        P::Stream,
    ]);
    /// What people do in a direct conversation.
    pub const IN_CONVERSATION: Self = Self::of(&[
        P::ViewChannel,
        P::ReadHistory,
        P::SendMessages,
        P::AttachFiles,
        P::EmbedLinks,
        P::AddReactions,
        P::CreatePolls,
        P::Connect,
        P::Speak,
        P::Stream,
    ]);
    /// What is left to somebody who is silenced for a while.
    pub const TIMED_OUT: Self = Self::of(&[P::ViewChannel, P::ReadHistory]);
    /// What adds to a channel, and ends when it is archived.
    pub const ADDING: Self = Self::of(&[
        P::SendMessages,
        P::SendInThreads,
        P::CreateThreads,
        P::PublishAnnouncements,
        P::AttachFiles,
        P::EmbedLinks,
        P::AddReactions,
        P::UseExternalEmoji,
        P::MentionEveryone,
        P::CreatePolls,
        P::Connect,
        P::Speak,
        P::Stream,
        P::PrioritySpeaker,
    ]);
    /// What is part of writing a message, and nothing without it.
    pub const OF_WRITING: Self = Self::of(&[
        P::AttachFiles,
        P::EmbedLinks,
        P::UseExternalEmoji,
        P::MentionEveryone,
        P::CreatePolls,
    ]);
    /// What is done by voice, and nothing without joining.
    pub const OF_VOICE: Self = Self::of(&[P::Speak, P::Stream, P::PrioritySpeaker]);
    /// What a channel can allow and deny; the rest is of the community as a whole.
    pub const OF_CHANNELS: Self = Self(
        Self::ADDING.0
            | Self::of(&[
                P::ManageRoles,
                P::ManageChannels,
                P::CreateInvites,
                P::ManageWebhooks,
                P::ViewChannel,
                P::ReadHistory,
                P::ManageThreads,
                P::ManageMessages,
                P::BypassSlowMode,
                P::MuteMembers,
                P::DeafenMembers,
                P::MoveMembers,
            ])
            .0,
    );

    const fn of(mut permissions: &[Permission]) -> Self {
        let mut bits = 0;
        while let [first, rest @ ..] = permissions {
            bits |= first.bit();
            permissions = rest;
        }
        Self(bits)
    }

    /// The set with this permission alone.
    pub const fn only(permission: Permission) -> Self {
        Self(permission.bit())
    }

    /// Whether the set holds `permission`.
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Whether the set holds everything that `other` holds.
    pub const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the set holds nothing.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Everything that either set holds.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both sets hold.
    #[must_use]
    pub const fn within(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The set without what `other` holds.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// What one of the sets holds and the other does not.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }

    /// The permissions of the set, in the order in which they are shown.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        let held = move |permission: &Permission| self.contains(*permission);
        Permission::ALL.iter().copied().filter(held)
    }

    /// What those who run the node may do in every community of it, by their privileges.
    pub fn of_staff(privileges: Privileges) -> Self {
        let gives = |privilege: Privilege| -> &'static [Permission] {
            match privilege {
                Privilege::ManageServerPrivileges => &[P::Administrator],
                Privilege::ManageServerSettings => &[P::ManageCommunity, P::ManageRoles],
                Privilege::EditChannels => &[P::ManageChannels, P::ManageThreads],
                Privilege::ManageChannelUsers => &[P::KickMembers],
                Privilege::ViewPrivateChannels => &[P::ViewChannel, P::ReadHistory],
                Privilege::BanUsers => &[P::BanMembers],
                Privilege::MuteUsers => &[P::TimeOutMembers, P::MuteMembers],
                Privilege::DeleteMessages => &[P::ManageMessages],
                Privilege::ModerateContent => &[P::ModerateContent],
                Privilege::ViewAuditLogs => &[P::ViewAuditLog],
                _ => &[],
            }
        };
        let each = privileges.iter().flat_map(gives).copied();
        each.collect()
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        let add = |set: i64, permission: Permission| set | permission.bit();
        Self(permissions.into_iter().fold(0, add))
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let read = names.iter().map(|name| name.parse::<Permission>());
        read.collect::<Result<_, _>>().map_err(D::Error::custom)
    }
}

impl utoipa::PartialSchema for Permissions {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
        let names = Permission::ALL.iter().map(|permission| permission.as_str());
        let name = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(names));
        ArrayBuilder::new().items(name).unique_items(true).into()
    }
}

impl utoipa::ToSchema for Permissions {}

impl<DB> diesel::serialize::ToSql<diesel::sql_types::BigInt, DB> for Permissions
where
    DB: diesel::backend::Backend,
    i64: diesel::serialize::ToSql<diesel::sql_types::BigInt, DB>,
{
    fn to_sql<'b>(
        &'b self,
        out: &mut diesel::serialize::Output<'b, '_, DB>,
    ) -> diesel::serialize::Result {
        <i64 as diesel::serialize::ToSql<diesel::sql_types::BigInt, DB>>::to_sql(&self.0, out)
    }
}

impl<DB> diesel::deserialize::FromSql<diesel::sql_types::BigInt, DB> for Permissions
where
    DB: diesel::backend::Backend,
    i64: diesel::deserialize::FromSql<diesel::sql_types::BigInt, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
        // Bits of a newer server count for nothing here.
        Ok(Self(i64::from_sql(bytes)? & Self::ALL.0))
    }
}
