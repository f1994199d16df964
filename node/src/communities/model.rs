//! What a community and its roles are, and which texts are allowed; no IO.

use std::fmt;
use std::str::FromStr;

use diesel::prelude::*;

use super::error::CommunityError;
use crate::base::ids::{CommunityId, CommunityRoleId, UserId};
use crate::base::permission::Permissions;
use crate::base::role::Role;
use crate::base::words::words;
use crate::config::Origin;
use crate::platform::db::schema::{communities, community_roles};

/// Characters in the name of a community, channel or role at most.
pub const MAX_NAME: usize = 80;
/// Characters in a description or topic at most.
pub const MAX_DESCRIPTION: usize = 1000;
/// Characters in the reason of a ban or kick at most.
pub const MAX_REASON: usize = 500;
/// Roles of one community at most (I11).
pub const MAX_ROLES: i64 = 250;
/// Communities that one member owns at most (I11).
pub const MAX_OWNED: i64 = 100;
/// Communities that one member is in at most (I11).
pub const MAX_JOINED: i64 = 200;

words! {
    /// Who finds a community, and who may join it.
    pub enum Visibility {
        /// Listed; everybody of this node may join.
        Public = "public",
        /// Not listed; everybody of this node who knows its address may join.
        Unlisted = "unlisted",
        /// For those who are invited.
        Private = "private",
    }
}

/// A community.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = communities)]
pub struct Community {
    /// The id.
    pub id: CommunityId,
    /// The last part of its address.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// Who finds it and who may join.
    pub visibility: Visibility,
    /// Whose it is; the default one may be nobody's, so that the owners of the node hold it.
    pub owner_id: Option<UserId>,
    /// Whether every account of this node belongs to it.
    pub is_default: bool,
    /// The id of its actor.
    pub actor_uri: String,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Milliseconds since the Unix epoch.
    pub updated_at: i64,
}

impl Community {
    /// Whether it stands for a community of another node, which alone shapes it: its slug is one
    /// that no community of this node can have ([`mirror_slug`]).
    pub fn is_mirror(&self) -> bool {
        self.slug.contains('@')
    }
}

/// The slug of what stands for a community of another node.
pub fn mirror_slug(id: CommunityId, host: &str) -> String {
    format!("{id}@{host}")
}

/// The id of the actor that a community of this node is; so a slug is chosen once.
pub fn actor_of(origin: &Origin, slug: &Slug) -> String {
    format!("{}/communities/{slug}", origin.as_str())
}

/// A role of a community.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = community_roles, treat_none_as_null = true)]
pub struct CommunityRole {
    /// The id.
    pub id: CommunityRoleId,
    /// Of which community.
    pub community_id: CommunityId,
    /// Its name.
    pub name: String,
    /// `#rrggbb`.
    pub colour: Option<String>,
    /// Higher ones are above lower ones; 0 is everyone's.
    pub position: i32,
    /// What it holds.
    pub permissions: Permissions,
    /// Whether every member has it.
    pub is_everyone: bool,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Milliseconds since the Unix epoch.
    pub updated_at: i64,
}

/// How high somebody stands in a community: who acts on others has to stand higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// By the highest of their roles; 0 without any.
    Role(i32),
    /// One of those who run the node, by a built-in role: above every role of the community.
    Staff(Role),
    /// The owner of the community.
    Owner,
    /// An owner of the node.
    Node,
}

/// The last part of the address of a community.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slug(String);

impl Slug {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = CommunityError;

    fn from_str(text: &str) -> Result<Self, CommunityError> {
        let allowed = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        let fits = (2..=32).contains(&text.len())
            && text.chars().all(|letter| allowed(letter) || letter == '-')
            && text.starts_with(allowed)
            && text.ends_with(allowed);
        if !fits {
            return Err(CommunityError::InvalidSlug);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A name of one line, without blanks around it.
///
/// # Errors
/// It is empty, too long, or holds control characters.
pub fn name(text: &str) -> Result<String, CommunityError> {
    let text = text.trim();
    let fits = (1..=MAX_NAME).contains(&text.chars().count());
    if !fits || text.chars().any(char::is_control) {
        return Err(CommunityError::InvalidText(
            "A name has 1 to 80 characters and no control characters.",
        ));
    }
    Ok(text.to_owned())
}

/// A description, topic or the like; it may be empty and have several lines.
///
/// # Errors
/// It is too long, or holds U+0000.
pub fn description(text: &str) -> Result<String, CommunityError> {
    if text.chars().count() > MAX_DESCRIPTION || text.contains('\0') {
        return Err(CommunityError::InvalidText(
            "A description has at most 1000 characters and no U+0000.",
        ));
    }
    Ok(text.trim().to_owned())
}

/// Why somebody is removed; it may be empty.
///
/// # Errors
/// It is too long, or holds control characters.
pub fn reason(text: &str) -> Result<String, CommunityError> {
    if text.chars().count() > MAX_REASON || text.chars().any(char::is_control) {
        return Err(CommunityError::InvalidText(
            "A reason has at most 500 characters and no control characters.",
        ));
    }
    Ok(text.trim().to_owned())
}

/// A colour, in lower case.
///
/// # Errors
/// It is not `#rrggbb`.
pub fn colour(text: &str) -> Result<String, CommunityError> {
    let digits = text
        .strip_prefix('#')
        .ok_or(CommunityError::InvalidColour)?;
    if digits.len() != 6 || !digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(CommunityError::InvalidColour);
    }
    Ok(text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_addresses() {
        for good in ["ab", "a1", "main", "rust-users", "2026"] {
            assert!(good.parse::<Slug>().is_ok(), "{good}");
        }
        let long = "x".repeat(33);
        for bad in [
            "",
            "a",
            "-ab",
            "ab-",
            "Main",
            "a b",
            "ä-ä",
            "a/b",
            long.as_str(),
        ] {
            assert!(bad.parse::<Slug>().is_err(), "{bad}");
        }
    }

    #[test]
    fn texts_are_bounded() {
        assert_eq!(name("  a b ").unwrap(), "a b");
        assert!(name(" \t ").is_err() && name("a\u{7}").is_err() && name(&"x".repeat(81)).is_err());
        assert!(description("").is_ok() && description(&"x".repeat(1001)).is_err());
        assert_eq!(colour("#FFaa00").unwrap(), "#ffaa00");
        for bad in ["", "ffaa00", "#fa0", "#gggggg", "#ffaa001"] {
            assert!(colour(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ranks_are_in_order() {
        let ranks = [
            Rank::Role(0),
            Rank::Role(9),
            Rank::Staff(Role::Moderator),
            Rank::Staff(Role::Admin),
            Rank::Owner,
            Rank::Node,
        ];
        assert!(ranks.windows(2).all(|pair| pair[0] < pair[1]));
    }
    #[test]
    fn visibilities_read_back_as_json_writes_them() {
        for visibility in [
            Visibility::Public,
            Visibility::Unlisted,
            Visibility::Private,
        ] {
            assert_eq!(visibility.as_str().parse(), Ok(visibility));
            let json = serde_json::to_value(visibility).unwrap();
            assert_eq!(json, visibility.as_str());
        }
    }
}
