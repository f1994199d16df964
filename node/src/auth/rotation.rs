//! Refresh tokens: one use each, and what a second use means
//! (`docs/decisions/0010-refresh-tokens.md`).

use std::sync::Arc;
use std::time::Duration;

use federation_core::Timestamp;
use federation_core::store::sql::Connection;
use serde_json::json;

use super::Auth;
use super::caller::Caller;
use super::error::AuthError;
use super::model::{OpaqueToken, hash_of};
use super::operations::{self, Operation};
use super::store::{self, StoredRefresh};
use super::wire::SignedIn;
use crate::accounts::store as accounts;
use crate::accounts::wire::UserView;
use crate::base::ids::SessionId;
use crate::platform::audit::{self, By, Entry};
use crate::platform::ctx::Ctx;

/// For how long after its use a token that comes again may be that of a second tab.
const GRACE: Duration = Duration::from_secs(10);

/// What came of a refresh token.
enum Refreshed {
    Pair(Box<SignedIn>),
    /// It has just been used, and what was given for it has not.
    Raced,
    /// It had been used before: its session is over.
    Reused(SessionId),
}

/// Gives the next pair of tokens for a refresh token, which is used up by it.
///
/// # Errors
/// The token is unknown, expired or revoked; or another request has just used it.
///
/// # Security
/// A token that comes a second time ends its session: one of its two holders stole it. Only within
/// ten seconds, and while the next token is unused, it may be a client that asked twice; such a
/// client gets no tokens, and the session goes on.
pub async fn refresh(
    ctx: &Ctx,
    auth: &Auth,
    sent: &str,
    caller: Caller,
) -> Result<SignedIn, AuthError> {
    let answer = exchange(ctx, auth, sent, caller).await;
    operations::count(Operation::Refresh, answer.as_ref().err());
    answer
}

async fn exchange(
    ctx: &Ctx,
    auth: &Auth,
    sent: &str,
    caller: Caller,
) -> Result<SignedIn, AuthError> {
    let hash = hash_of(sent);
    let next = OpaqueToken::generate()?;
    let (shared, tokens) = (ctx.clone(), Arc::clone(&auth.tokens));
    let lifetime = ctx.config().auth.session_lifetime();
    let effect = move |connection: &mut Connection| {
        let now = shared.now();
        let stored = find(connection, &hash, now)?;
        if stored.used_at.is_some() || !store::use_refresh(connection, &hash, &next, now)? {
            // Read once more: another process may have been first since.
            let stored = find(connection, &hash, now)?;
            return second_use(connection, &stored, &caller, now);
        }
        store::insert_refresh(connection, stored.session, &next, now)?;
        store::touch_session(connection, stored.session, lifetime, now)?;
        let user = accounts::by_id(connection, stored.user)?.ok_or(AuthError::SessionEnded)?;
        let answer = SignedIn::new(
            UserView::new(&user, shared.origin()),
            tokens.issue(user.id, stored.session, now)?,
            next.expose().to_owned(),
            tokens.lifetime(),
        );
        Ok::<_, AuthError>(Refreshed::Pair(Box::new(answer)))
    };
    match ctx.db().write(effect).await? {
        Refreshed::Pair(answer) => Ok(*answer),
        Refreshed::Raced => Err(AuthError::RefreshRaced),
        Refreshed::Reused(session) => {
            auth.gate.revoked(&[session]);
            tracing::warn!(%session, "a used refresh token came again; its session was ended");
            Err(AuthError::RefreshReused)
        }
    }
}

fn find(
    connection: &mut Connection,
    hash: &[u8],
    now: Timestamp,
) -> Result<StoredRefresh, AuthError> {
    store::refresh_by_hash(connection, hash, now)?
        .filter(|stored| stored.is_live)
        .ok_or(AuthError::InvalidRefreshToken)
}

fn second_use(
    connection: &mut Connection,
    stored: &StoredRefresh,
    caller: &Caller,
    now: Timestamp,
) -> Result<Refreshed, AuthError> {
    let is_recent = |at: Timestamp| now.since(at) < GRACE;
    if stored.used_at.is_some_and(is_recent)
        && let Some(next) = &stored.replaced_by
        && store::is_unused(connection, next)?
    {
        return Ok(Refreshed::Raced);
    }
    store::revoke(connection, stored.user, stored.session, now)?;
    let entry = Entry::new(By::System, "session.reuse")
        .on("session", stored.session)
        .change(None, Some(json!({"user": stored.user, "ended": true})));
    audit::record(
        connection,
        &entry.asked_by(caller.request, Some(caller.address)),
        now,
    )?;
    Ok(Refreshed::Reused(stored.session))
}
