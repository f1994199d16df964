//! Setting up the second factor and taking it away.

use federation_core::store::sql::Connection;
use url::form_urlencoded::byte_serialize;

use super::code::{DIGITS, STEP, base32, generate};
use super::store;
use super::wire::{Confirm, Enrol, Enrolled, Prove, RecoveryCodes, Status};
use crate::accounts::store as accounts;
use crate::auth::Auth;
use crate::auth::caller::Caller;
use crate::auth::error::AuthError;
use crate::auth::proof::Proven;
use crate::auth::recovery;
use crate::auth::reset::notes;
use crate::auth::reset::notes::Change;
use crate::base::ids::UserId;
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::CurrentUser;

/// Whether the member has a second factor.
pub(super) async fn status(ctx: &Ctx, me: CurrentUser) -> Result<Status, AuthError> {
    ctx.db()
        .read(move |connection| {
            let stored = store::find(connection, me.id)?;
            Ok(Status {
                enabled: stored.is_some_and(|stored| stored.is_confirmed),
                recovery_codes_left: recovery::left(connection, me.id)?,
            })
        })
        .await
}

/// Gives the member a secret for their app; nothing is asked of them before they confirm it.
pub(super) async fn enrol(
    ctx: &Ctx,
    auth: &Auth,
    me: CurrentUser,
    caller: &Caller,
    request: Enrol,
) -> Result<Enrolled, AuthError> {
    let proven = Proven::password(ctx, auth, me.id, caller, request.password).await?;
    let secret = generate()?;
    let shared = ctx.clone();
    ctx.db()
        .write(move |connection| {
            let now = shared.now();
            proven.hold(connection)?;
            if !store::begin(connection, shared.keyring(), me.id, &secret, now)? {
                return Err(AuthError::TotpEnabled);
            }
            let user = accounts::by_id(connection, me.id)?.ok_or(AuthError::SessionEnded)?;
            Ok(enrolled(
                &user.username,
                shared.origin().authority(),
                &secret,
            ))
        })
        .await
}

/// The secret in both forms; <https://github.com/google/google-authenticator/wiki/Key-Uri-Format>.
fn enrolled(username: &str, domain: &str, secret: &[u8]) -> Enrolled {
    let secret = base32(secret);
    let domain: String = byte_serialize(domain.as_bytes()).collect();
    let period = STEP.as_secs();
    Enrolled {
        otpauth_uri: format!(
            "otpauth://totp/{domain}:{username}?secret={secret}&issuer={domain}\
             &algorithm=SHA1&digits={DIGITS}&period={period}"
        ),
        secret,
    }
}

/// Puts the secret into use, once the app shows the right code.
pub(super) async fn confirm(
    ctx: &Ctx,
    me: CurrentUser,
    caller: Caller,
    request: Confirm,
) -> Result<RecoveryCodes, AuthError> {
    let codes = recovery::generate()?;
    let stored = codes.clone();
    let shared = ctx.clone();
    ctx.db()
        .write(move |connection| {
            let now = shared.now();
            let code = request.code.expose();
            store::confirm(connection, shared.keyring(), me.id, code, now)?;
            recovery::replace(connection, me.id, &stored, now)?;
            caller.record(connection, me.id, "totp.enable", now)?;
            notes::tell(&shared, connection, me.id, Change::SecondFactorAdded, now)
        })
        .await?;
    Ok(RecoveryCodes {
        recovery_codes: codes,
    })
}

/// Takes the second factor away.
pub(super) async fn disable(
    ctx: &Ctx,
    auth: &Auth,
    me: CurrentUser,
    caller: &Caller,
    request: Prove,
) -> Result<(), AuthError> {
    let (shared, by) = (ctx.clone(), caller.clone());
    let gone = move |connection: &mut Connection, user: UserId| {
        store::remove(connection, user)?;
        recovery::remove(connection, user)?;
        let now = shared.now();
        by.record(connection, user, "totp.disable", now)?;
        notes::tell(&shared, connection, user, Change::SecondFactorRemoved, now)
    };
    with_both(ctx, auth, me, caller, request, gone).await
}

/// Gives new recovery codes; the earlier ones are good no longer.
pub(super) async fn renew_codes(
    ctx: &Ctx,
    auth: &Auth,
    me: CurrentUser,
    caller: &Caller,
    request: Prove,
) -> Result<RecoveryCodes, AuthError> {
    let codes = recovery::generate()?;
    let (stored, shared, by) = (codes.clone(), ctx.clone(), caller.clone());
    let renew = move |connection: &mut Connection, user: UserId| {
        let now = shared.now();
        recovery::replace(connection, user, &stored, now)?;
        by.record(connection, user, "recovery_codes.renew", now)?;
        notes::tell(&shared, connection, user, Change::RecoveryCodesRenewed, now)
    };
    with_both(ctx, auth, me, caller, request, renew).await?;
    Ok(RecoveryCodes {
        recovery_codes: codes,
    })
}

/// Has `effect` once the member showed password and code.
async fn with_both(
    ctx: &Ctx,
    auth: &Auth,
    me: CurrentUser,
    caller: &Caller,
    request: Prove,
    effect: impl Fn(&mut Connection, UserId) -> Result<(), AuthError> + Send + 'static,
) -> Result<(), AuthError> {
    let proven = Proven::password(ctx, auth, me.id, caller, request.password).await?;
    let attempt = proven.attempt().clone();
    let shared = ctx.clone();
    let outcome = ctx
        .db()
        .write(move |connection| {
            let code = Some(request.code.expose().as_str());
            let factor = store::check(connection, shared.keyring(), me.id, code, shared.now())?;
            if factor == store::SecondFactor::NotAsked {
                return Err(AuthError::TotpNotEnabled);
            }
            proven.hold(connection)?;
            effect(connection, me.id)
        })
        .await;
    match outcome {
        Err(AuthError::WrongOtp) => {
            attempt.failed(ctx).await?;
            Err(AuthError::WrongCode)
        }
        Err(AuthError::TotpNotEnabled) => {
            attempt.take_back(ctx).await?;
            Err(AuthError::TotpNotEnabled)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_what_apps_read() {
        let uri = enrolled("alice", "chat.example:8443", b"12345678901234567890").otpauth_uri;
        assert_eq!(
            uri,
            "otpauth://totp/chat.example%3A8443:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=chat.example%3A8443&algorithm=SHA1&digits=6&period=30"
        );
    }
}
