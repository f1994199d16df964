//! What a role is; no IO.

use std::str::FromStr;

use super::error::RoleError;
use crate::base::ids::RoleId;
use crate::base::privilege::Privileges;
use crate::base::role::Role;

/// Roles that operators make at most (I11).
pub(super) const MAX_ROLES: i64 = 200;
/// Roles of one person at most, the built-in one aside.
pub(super) const MAX_PER_USER: usize = 20;
/// Characters in the name of a role at most.
const MAX_NAME: usize = 40;
/// Characters in its description at most.
const MAX_DESCRIPTION: usize = 400;

/// A role that operators made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CustomRole {
    /// The id.
    pub(super) id: RoleId,
    /// What it is called.
    pub(super) name: String,
    /// What it is for.
    pub(super) description: String,
    /// What it holds.
    pub(super) privileges: Privileges,
    /// Milliseconds since the Unix epoch.
    pub(super) created_at: i64,
    /// Milliseconds since the Unix epoch.
    pub(super) updated_at: i64,
}

/// A role as a path names it: by its id, or one of the built-in ones by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    System(Role),
    Custom(RoleId),
}

impl FromStr for Named {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        if let Ok(role) = text.parse() {
            return Ok(Self::System(role));
        }
        let id = text.parse().map_err(|_not_an_id| RoleError::NotFound)?;
        Ok(Self::Custom(id))
    }
}

/// Every built-in role, lowest first.
pub(super) const SYSTEM: [Role; 4] = [Role::User, Role::Moderator, Role::Admin, Role::Owner];

/// A name that a role may have, without spaces around it.
pub(super) fn name(text: &str) -> Result<String, RoleError> {
    let name = text.trim();
    let length = name.chars().count();
    if !(1..=MAX_NAME).contains(&length) || name.chars().any(char::is_control) {
        return Err(RoleError::InvalidName);
    }
    if name.to_lowercase().parse::<Role>().is_ok() {
        return Err(RoleError::NameTaken);
    }
    Ok(name.to_owned())
}

/// A description that a role may have.
pub(super) fn description(text: &str) -> Result<String, RoleError> {
    let bad = |letter: char| letter.is_control() && letter != '\n';
    if text.chars().count() > MAX_DESCRIPTION || text.chars().any(bad) {
        return Err(RoleError::InvalidDescription);
    }
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_passes_a_role_off_as_a_built_in_one() {
        assert_eq!(name(" Greeters ").unwrap(), "Greeters");
        for wrong in ["", " ", "Owner", "ADMIN", "a\nb", &"x".repeat(41)] {
            assert!(name(wrong).is_err(), "{wrong:?}");
        }
    }
}
