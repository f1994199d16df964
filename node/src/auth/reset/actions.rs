//! Changing a password, asking for a new one, and setting it.

use super::email;
use super::notes;
use super::notes::Change;
use super::store;
use super::store::Purpose;
use super::texts;
use super::wire::{ChangePassword, ConfirmReset, RequestReset};
use crate::accounts::model::User;
use crate::accounts::store as accounts;
use crate::auth::Auth;
use crate::auth::attempts;
use crate::auth::caller::Caller;
use crate::auth::credentials;
use crate::auth::error::AuthError;
use crate::auth::proof::Proven;
use crate::auth::store::revoke_all_but;
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::CurrentUser;
use crate::platform::mail;

/// Bytes that a name or an address has at most.
const MAX_TEXT: usize = 254;

/// Sets another password for a member who knows the present one; their other sessions end.
pub(super) async fn change(
    ctx: &Ctx,
    auth: &Auth,
    me: CurrentUser,
    caller: &Caller,
    request: ChangePassword,
) -> Result<(), AuthError> {
    let proven = Proven::password(ctx, auth, me.id, caller, request.old).await?;
    let hash = auth.passwords.hash(request.new).await?;
    let (shared, by) = (ctx.clone(), caller.clone());
    let ended = ctx
        .db()
        .write(move |connection| {
            let now = shared.now();
            proven.hold(connection)?;
            let old = proven.hash();
            if !credentials::change(connection, me.id, old, &hash, now)? {
                return Err(AuthError::WrongPassword);
            }
            store::spend_codes(connection, me.id, Purpose::Reset, now)?;
            by.record(connection, me.id, "password.change", now)?;
            notes::tell(&shared, connection, me.id, Change::Password, now)?;
            let kept = Some(me.session);
            Ok(revoke_all_but(connection, me.id, kept, now)?)
        })
        .await?;
    auth.gate.revoked(&ended);
    Ok(())
}

/// Takes a request for a new password.
///
/// # Security
/// What is done here does not depend on who has an account.
pub(super) async fn request(
    ctx: &Ctx,
    caller: &Caller,
    request: RequestReset,
) -> Result<(), AuthError> {
    let text = request.username_or_email.trim().to_owned();
    let (shared, caller) = (ctx.clone(), caller.clone());
    ctx.db()
        .write(move |connection| {
            let now = shared.now();
            attempts::ask_for_reset(connection, &caller, now)?;
            let is_text = text.len() <= MAX_TEXT && !text.contains(char::is_control);
            if shared.config().mail.is_on() && is_text {
                store::insert_request(connection, &text, now)?;
            }
            Ok(())
        })
        .await
}

/// Sends codes for the requests that wait, at most `limit`; whether there may be more.
pub(super) async fn answer_requests(ctx: &Ctx, limit: i64) -> Result<bool, AuthError> {
    if !ctx
        .db()
        .read(|connection| Ok::<_, AuthError>(store::has_request(connection)?))
        .await?
    {
        return Ok(false);
    }
    let shared = ctx.clone();
    ctx.db()
        .write(move |connection| {
            let now = shared.now();
            let requests = store::take_requests(connection, limit)?;
            for text in &requests {
                for user in store::meant(connection, text)?
                    .iter()
                    .filter(|user| user.is_active())
                {
                    let Some(address) = store::confirmed_email(connection, user)? else {
                        continue;
                    };
                    if email::may_send(connection, user, Purpose::Reset, now)? {
                        let handed = store::Handed::ByMail(&address);
                        let code = store::issue(connection, user.id, handed, now)?;
                        let name = &user.username;
                        let message = texts::reset(shared.origin(), name, &address, code.expose());
                        mail::enqueue(&shared, connection, &message, now)?;
                    }
                }
            }
            Ok(i64::try_from(requests.len()).unwrap_or(limit) == limit)
        })
        .await
}

/// Sets a new password by a code; all sessions end.
pub(super) async fn confirm(
    ctx: &Ctx,
    auth: &Auth,
    caller: Caller,
    request: ConfirmReset,
) -> Result<(), AuthError> {
    let (sent, now) = (request.token, ctx.now());
    let looked_at = sent.clone();
    let is_good = ctx
        .db()
        .read(move |connection| {
            let code = store::good_code(connection, Purpose::Reset, looked_at.expose(), now)?;
            Ok::<_, AuthError>(code.is_some())
        })
        .await?;
    if !is_good {
        return Err(AuthError::InvalidMailCode);
    }
    let hash = auth.passwords.hash(request.new_password).await?;
    let shared = ctx.clone();
    let ended = ctx
        .db()
        .write(move |connection| {
            let now = shared.now();
            let code = store::use_code(connection, Purpose::Reset, sent.expose(), now)?
                .ok_or(AuthError::InvalidMailCode)?;
            let user = accounts::by_id(connection, code.user)?
                .filter(|user| User::is_local(user) && user.deleted_at.is_none())
                .ok_or(AuthError::InvalidMailCode)?;
            // Whoever reads an address that the member gave up gets in no more.
            let address = store::confirmed_email(connection, &user)?;
            if !code.email.is_empty() && address.as_ref() != Some(&code.email) {
                return Err(AuthError::InvalidMailCode);
            }
            credentials::set(connection, user.id, &hash, now)?;
            store::spend_codes(connection, user.id, Purpose::Reset, now)?;
            caller.record(connection, user.id, "password.reset", now)?;
            notes::tell(&shared, connection, user.id, Change::Password, now)?;
            Ok(revoke_all_but(connection, user.id, None, now)?)
        })
        .await?;
    auth.gate.revoked(&ended);
    Ok(())
}
