//! What a mention is; no IO.

use serde::Serialize;

use crate::accounts::model::User;
use crate::base::ids::{CommunityRoleId, UserId};
use crate::base::words::words;

words! {
    /// Who is mentioned.
    pub enum MentionKind {
        /// One person.
        User = "user",
        /// Those who have a role.
        Role = "role",
        /// Everybody in the channel.
        Everyone = "everyone",
        /// Everybody in the channel who is there.
        Here = "here",
    }
}

/// Somebody, or several, whom a message mentions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MentionView {
    /// Who is mentioned.
    pub kind: MentionKind,
    /// The person, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The role, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_id: Option<CommunityRoleId>,
    /// How it is shown.
    pub text: String,
}

impl MentionView {
    /// One person.
    pub(super) fn person(user: &User, text: String) -> Self {
        Self {
            kind: MentionKind::User,
            user_id: Some(user.id),
            role_id: None,
            text,
        }
    }

    /// Those who have this role.
    pub(super) fn role(id: CommunityRoleId, text: String) -> Self {
        Self {
            kind: MentionKind::Role,
            user_id: None,
            role_id: Some(id),
            text,
        }
    }

    /// Everybody, or everybody who is there.
    pub(super) fn mass(kind: MentionKind) -> Self {
        Self {
            kind,
            user_id: None,
            role_id: None,
            text: format!("@{}", kind.as_str()),
        }
    }

    /// Whether both mean the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (self.kind, self.user_id, self.role_id) == (other.kind, other.user_id, other.role_id)
    }
}

/// A role as it is mentioned: its name in lower case, with `-` for whatever is no letter or digit.
pub(super) fn slug(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::{MentionKind, slug};

    #[test]
    fn roles_are_mentioned_by_their_letters() {
        for (name, expected) in [
            ("Moderators", "moderators"),
            (" The  Millers! ", "the-millers"),
            ("Ärzte & Co", "ärzte-co"),
            ("***", ""),
        ] {
            assert_eq!(slug(name), expected);
        }
    }

    #[test]
    fn kinds_read_back_as_json_writes_them() {
        for kind in [
            MentionKind::User,
            MentionKind::Role,
            MentionKind::Everyone,
            MentionKind::Here,
        ] {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
