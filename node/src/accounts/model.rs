//! What a person is, and which names and texts are allowed.

use std::fmt;
use std::str::FromStr;

use diesel::prelude::*;
use federation_core::Timestamp;
use url::Url;

use super::contact::DirectMessages;
use super::error::AccountError;
use super::presence::Presence;
use super::profile::{Change, Changes, Profile};
use crate::base::ids::UserId;
use crate::base::names::look_alike;
use crate::base::role::Role;
use crate::config::Origin;
use crate::platform::db::schema::users;

/// Characters in a display name at most.
pub const MAX_DISPLAY_NAME: usize = 80;
/// Characters in a biography at most.
pub const MAX_BIO: usize = 2000;
/// Characters in a user name of this node at most.
const MAX_USERNAME: usize = 30;
/// Names that stand for a role or a mechanism, so that nobody passes for it (RFC 2142).
const RESERVED: &[&str] = &[
    "abuse",
    "actor",
    "all",
    "everyone",
    "folkmoot",
    "here",
    "hostmaster",
    "inbox",
    "instance",
    "me",
    "node",
    "noc",
    "outbox",
    "postmaster",
    "security",
    "system",
    "webmaster",
];
/// Characters in an e-mail address at most (RFC 5321 s4.5.3.1.3).
const MAX_EMAIL: usize = 254;

/// A person, of this node or another.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct User {
    /// The id on this node.
    pub id: UserId,
    /// The part of the handle before the domain.
    pub username: String,
    /// The domain of the handle; `None` for people of this node.
    pub domain: Option<String>,
    /// The id of the actor.
    pub actor_uri: String,
    /// The name shown to people; may be empty.
    pub display_name: String,
    /// What they say about themselves, as text.
    pub bio: String,
    /// The e-mail address, of people of this node alone.
    pub email: Option<String>,
    /// What they may do on this node.
    pub role: Role,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Milliseconds since the Unix epoch.
    pub updated_at: i64,
    /// Since when they may not act, in milliseconds since the Unix epoch.
    pub suspended_at: Option<i64>,
    /// Since when they are gone, in milliseconds since the Unix epoch.
    pub deleted_at: Option<i64>,
    /// What else they show of themselves.
    pub profile: Profile,
    /// Whether they are there, as they chose.
    pub presence: Presence,
    /// Why they may not act.
    pub suspension_reason: Option<String>,
    /// Who may begin a conversation with them; said by people of this node alone.
    pub direct_messages: DirectMessages,
}

impl User {
    /// Whether this node holds the account.
    pub fn is_local(&self) -> bool {
        self.domain.is_none()
    }

    /// Whether they may act: neither suspended nor gone.
    pub fn is_active(&self) -> bool {
        self.suspended_at.is_none() && self.deleted_at.is_none()
    }

    /// The handle `@name@domain`.
    pub fn handle(&self, origin: &Origin) -> String {
        let domain = self.domain.as_deref().unwrap_or_else(|| origin.authority());
        format!("@{}@{domain}", self.username)
    }
}

/// The name of an account of this node: lower case, safe in handles and paths.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Username(String);

impl Username {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name stands for a role or a mechanism, or looks like one that does, and is given
    /// to nobody.
    pub fn is_reserved(&self) -> bool {
        RESERVED.iter().any(|name| look_alike(name, self.as_str()))
    }

    /// The id of the actor of this name at `origin`.
    pub fn actor_uri(&self, origin: &Origin) -> Url {
        origin.join(&format!("/users/{self}"))
    }
}

impl FromStr for Username {
    type Err = AccountError;

    /// Reads a name in any case, with or without a leading `@`.
    fn from_str(text: &str) -> Result<Self, AccountError> {
        let name = text.strip_prefix('@').unwrap_or(text).to_ascii_lowercase();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let fits = (1..=MAX_USERNAME).contains(&name.len()) && name.bytes().all(allowed);
        if fits && !name.starts_with('_') && !name.ends_with('_') {
            Ok(Self(name))
        } else {
            Err(AccountError::InvalidUsername)
        }
    }
}

