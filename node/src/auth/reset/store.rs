//! All SQL on `mail_codes`, `confirmed_emails` and `reset_requests`.

use std::time::Duration;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::accounts::model::{User, Username};
use crate::accounts::store as accounts;
use crate::auth::error::AuthError;
use crate::auth::model::{OpaqueToken, hash_of};
use crate::base::ids::{ResetRequestId, UserId};
use crate::platform::db::schema::{confirmed_emails, mail_codes, reset_requests, users};

/// What a code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A new password.
    Reset,
    /// Proof of an address.
    Confirm,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Confirm => "confirm",
        }
    }

    /// How long a code is good.
    const fn lifetime(self) -> Duration {
        match self {
            Self::Reset => Duration::from_hours(1),
            Self::Confirm => Duration::from_hours(24),
        }
    }
}

/// A code that was given out, with the address it was sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) user: UserId,
    /// In lower case; empty for one that the operator hands over.
    pub(super) email: String,
}

/// How a code for a new password comes to its member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handed<'a> {
    /// By mail to this address: worth nothing once the address is another.
    ByMail(&'a str),
    /// By the operator.
    InPerson,
}

/// Makes a code for a new password of a member; it is good once, for an hour.
///
/// # Errors
/// The database failed, or the system has no random bytes.
pub fn issue(
    connection: &mut Connection,
    user: UserId,
    handed: Handed<'_>,
    now: Timestamp,
) -> Result<OpaqueToken, AuthError> {
    let email = match handed {
        Handed::ByMail(email) => email,
        Handed::InPerson => "",
    };
    insert_code(connection, user, Purpose::Reset, email, now)
}

/// Makes a code.
pub(super) fn insert_code(
    connection: &mut Connection,
    user: UserId,
    purpose: Purpose,
    email: &str,
    now: Timestamp,
) -> Result<OpaqueToken, AuthError> {
    let code = OpaqueToken::generate()?;
    diesel::insert_into(mail_codes::table)
        .values((
            mail_codes::code_hash.eq(code.hash()),
            mail_codes::user_id.eq(user),
            mail_codes::purpose.eq(purpose.as_str()),
            mail_codes::email.eq(email.to_lowercase()),
            mail_codes::created_at.eq(now.as_millis()),
            mail_codes::expires_at.eq(now.plus(purpose.lifetime()).as_millis()),
        ))
        .execute(connection)?;
    Ok(code)
}

/// The code behind `sent` while it is good.
pub(super) fn good_code(
    connection: &mut Connection,
    purpose: Purpose,
    sent: &str,
    now: Timestamp,
) -> Result<Option<Code>, DatabaseError> {
    let row = mail_codes::table
        .find(hash_of(sent))
        .filter(mail_codes::purpose.eq(purpose.as_str()))
        .filter(mail_codes::used_at.is_null())
        .filter(mail_codes::expires_at.gt(now.as_millis()))
        .select((mail_codes::user_id, mail_codes::email));
    let row: Option<(UserId, String)> = row.first(connection).optional()?;
    Ok(row.map(|(user, email)| Code { user, email }))
}

/// Uses up the code behind `sent`; `None` when it is not good, or no longer.
pub(super) fn use_code(
    connection: &mut Connection,
    purpose: Purpose,
    sent: &str,
    now: Timestamp,
) -> Result<Option<Code>, DatabaseError> {
    let Some(code) = good_code(connection, purpose, sent, now)? else {
        return Ok(None);
    };
    let unused = mail_codes::table
        .find(hash_of(sent))
        .filter(mail_codes::used_at.is_null());
    let changed = diesel::update(unused)
        .set(mail_codes::used_at.eq(Some(now.as_millis())))
        .execute(connection)?;
    Ok((changed == 1).then_some(code))
}

/// Makes all codes of a member for this purpose worthless.
pub(super) fn spend_codes(
    connection: &mut Connection,
    user: UserId,
    purpose: Purpose,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let unused = mail_codes::table
        .filter(mail_codes::user_id.eq(user))
        .filter(mail_codes::purpose.eq(purpose.as_str()))
        .filter(mail_codes::used_at.is_null());
    diesel::update(unused)
        .set(mail_codes::used_at.eq(Some(now.as_millis())))
        .execute(connection)?;
    Ok(())
}

