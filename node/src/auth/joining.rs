//! What holds for every account that is opened over the network, by whatever means.

use federation_core::Timestamp;
use federation_core::store::sql::Connection;

use super::error::AuthError;
use super::reset::email;
use super::store;
use crate::accounts::error::AccountError;
use crate::accounts::model::{User, Username};
use crate::accounts::store as accounts;
use crate::config::RegistrationConfig;
use crate::platform::ctx::Ctx;

/// The version of the terms of use that is to be kept of a new account; none where there are none.
///
/// # Errors
/// [`AuthError::TermsNotAccepted`] when another version was agreed to, or none.
pub(super) fn agreed(
    rules: &RegistrationConfig,
    sent: Option<&str>,
) -> Result<Option<String>, AuthError> {
    let terms = rules.terms_version.as_deref();
    if terms.is_some() && terms != sent {
        return Err(AuthError::TermsNotAccepted);
    }
    Ok(terms.map(str::to_owned))
}

/// Keeps to which terms a new member agreed, and asks them to prove their address.
///
/// # Errors
/// The database failed.
pub(super) fn welcome(
    connection: &mut Connection,
    ctx: &Ctx,
    user: &User,
    terms: Option<&str>,
    now: Timestamp,
) -> Result<(), AuthError> {
    if let Some(version) = terms {
        store::accept_terms(connection, user.id, version, now)?;
    }
    email::send_code(ctx, connection, user, now)
}

/// Opens an account without a password for somebody whom another issuer vouches for.
///
/// # Errors
/// The terms of use were not agreed to, the name is reserved or taken, or nobody owns this node
/// yet.
///
/// # Security
/// The first account owns the node, so it is never one that an issuer names.
pub fn open_account(
    connection: &mut Connection,
    ctx: &Ctx,
    (username, email): (&Username, Option<&str>),
    accept_terms: Option<&str>,
    now: Timestamp,
) -> Result<User, AuthError> {
    let rules = &ctx.config().registration;
    let terms = agreed(rules, accept_terms)?;
    if !accounts::has_account(connection)? {
        return Err(AuthError::NoOwner);
    }
    if rules.reserves(username.as_str()) {
        return Err(AccountError::UsernameReserved.into());
    }
    let user = accounts::insert_local(connection, username, email, ctx.origin(), now)?;
    welcome(connection, ctx, &user, terms.as_deref(), now)?;
    Ok(user)
}