impl fmt::Display for Username {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What a member changes about themselves; `None` leaves as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileChange {
    /// The name shown to people.
    pub display_name: Option<String>,
    /// What they say about themselves.
    pub bio: Option<String>,
    /// The e-mail address.
    pub email: Change<String>,
    /// What else they show.
    pub profile: Changes,
    /// Who may begin a conversation with them.
    pub direct_messages: Option<DirectMessages>,
}

impl ProfileChange {
    /// Holds the new values against their rules.
    ///
    /// # Errors
    /// Names the first that breaks its rule.
    pub fn check(&self, now: Timestamp) -> Result<(), AccountError> {
        check_text(
            "display_name",
            self.display_name.as_deref(),
            MAX_DISPLAY_NAME,
            false,
        )?;
        check_text("bio", self.bio.as_deref(), MAX_BIO, true)?;
        self.email
            .value()
            .map_or(Ok(()), |email| check_email(email))?;
        self.profile.check(now)
    }

    /// Whether others see something else afterwards.
    pub fn is_shown(&self) -> bool {
        self.display_name.is_some() || self.bio.is_some() || !self.profile.is_empty()
    }
}

pub(super) fn check_text(
    field: &'static str,
    text: Option<&str>,
    limit: usize,
    lines: bool,
) -> Result<(), AccountError> {
    let bad = |letter: char| letter.is_control() && !(lines && matches!(letter, '\n' | '\t'));
    match text {
        Some(text) if text.chars().count() > limit || text.chars().any(bad) => {
            Err(AccountError::InvalidText { field, limit })
        }
        _ => Ok(()),
    }
}

/// Holds an e-mail address against what every address has; only a message sent proves more.
///
/// # Errors
/// It has no `@` with something on both sides, or holds spaces or control characters.
pub fn check_email(email: &str) -> Result<(), AccountError> {
    let bad = |letter: char| letter.is_control() || letter.is_whitespace();
    match email.rsplit_once('@') {
        Some((name, domain))
            if !name.is_empty()
                && !domain.is_empty()
                && email.len() <= MAX_EMAIL
                && !email.chars().any(bad) =>
        {
            Ok(())
        }
        _ => Err(AccountError::InvalidEmail),
    }
}

/// What is known of a person of another node, as their actor says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemotePerson {
    /// The id of the actor.
    pub actor_uri: Url,
    /// The part of the handle before the domain.
    pub username: String,
    /// The domain of the handle.
    pub domain: String,
    /// The name shown to people; may be empty.
    pub display_name: String,
    /// What they say about themselves, as text.
    pub bio: String,
    /// What else they show of themselves.
    pub profile: Profile,
}

/// What searches compare: `name` or `name@domain`, in lower case.
pub(super) fn search_key(username: &str, domain: Option<&str>) -> String {
    match domain {
        Some(domain) => format!("{username}@{domain}").to_lowercase(),
        None => username.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_in_handles_and_paths() {
        assert_eq!("@Alice_2".parse::<Username>().unwrap().as_str(), "alice_2");
        for wrong in [
            "",
            "_a",
            "a_",
            "a b",
            "a/b",
            "a.b",
            "ä",
            "a\0",
            &"a".repeat(31),
        ] {
            assert!(wrong.parse::<Username>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn names_of_mechanisms_are_reserved() {
        let reserved = |name: &str| name.parse::<Username>().unwrap().is_reserved();
        assert!(reserved("Everyone"));
        assert!(reserved("p0strnaster"));
        assert!(!reserved("alice"));
        assert!(RESERVED.iter().all(|name| reserved(name)));
    }

    #[test]
    fn texts_are_bounded() {
        let now = Timestamp::from_millis(0);
        let name = |name: &str| ProfileChange {
            display_name: Some(name.to_owned()),
            ..ProfileChange::default()
        };
        assert!(name("Alice 🦀").check(now).is_ok());
        assert!(name("two\nlines").check(now).is_err());
        assert!(name(&"x".repeat(MAX_DISPLAY_NAME + 1)).check(now).is_err());
        assert!(check_email("alice@example.org").is_ok());
        assert!(check_email("alice").is_err());
        assert!(check_email("a b@example.org").is_err());
    }
}
