//! Proving that an address is its member's.

use std::time::Duration;

use federation_core::Timestamp;
use federation_core::store::sql::Connection;

use super::store;
use super::store::Purpose;
use super::texts;
use super::wire::{ConfirmEmail, EmailView};
use crate::accounts::model::User;
use crate::accounts::store as accounts;
use crate::auth::caller::Caller;
use crate::auth::error::AuthError;
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::CurrentUser;
use crate::platform::mail;

/// Messages of one kind that a member gets within [`PERIOD`] at most.
pub(super) const MOST: i64 = 5;
/// The time over which messages are counted.
pub(super) const PERIOD: Duration = Duration::from_hours(24);
/// The time between two messages of one kind at least.
pub(super) const BETWEEN: Duration = Duration::from_mins(1);

/// The member's address, and whether it is proved.
pub(super) async fn show(ctx: &Ctx, me: CurrentUser) -> Result<EmailView, AuthError> {
    ctx.db()
        .read(move |connection| {
            let user = accounts::by_id(connection, me.id)?.ok_or(AuthError::SessionEnded)?;
            let confirmed = store::confirmed_email(connection, &user)?.is_some();
            Ok(EmailView {
                email: user.email,
                confirmed,
            })
        })
        .await
}

/// Sends a code to the address of a member who asks for it.
pub(super) async fn ask(ctx: &Ctx, me: CurrentUser) -> Result<(), AuthError> {
    if !ctx.config().mail.is_on() {
        return Err(AuthError::MailOff);
    }
    let shared = ctx.clone();
    ctx.db()
        .write(move |connection| {
            let now = shared.now();
            let user = accounts::by_id(connection, me.id)?.ok_or(AuthError::SessionEnded)?;
            if user.email.is_none() {
                return Err(AuthError::NoEmail);
            }
            if !may_send(connection, &user, Purpose::Confirm, now)? {
                return Err(AuthError::SlowDown(BETWEEN));
            }
            send_code(&shared, connection, &user, now)
        })
        .await
}

/// Sends a code to the address of a member, if they have one and mail is on.
pub(in crate::auth) fn send_code(
    ctx: &Ctx,
    connection: &mut Connection,
    user: &User,
    now: Timestamp,
) -> Result<(), AuthError> {
    let Some(email) = user.email.as_deref().filter(|_| ctx.config().mail.is_on()) else {
        return Ok(());
    };
    let code = store::insert_code(connection, user.id, Purpose::Confirm, email, now)?;
    let message = texts::confirm(ctx.origin(), &user.username, email, code.expose());
    Ok(mail::enqueue(ctx, connection, &message, now)?)
}

/// Whether a further message of this kind may go to a member now.
pub(super) fn may_send(
    connection: &mut Connection,
    user: &User,
    purpose: Purpose,
    now: Timestamp,
) -> Result<bool, AuthError> {
    let lately = store::sent_since(connection, user.id, purpose, now.minus(BETWEEN))?;
    let today = store::sent_since(connection, user.id, purpose, now.minus(PERIOD))?;
    Ok(lately == 0 && today < MOST)
}

/// Takes a code that came back: the address is the member's, if it is still the one they have.
pub(super) async fn confirm(
    ctx: &Ctx,
    caller: Caller,
    request: ConfirmEmail,
) -> Result<(), AuthError> {
    let shared = ctx.clone();
    ctx.db()
        .write(move |connection| {
            let now = shared.now();
            let sent = request.token.expose();
            let code = store::use_code(connection, Purpose::Confirm, sent, now)?
                .ok_or(AuthError::InvalidMailCode)?;
            let user = accounts::by_id(connection, code.user)?;
            let present = user.filter(User::is_active).and_then(|user| user.email);
            if present.map(|email| email.to_lowercase()).as_ref() != Some(&code.email) {
                return Err(AuthError::InvalidMailCode);
            }
            caller.record(connection, code.user, "email.confirm", now)?;
            Ok(store::confirm_email(
                connection,
                code.user,
                &code.email,
                now,
            )?)
        })
        .await
}
