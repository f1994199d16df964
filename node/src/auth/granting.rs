//! Sessions of applications: opened for what a member agreed to, kept going, looked up.

use federation_core::store::sql::Connection;

use super::Auth;
use super::caller::Caller;
use super::clients::{self, NewClient, SessionKind};
use super::error::AuthError;
use super::model::{OpaqueToken, hash_of};
use super::rotation::{Holder, rotate};
use super::store;
use crate::base::ids::{ApplicationId, SessionId, UserId};
use crate::base::scope::Scopes;
use crate::platform::ctx::Ctx;

/// What a member gave to an application.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// Who gave it.
    pub user: UserId,
    /// To which application.
    pub application: ApplicationId,
    /// What the list of sessions calls it.
    pub name: &'a str,
    /// What it may do.
    pub scopes: Scopes,
}

/// The tokens of an application.
#[derive(Clone)]
pub struct Granted {
    /// For `Authorization: Bearer`.
    pub access_token: String,
    /// Gets the next pair, once.
    pub refresh_token: String,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    /// What the access token may do.
    pub scopes: Scopes,
}

impl std::fmt::Debug for Granted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Granted")
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// Opens the session of a grant; answers which sessions had to end for it, to be told the gate.
///
/// # Errors
/// The member may no longer act, or the database failed.
pub fn open(
    connection: &mut Connection,
    ctx: &Ctx,
    auth: &Auth,
    grant: &Grant<'_>,
    refresh: &OpaqueToken,
) -> Result<(SessionId, Granted, Vec<SessionId>), AuthError> {
    let now = ctx.now();
    let kind = SessionKind::Application(grant.application);
    let new = NewClient {
        user: grant.user,
        kind,
        scopes: grant.scopes,
        label: grant.name,
        expires_at: now.plus(ctx.config().auth.session_lifetime()),
    };
    let session = clients::insert(connection, &new, now)?;
    store::insert_refresh(connection, session, refresh, now)?;
    store::live_session(connection, session, now)?.ok_or(AuthError::Suspended)?;
    let keep = usize::try_from(ctx.config().limits.sessions_per_user).unwrap_or(usize::MAX);
    let live = clients::live_of_kind(connection, grant.user, kind, now)?;
    let ended: Vec<SessionId> = live.into_iter().skip(keep).collect();
    for old in &ended {
        store::revoke(connection, grant.user, *old, now)?;
    }
    let client = Some((grant.application, grant.scopes));
    let access_token = auth.tokens.issue(grant.user, session, client, now)?;
    let granted = Granted {
        access_token,
        refresh_token: refresh.expose().to_owned(),
        expires_in: auth.tokens.lifetime().as_secs(),
        scopes: grant.scopes,
    };
    Ok((session, granted, ended))
}

/// Gives an application its next pair of tokens; `narrowed` asks for fewer scopes this time.
///
/// # Errors
/// The token is not good for this application, or `narrowed` is not narrower.
pub async fn refresh(
    ctx: &Ctx,
    auth: &Auth,
    sent: &str,
    (application, narrowed): (ApplicationId, Option<Scopes>),
    caller: Caller,
) -> Result<Granted, AuthError> {
    let holder = Holder::Application(application, narrowed);
    let next = rotate(ctx, auth, sent, caller, holder).await?;
    Ok(Granted {
        access_token: next.access_token,
        refresh_token: next.refresh.expose().to_owned(),
        expires_in: auth.tokens.lifetime().as_secs(),
        scopes: next.scopes,
    })
}

/// A refresh token of an application, as it is stored.
#[derive(Clone, Copy, Debug)]
pub struct RefreshOf {
    /// The member who gave it.
    pub user: UserId,
    /// Its session.
    pub session: SessionId,
    /// The application; none for a sign-in of the member.
    pub application: Option<ApplicationId>,
    /// What the session may do.
    pub scopes: Scopes,
    /// Whether it would give tokens.
    pub is_good: bool,
}

/// The refresh token that a client sent, as it is stored.
///
/// # Errors
/// The database failed.
pub async fn find_refresh(ctx: &Ctx, sent: &str) -> Result<Option<RefreshOf>, AuthError> {
    let (hash, now) = (hash_of(sent), ctx.now());
    let find = move |connection: &mut Connection| {
        Ok::<_, AuthError>(store::refresh_by_hash(connection, &hash, now)?)
    };
    let found = ctx.db().read(find).await?;
    Ok(found.map(|stored| RefreshOf {
        user: stored.user,
        session: stored.session,
        application: stored.application,
        scopes: stored.scopes,
        is_good: stored.is_live && stored.used_at.is_none(),
    }))
}

/// Ends sessions of a member; those that ended before are no fault.
///
/// # Errors
/// The database failed.
pub async fn end(
    ctx: &Ctx,
    auth: &Auth,
    user: UserId,
    sessions: &[SessionId],
) -> Result<(), AuthError> {
    let (now, ended) = (ctx.now(), sessions.to_vec());
    let end = move |connection: &mut Connection| {
        for session in &ended {
            store::revoke(connection, user, *session, now)?;
        }
        Ok::<_, AuthError>(())
    };
    ctx.db().write(end).await?;
    auth.gate.revoked(sessions);
    Ok(())
}
