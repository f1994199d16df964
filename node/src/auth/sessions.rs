//! What members do with their sign-ins: see them, name them, end them.

use federation_core::Timestamp;
use federation_core::store::sql::Connection;
use serde_json::json;

use super::Auth;
use super::caller::Caller;
use super::error::AuthError;
use super::model::{DeviceName, Session};
use super::operations::{self, Operation};
use super::store;
use crate::base::ids::{SessionId, UserId};
use crate::platform::audit::{self, By, Entry};
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::CurrentUser;

/// The sessions of a member that live, newest first.
///
/// # Errors
/// The database failed.
pub async fn list(ctx: &Ctx, user: UserId) -> Result<Vec<Session>, AuthError> {
    let now = ctx.now();
    ctx.db()
        .read(move |connection| Ok(store::list_live(connection, user, now)?))
        .await
}

/// Gives the device of a session a name, or takes it away.
///
/// # Errors
/// The name is refused, or they have no such session.
pub async fn name_device(
    ctx: &Ctx,
    me: CurrentUser,
    session: SessionId,
    name: Option<String>,
) -> Result<Session, AuthError> {
    let name: Option<DeviceName> = name.as_deref().map(str::parse).transpose()?;
    let now = ctx.now();
    ctx.db()
        .write(move |connection| {
            if !store::name_device(connection, me.id, session, name.as_ref(), now)? {
                return Err(AuthError::NoSuchSession);
            }
            let live = store::list_live(connection, me.id, now)?;
            let named = live.into_iter().find(|found| found.id == session);
            named.ok_or(AuthError::NoSuchSession)
        })
        .await
}

/// Ends one session of a member.
///
/// # Errors
/// They have no such session.
pub async fn end_one(
    ctx: &Ctx,
    auth: &Auth,
    me: CurrentUser,
    session: SessionId,
    caller: Caller,
) -> Result<(), AuthError> {
    let now = ctx.now();
    let ended = ctx
        .db()
        .write(move |connection| {
            let ended = store::revoke(connection, me.id, session, now)?;
            if ended {
                record(connection, me, &[session], &caller, now)?;
            }
            Ok::<_, AuthError>(ended)
        })
        .await?;
    if !ended {
        return Err(AuthError::NoSuchSession);
    }
    auth.gate.revoked(&[session]);
    operations::count(Operation::Revoke, None);
    Ok(())
}

/// Ends all sessions of a member but the one they speak by.
///
/// # Errors
/// The database failed.
pub async fn end_others(
    ctx: &Ctx,
    auth: &Auth,
    me: CurrentUser,
    caller: Caller,
) -> Result<(), AuthError> {
    end_but(ctx, auth, me, Some(me.session), caller).await
}

/// Ends all sessions of a member, the one they speak by included.
///
/// # Errors
/// The database failed.
pub async fn end_all(
    ctx: &Ctx,
    auth: &Auth,
    me: CurrentUser,
    caller: Caller,
) -> Result<(), AuthError> {
    end_but(ctx, auth, me, None, caller).await
}

async fn end_but(
    ctx: &Ctx,
    auth: &Auth,
    me: CurrentUser,
    kept: Option<SessionId>,
    caller: Caller,
) -> Result<(), AuthError> {
    let now = ctx.now();
    let ended = ctx
        .db()
        .write(move |connection| {
            let ended = store::revoke_all_but(connection, me.id, kept, now)?;
            record(connection, me, &ended, &caller, now)?;
            Ok::<_, AuthError>(ended)
        })
        .await?;
    auth.gate.revoked(&ended);
    operations::count(Operation::Revoke, None);
    Ok(())
}

/// Records which sessions their member ended.
fn record(
    connection: &mut Connection,
    me: CurrentUser,
    ended: &[SessionId],
    caller: &Caller,
    now: Timestamp,
) -> Result<(), AuthError> {
    let entry = Entry::new(By::User(me.id), "session.end")
        .on("user", &me.id)
        .change(None, Some(json!({"sessions": ended})));
    audit::record(
        connection,
        &entry.asked_by(caller.request, Some(caller.address)),
        now,
    )?;
    Ok(())
}
