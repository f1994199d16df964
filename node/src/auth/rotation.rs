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
use super::token::TokenClient;
use super::wire::SignedIn;
use crate::accounts::model::User;
use crate::accounts::store as accounts;
use crate::accounts::wire::UserView;
use crate::base::ids::{ApplicationId, SessionId};
use crate::base::scope::Scopes;
use crate::platform::audit::{self, By, Entry};
use crate::platform::ctx::Ctx;

/// For how long after its use a token that comes again may be that of a second tab.
const GRACE: Duration = Duration::from_secs(10);

/// What came of a refresh token.
enum Refreshed {
    Pair(Box<Next>),
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
    let next = rotate(ctx, auth, sent, caller, Holder::FirstParty).await?;
    Ok(SignedIn::new(
        UserView::new(&next.user, ctx.origin()),
        next.access_token,
        next.refresh.expose().to_owned(),
        auth.tokens.lifetime(),
    ))
}

/// Who shows a refresh token.
#[derive(Clone, Copy, Debug)]
pub(super) enum Holder {
    /// A client by which the member signed in.
    FirstParty,
    /// An application, which may ask for fewer scopes this time.
    Application(ApplicationId, Option<Scopes>),
}

impl Holder {
    /// Whether a refresh token was given to this holder.
    fn holds(self, stored: &StoredRefresh) -> bool {
        let holder = match self {
            Self::FirstParty => None,
            Self::Application(id, _) => Some(id),
        };
        stored.application == holder
    }

    /// What the next access token may do, and what it says of its client.
    fn share(self, stored: &StoredRefresh) -> Result<(Scopes, TokenClient), AuthError> {
        match self {
            Self::FirstParty => Ok((stored.scopes, None)),
            Self::Application(id, narrowed) => {
                let scopes = narrowed.unwrap_or(stored.scopes);
                if scopes.is_empty() || !stored.scopes.covers(scopes) {
                    return Err(AuthError::ScopeTooWide);
                }
                Ok((scopes, Some((id, scopes))))
            }
        }
    }
}

/// The pair of tokens after a refresh.
pub(super) struct Next {
    user: User,
    pub(super) access_token: String,
    pub(super) refresh: OpaqueToken,
    pub(super) scopes: Scopes,
}

/// Gives the next pair of tokens to whoever the refresh token was given to.
pub(super) async fn rotate(
    ctx: &Ctx,
    auth: &Auth,
    sent: &str,
    caller: Caller,
    holder: Holder,
) -> Result<Next, AuthError> {
    let next = exchange(ctx, auth, sent, caller, holder).await;
    operations::count(Operation::Refresh, next.as_ref().err());
    next
}

async fn exchange(
    ctx: &Ctx,
    auth: &Auth,
    sent: &str,
    caller: Caller,
    holder: Holder,
) -> Result<Next, AuthError> {
    let hash = hash_of(sent);
    let next = OpaqueToken::generate()?;
    let (shared, tokens) = (ctx.clone(), Arc::clone(&auth.tokens));
    let lifetime = ctx.config().auth.session_lifetime();
    let effect = move |connection: &mut Connection| {
        let now = shared.now();
        let stored = find(connection, &hash, now)?;
        if !holder.holds(&stored) {
            return Err(AuthError::InvalidRefreshToken);
        }
        let (scopes, client) = holder.share(&stored)?;
        if stored.used_at.is_some() || !store::use_refresh(connection, &hash, &next, now)? {
            // Read once more: another process may have been first since.
            let stored = find(connection, &hash, now)?;
            return second_use(connection, &stored, &caller, now);
        }
        store::insert_refresh(connection, stored.session, &next, now)?;
        store::touch_session(connection, stored.session, lifetime, now)?;
        let user = accounts::by_id(connection, stored.user)?.ok_or(AuthError::SessionEnded)?;
        let access_token = tokens.issue(user.id, stored.session, client, now)?;
        Ok::<_, AuthError>(Refreshed::Pair(Box::new(Next {
            user,
            access_token,
            refresh: next.clone(),
            scopes,
        })))
    };
    match ctx.db().write(effect).await? {
        Refreshed::Pair(next) => Ok(*next),
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
        .on("session", &stored.session)
        .change(None, Some(json!({"user": stored.user, "ended": true})));
    audit::record(
        connection,
        &entry.asked_by(caller.request, Some(caller.address)),
        now,
    )?;
    Ok(Refreshed::Reused(stored.session))
}
