//! Who a person of the issuer is here; opens an account for them where the operator wants that.

use federation_core::Timestamp;
use federation_core::store::sql::Connection;
use serde::{Deserialize, Serialize};

use super::error::OidcError;
use super::store;
use super::verify::Verified;
use crate::accounts::error::AccountError;
use crate::accounts::model::{User, Username, check_email};
use crate::accounts::store as accounts;
use crate::auth::caller::Caller;
use crate::auth::error::AuthError;
use crate::auth::joining::open_account;
use crate::base::ids::{ExternalIdentityId, UserId};
use crate::config::OidcClaims;
use crate::platform::ctx::Ctx;

/// Names that are tried for a new account.
const TRIES: u32 = 50;
/// Characters of a name before a number is put behind it.
const MAX_STEM: usize = 24;

/// A person of the issuer, as far as a token tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Person {
    issuer: String,
    pub(super) subject: String,
    name: String,
    email: Option<String>,
}

impl Person {
    /// Reads what a token says of its person.
    pub(super) fn new(issuer: &str, token: &Verified, claims: &OidcClaims) -> Self {
        let email = token.text(&claims.email);
        let email = email.filter(|it| token.is_true("email_verified") && check_email(it).is_ok());
        Self {
            issuer: issuer.to_owned(),
            subject: token.subject.clone(),
            name: token.text(&claims.username).unwrap_or_default().to_owned(),
            email: email.map(str::to_owned),
        }
    }

    /// Who this is here, when they are linked to somebody.
    ///
    /// # Errors
    /// The database failed.
    ///
    /// # Security
    /// Issuer and subject alone tell.
    pub(super) fn find(
        &self,
        connection: &mut Connection,
    ) -> Result<Option<(ExternalIdentityId, User)>, OidcError> {
        let Some(found) = store::by_subject(connection, &self.issuer, &self.subject)? else {
            return Ok(None);
        };
        let user = accounts::by_id(connection, found.user)?.ok_or(OidcError::Unknown)?;
        Ok(Some((found.id, user)))
    }

    /// Opens an account and links this person to it.
    ///
    /// # Errors
    /// See [`open_account`]; or they came to be linked meanwhile.
    ///
    /// # Security
    /// A new account never is one that exists, whatever name or address the issuer says.
    pub(super) fn register(
        &self,
        connection: &mut Connection,
        ctx: &Ctx,
        caller: &Caller,
        accept_terms: Option<&str>,
        now: Timestamp,
    ) -> Result<(ExternalIdentityId, User), OidcError> {
        let user = self.open_account(connection, ctx, accept_terms, now)?;
        self.link(connection, user.id, caller, now)?;
        let made = store::by_subject(connection, &self.issuer, &self.subject)?;
        Ok((made.ok_or(OidcError::AlreadyLinked)?.id, user))
    }

    /// Links this person to an account.
    ///
    /// # Errors
    /// They are linked already.
    pub(super) fn link(
        &self,
        connection: &mut Connection,
        user: UserId,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<(), OidcError> {
        if !store::insert(connection, (&self.issuer, &self.subject), user, now)? {
            return Err(OidcError::AlreadyLinked);
        }
        caller.record(connection, user, "external_identity.link", now)?;
        Ok(())
    }

    fn open_account(
        &self,
        connection: &mut Connection,
        ctx: &Ctx,
        accept_terms: Option<&str>,
        now: Timestamp,
    ) -> Result<User, OidcError> {
        let stem = stem(&self.name);
        for number in 1..=TRIES {
            let name = if number == 1 {
                stem.clone()
            } else {
                format!("{stem}{number}")
            };
            let Ok(name) = name.parse::<Username>() else {
                continue;
            };
            if accounts::local_by_username(connection, &name)?.is_some() {
                continue;
            }
            let values = (&name, self.email.as_deref());
            match open_account(connection, ctx, values, accept_terms, now) {
                Err(AuthError::Account(AccountError::UsernameReserved)) => {}
                other => return Ok(other?),
            }
        }
        Err(AccountError::UsernameTaken.into())
    }
}

/// A name that an account can have, as near to `wanted` as it goes.
fn stem(wanted: &str) -> String {
    let before = wanted.split('@').next().unwrap_or_default();
    let allowed = |letter: char| {
        let letter = letter.to_ascii_lowercase();
        if letter.is_ascii_alphanumeric() {
            letter
        } else {
            '_'
        }
    };
    let name: String = before.chars().map(allowed).take(MAX_STEM).collect();
    let name = name.trim_matches('_');
    if name.is_empty() {
        "member".to_owned()
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_names_that_accounts_can_have() {
        for (wanted, made) in [
            ("Alice", "alice"),
            ("alice@corp.example", "alice"),
            ("a.b-c", "a_b_c"),
            ("../x", "x"),
            ("", "member"),
            ("___", "member"),
            ("Ünïc", "n_c"),
        ] {
            assert_eq!(stem(wanted), made);
            assert!(stem(wanted).parse::<Username>().is_ok());
        }
    }
}
