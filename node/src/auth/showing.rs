//! A member shows all that a sign-in takes, for something else than a session of their own.

use federation_core::store::sql::Connection;
use http::StatusCode;

use super::Auth;
use super::actions::prove;
use super::attempts::Attempt;
use super::caller::Caller;
use super::credentials;
use super::error::{AuthError, OTP_REQUIRED};
use super::reset::notes::{self, Change};
use super::totp::{self, SecondFactor};
use super::wire::Login;
use crate::accounts::model::{User, Username};
use crate::config::Secret;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;

/// The member behind name, password and second factor; wrong ones slow down, as at a sign-in.
///
/// # Errors
/// As at a sign-in.
pub async fn show_all(
    ctx: &Ctx,
    auth: &Auth,
    shown: &Login,
    caller: Caller,
) -> Result<User, ApiError> {
    let name = shown.username.parse::<Username>().ok();
    let attempt = Attempt::at_name(ctx, name.as_ref(), &caller).await?;
    let outcome = match prove(ctx, auth, name, shown.password.clone()).await {
        Ok(proven) => factor(ctx, proven, (attempt.clone(), shown.otp.clone()), caller).await,
        Err(error) => Err(error.into()),
    };
    match &outcome {
        Ok(_) => {}
        Err(error)
            if error.status() == StatusCode::UNAUTHORIZED && error.code() != OTP_REQUIRED =>
        {
            attempt.failed(ctx).await?;
        }
        Err(_) => attempt.take_back(ctx).await?,
    }
    outcome
}

async fn factor(
    ctx: &Ctx,
    (user, hash): (User, String),
    (attempt, otp): (Attempt, Option<Secret<String>>),
    caller: Caller,
) -> Result<User, ApiError> {
    let (shared, id) = (ctx.clone(), user.id);
    let check = move |connection: &mut Connection| {
        let now = shared.now();
        attempt.clear(connection)?;
        if credentials::hash_of(connection, id)?.as_ref() != Some(&hash) {
            return Err(AuthError::WrongCredentials.into());
        }
        let sent = otp.as_ref().map(|otp| otp.expose().as_str());
        let factor = totp::check(connection, shared.keyring(), id, sent, now)?;
        if factor == SecondFactor::RecoveryCode {
            caller.record(connection, id, "recovery_code.use", now)?;
            notes::tell(&shared, connection, id, Change::RecoveryCodeUsed, now)?;
        }
        Ok::<_, ApiError>(())
    };
    ctx.db().write(check).await?;
    Ok(user)
}
