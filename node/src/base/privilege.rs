//! What members may do on this node beyond chatting: single privileges, and sets of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::role::Role;

/// Declares the privileges: name, text, and the lowest system role that holds it.
macro_rules! privileges {
    ($($(#[$doc:meta])* $name:ident = $text:literal from $role:ident,)*) => {
        /// One thing that takes a permission of the node.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            utoipa::ToSchema,
        )]
        #[serde(rename_all = "snake_case")]
        #[repr(u8)]
        pub enum Privilege {
            $($(#[$doc])* $name,)*
        }

        impl Privilege {
            /// Every privilege, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The privilege as it is written everywhere.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The lowest system role that holds it.
            const fn least_role(self) -> Role {
                match self {
                    $(Self::$name => Role::$role,)*
                }
            }
        }
    };
}

privileges! {
    /// Opens accounts for others.
    CreateUsers = "create_users" from Admin,
    /// Deletes accounts of others.
    DeleteUsers = "delete_users" from Admin,
    /// Changes profiles of others.
    EditUsers = "edit_users" from Admin,
    /// Sees who is on this node.
    ViewUsers = "view_users" from User,
    /// Ends the sessions of others and resets their passwords.
    ResetUserTokens = "reset_user_tokens" from Admin,
    /// Suspends accounts and bans people.
    BanUsers = "ban_users" from Moderator,
    /// Silences people for a while.
    MuteUsers = "mute_users" from Moderator,
    /// Invites people to open an account.
    ManageInvites = "manage_invites" from Moderator,
    /// Makes communities.
    CreateCommunities = "create_communities" from Admin,
    /// Makes channels.
    CreateChannels = "create_channels" from Admin,
    /// Deletes channels.
    DeleteChannels = "delete_channels" from Admin,
    /// Changes channels.
    EditChannels = "edit_channels" from Admin,
    /// Adds people to private channels and removes them.
    ManageChannelUsers = "manage_channel_users" from Moderator,
    /// Sees private channels without being a member.
    ViewPrivateChannels = "view_private_channels" from Admin,
    /// Writes messages.
    SendMessages = "send_messages" from User,
    /// Changes one's own messages.
    EditMessages = "edit_messages" from User,
    /// Deletes messages of others.
    DeleteMessages = "delete_messages" from Moderator,
    /// Reads messages.
    ViewMessages = "view_messages" from User,
    /// Judges reports.
    ModerateContent = "moderate_content" from Moderator,
    /// Uploads files.
    UploadFiles = "upload_files" from User,
    /// Deletes files of others.
    DeleteFiles = "delete_files" from Moderator,
    /// Sees files.
    ViewFiles = "view_files" from User,
    /// Manages where files are kept.
    ManageStorage = "manage_storage" from Admin,
    /// Changes the node's settings and limits.
    ManageServerSettings = "manage_server_settings" from Admin,
    /// Makes roles and gives them to people.
    ManageServerPrivileges = "manage_server_privileges" from Owner,
    /// Sees figures about the node.
    ViewServerStats = "view_server_stats" from Admin,
    /// Reads the audit log.
    ViewAuditLogs = "view_audit_logs" from Admin,
    /// Blocks addresses.
    ManageBlockedIps = "manage_blocked_ips" from Admin,
    /// Runs and stops background work.
    ManageBackgroundTasks = "manage_background_tasks" from Admin,
    /// Sees and steers what is exchanged with other nodes.
    ManageFederation = "manage_federation" from Admin,
}

/// The text names no privilege.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a privilege")]
pub struct UnknownPrivilege;

impl FromStr for Privilege {
    type Err = UnknownPrivilege;

    fn from_str(text: &str) -> Result<Self, UnknownPrivilege> {
        let named = |privilege: &&Self| privilege.as_str() == text;
        Self::ALL
            .iter()
            .find(named)
            .copied()
            .ok_or(UnknownPrivilege)
    }
}

impl fmt::Display for Privilege {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A set of privileges.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Privileges(u64);

impl Privileges {
    /// Nothing.
    pub const NONE: Self = Self(0);

    /// Everything.
    pub fn all() -> Self {
        Privilege::ALL.iter().copied().collect()
    }

    /// What a system role holds; nobody can change it.
    pub fn of_role(role: Role) -> Self {
        let held = |privilege: &Privilege| role >= privilege.least_role();
        Privilege::ALL.iter().copied().filter(held).collect()
    }

    /// Whether the set holds `privilege`.
    pub const fn contains(self, privilege: Privilege) -> bool {
        self.0 & Self::bit(privilege) != 0
    }

    /// Whether the set holds everything that `other` holds.
    pub const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Everything that either set holds.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The privileges of the set, in the order in which they are shown.
    pub fn iter(self) -> impl Iterator<Item = Privilege> {
        let held = move |privilege: &Privilege| self.contains(*privilege);
        Privilege::ALL.iter().copied().filter(held)
    }

    #[expect(
        clippy::as_conversions,
        reason = "the number of a variant without fields, of which there are fewer than 64"
    )]
    const fn bit(privilege: Privilege) -> u64 {
        1 << (privilege as u8)
    }
}

impl FromIterator<Privilege> for Privileges {
    fn from_iter<I: IntoIterator<Item = Privilege>>(privileges: I) -> Self {
        let add = |set: u64, privilege| set | Self::bit(privilege);
        Self(privileges.into_iter().fold(0, add))
    }
}

impl fmt::Debug for Privileges {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_holds_what_the_one_below_holds() {
        let roles = [Role::User, Role::Moderator, Role::Admin, Role::Owner];
        for pair in roles.windows(2) {
            let (lower, higher) = (Privileges::of_role(pair[0]), Privileges::of_role(pair[1]));
            assert!(higher.covers(lower) && !lower.covers(higher), "{pair:?}");
        }
        assert_eq!(Privileges::of_role(Role::Owner), Privileges::all());
        assert!(!Privileges::of_role(Role::Admin).contains(Privilege::ManageServerPrivileges));
    }

    #[test]
    fn texts_read_back_as_json_writes_them() {
        for privilege in Privilege::ALL {
            assert_eq!(privilege.as_str().parse(), Ok(*privilege));
            let json = serde_json::to_value(privilege).unwrap();
            assert_eq!(json, privilege.as_str());
        }
        assert!("root".parse::<Privilege>().is_err());
        assert!(Privilege::ALL.len() <= 64);
    }
}