/// How many codes a member was sent for this purpose since a moment.
pub(super) fn sent_since(
    connection: &mut Connection,
    user: UserId,
    purpose: Purpose,
    since: Timestamp,
) -> Result<i64, DatabaseError> {
    let rows = mail_codes::table
        .filter(mail_codes::user_id.eq(user))
        .filter(mail_codes::purpose.eq(purpose.as_str()))
        .filter(mail_codes::created_at.gt(since.as_millis()));
    Ok(rows.count().get_result(connection)?)
}

/// Notes that an address is its member's.
pub(super) fn confirm_email(
    connection: &mut Connection,
    user: UserId,
    email: &str,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let row = (
        confirmed_emails::user_id.eq(user),
        confirmed_emails::email.eq(email),
        confirmed_emails::confirmed_at.eq(now.as_millis()),
    );
    each_backend!(connection, c => diesel::insert_into(confirmed_emails::table)
        .values(row)
        .on_conflict(confirmed_emails::user_id)
        .do_update()
        .set((
            confirmed_emails::email.eq(email),
            confirmed_emails::confirmed_at.eq(now.as_millis()),
        ))
        .execute(c))?;
    Ok(())
}

/// The address of a member if they proved that it is theirs.
pub(super) fn confirmed_email(
    connection: &mut Connection,
    user: &User,
) -> Result<Option<String>, DatabaseError> {
    let row = confirmed_emails::table
        .find(user.id)
        .select(confirmed_emails::email);
    let proved: Option<String> = row.first(connection).optional()?;
    let is_present = |proved: &String| {
        let present = user.email.as_deref().map(str::to_lowercase);
        present.as_ref() == Some(proved)
    };
    Ok(proved.filter(is_present))
}

/// The members whose proved address this is, at most five.
pub(super) fn by_email(
    connection: &mut Connection,
    email: &str,
) -> Result<Vec<User>, DatabaseError> {
    let rows = confirmed_emails::table
        .inner_join(users::table)
        .filter(confirmed_emails::email.eq(email.to_lowercase()))
        .order(users::id)
        .limit(5)
        .select(User::as_select());
    Ok(rows.load(connection)?)
}

/// The members that a request for a new password is about.
pub(super) fn meant(connection: &mut Connection, text: &str) -> Result<Vec<User>, DatabaseError> {
    match text.parse::<Username>() {
        Ok(username) => {
            let user = accounts::local_by_username(connection, &username)?;
            Ok(user.into_iter().collect())
        }
        Err(_an_address) => by_email(connection, text),
    }
}

/// Stores a request for a new password, to be looked at later.
pub(super) fn insert_request(
    connection: &mut Connection,
    text: &str,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    diesel::insert_into(reset_requests::table)
        .values((
            reset_requests::id.eq(ResetRequestId::new(now)),
            reset_requests::username_or_email.eq(text),
            reset_requests::created_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Whether a request waits.
pub(super) fn has_request(connection: &mut Connection) -> Result<bool, DatabaseError> {
    let any = reset_requests::table.select(reset_requests::id);
    Ok(any
        .first::<ResetRequestId>(connection)
        .optional()?
        .is_some())
}

/// Takes requests out of the table, oldest first, at most `limit`.
pub(super) fn take_requests(
    connection: &mut Connection,
    limit: i64,
) -> Result<Vec<String>, DatabaseError> {
    let rows = reset_requests::table
        .order(reset_requests::id)
        .limit(limit)
        .select((reset_requests::id, reset_requests::username_or_email));
    let rows: Vec<(ResetRequestId, String)> = rows.load(connection)?;
    let mut taken = Vec::new();
    for (id, text) in rows {
        // Another process may have been first.
        if diesel::delete(reset_requests::table.find(id)).execute(connection)? == 1 {
            taken.push(text);
        }
    }
    Ok(taken)
}

/// Removes codes that expired before a moment, at most `limit`; how many there were.
pub(super) fn prune(
    connection: &mut Connection,
    before: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let old: Vec<Vec<u8>> = mail_codes::table
        .filter(mail_codes::expires_at.lt(before.as_millis()))
        .order(mail_codes::expires_at)
        .limit(limit)
        .select(mail_codes::code_hash)
        .load(connection)?;
    let old = mail_codes::table.filter(mail_codes::code_hash.eq_any(old));
    Ok(diesel::delete(old).execute(connection)?)
}
