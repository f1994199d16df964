//! What can be done about signing in: one use case, one function, one transaction.

use std::sync::Arc;

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, Database};
use http::StatusCode;

use super::Auth;
use super::error::AuthError;
use super::model::{OpaqueToken, Session, hash_of};
use super::store;
use super::wire::{Login, SignedIn, Signup};
use super::{invites, token};
use crate::accounts::model::{User, Username, check_email};
use crate::accounts::store as accounts;
use crate::accounts::wire::UserView;
use crate::base::ids::{SessionId, UserId};
use crate::config::{Origin, RegistrationMode, Secret};
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::ApiError;
use crate::platform::http::idempotency::{Created, Idempotency};

/// Opens an account over the network and signs its member in.
///
/// # Errors
/// The node takes no accounts, the name is taken, or a value is refused.
pub async fn sign_up(
    ctx: &Ctx,
    auth: &Auth,
    request: Signup,
    user_agent: String,
    idempotency: Idempotency,
) -> Result<Created, ApiError> {
    let mode = ctx.config().registration.mode;
    if mode == RegistrationMode::Closed {
        return Err(AuthError::RegistrationClosed.into());
    }
    let new = NewAccount::check(&request.username, request.email).map_err(ApiError::from)?;
    let hash = auth.passwords.hash(request.password).await?;
    let refresh = OpaqueToken::generate().map_err(AuthError::from)?;
    let (shared, tokens) = (ctx.clone(), Arc::clone(&auth.tokens));
    let effect = move |connection: &mut Connection| {
        let now = shared.now();
        idempotency.once(&shared, connection, "signup", |connection| {
            let user = new.insert(connection, shared.origin(), &hash, now)?;
            if mode == RegistrationMode::Invite {
                let code = request.invite.as_ref().map(Secret::expose);
                invites::redeem(connection, code.map(String::as_str), user.id, now)?;
            }
            let session = store::insert_session(connection, user.id, &user_agent, &refresh, now)?;
            let answer = signed_in(&tokens, &user, session, &refresh, shared.origin(), now)?;
            Ok((StatusCode::CREATED, answer))
        })
    };
    ctx.db().write(effect).await
}

/// A new account whose values are allowed.
struct NewAccount {
    username: Username,
    email: Option<String>,
}

impl NewAccount {
    fn check(username: &str, email: Option<String>) -> Result<Self, AuthError> {
        let username = username.parse()?;
        email.as_deref().map_or(Ok(()), check_email)?;
        Ok(Self { username, email })
    }

    fn insert(
        &self,
        connection: &mut Connection,
        origin: &Origin,
        password_hash: &str,
        now: Timestamp,
    ) -> Result<User, AuthError> {
        let email = self.email.as_deref();
        let user = accounts::insert_local(connection, &self.username, email, origin, now)?;
        store::insert_credentials(connection, user.id, password_hash, now)?;
        Ok(user)
    }
}

/// Opens an account without signing in, whatever the registration mode: for the command line.
///
/// # Errors
/// The name is taken or a value is refused.
pub async fn create_account(
    db: &Database,
    auth: &Auth,
    origin: &Origin,
    (username, password, email): (String, Secret<String>, Option<String>),
    now: Timestamp,
) -> Result<User, AuthError> {
    let new = NewAccount::check(&username, email)?;
    let hash = auth.passwords.hash(password).await?;
    let origin = origin.clone();
    db.write(move |connection| new.insert(connection, &origin, &hash, now))
        .await
}

/// Signs a member in.
///
/// # Errors
/// The name or the password is wrong, without telling which, or the account is suspended.
pub async fn sign_in(
    ctx: &Ctx,
    auth: &Auth,
    request: Login,
    user_agent: String,
    idempotency: Idempotency,
) -> Result<Created, ApiError> {
    let user = prove(ctx, auth, &request).await?;
    let refresh = OpaqueToken::generate().map_err(AuthError::from)?;
    let keep = ctx.config().limits.sessions_per_user;
    let (shared, tokens) = (ctx.clone(), Arc::clone(&auth.tokens));
    let effect = move |connection: &mut Connection| {
        let now = shared.now();
        let mut ended = Vec::new();
        let scope = format!("login/{}", user.id);
        let created = idempotency.once(&shared, connection, &scope, |connection| {
            let session = store::insert_session(connection, user.id, &user_agent, &refresh, now)?;
            ended = store::revoke_beyond(connection, user.id, keep, now)?;
            let answer = signed_in(&tokens, &user, session, &refresh, shared.origin(), now)?;
            Ok((StatusCode::OK, answer))
        })?;
        Ok::<_, ApiError>((created, ended))
    };
    let (created, ended) = ctx.db().write(effect).await?;
    auth.gate.revoked(&ended);
    Ok(created)
}

/// The member with this name, once the password has been checked.
async fn prove(ctx: &Ctx, auth: &Auth, request: &Login) -> Result<User, AuthError> {
    let username = request.username.parse::<Username>().ok();
    let find = move |connection: &mut Connection| -> Result<_, AuthError> {
        let Some(username) = username else {
            return Ok(None);
        };
        let Some(user) = accounts::local_by_username(connection, &username)? else {
            return Ok(None);
        };
        let hash = store::password_hash(connection, user.id)?;
        Ok(hash.map(|hash| (user, hash)))
    };
    let (user, hash) = ctx.db().read(find).await?.unzip();
    let right = auth
        .passwords
        .verify(request.password.clone(), hash)
        .await?;
    let user = user
        .filter(|user| right && user.deleted_at.is_none())
        .ok_or(AuthError::WrongCredentials)?;
    if user.suspended_at.is_some() {
        return Err(AuthError::Suspended);
    }
    Ok(user)
}

/// What came of a refresh token.
enum Refreshed {
    Pair(Box<SignedIn>),
    /// It had been used before: its session is over.
    Reused(SessionId),
}

/// Gives the next pair of tokens for a refresh token, which is used up by it.
///
/// # Errors
/// The token is unknown, expired or revoked.
///
/// # Security
/// A token that comes a second time ends its session: one of its two holders stole it.
pub async fn refresh(ctx: &Ctx, auth: &Auth, sent: &str) -> Result<SignedIn, AuthError> {
    let hash = hash_of(sent);
    let next = OpaqueToken::generate()?;
    let (shared, tokens) = (ctx.clone(), Arc::clone(&auth.tokens));
    let effect = move |connection: &mut Connection| {
        let now = shared.now();
        let stored = store::refresh_by_hash(connection, &hash, now)?
            .filter(|stored| stored.is_live)
            .ok_or(AuthError::InvalidRefreshToken)?;
        if stored.is_used || !store::use_refresh(connection, &hash, now)? {
            store::revoke(connection, stored.user, stored.session, now)?;
            return Ok(Refreshed::Reused(stored.session));
        }
        store::insert_refresh(connection, stored.session, &next, now)?;
        store::touch_session(connection, stored.session, now)?;
        let user = accounts::by_id(connection, stored.user)?.ok_or(AuthError::SessionEnded)?;
        let answer = signed_in(&tokens, &user, stored.session, &next, shared.origin(), now)?;
        Ok::<_, AuthError>(Refreshed::Pair(Box::new(answer)))
    };
    match ctx.db().write(effect).await? {
        Refreshed::Pair(answer) => Ok(*answer),
        Refreshed::Reused(session) => {
            auth.gate.revoked(&[session]);
            tracing::warn!(%session, "a used refresh token came again; its session was ended");
            Err(AuthError::InvalidRefreshToken)
        }
    }
}

/// Ends the session of a refresh token; an unknown token is no fault (as RFC 7009 s2.2).
///
/// # Errors
/// The database failed.
pub async fn sign_out(ctx: &Ctx, auth: &Auth, sent: &str) -> Result<(), AuthError> {
    let hash = hash_of(sent);
    let now = ctx.now();
    let ended = ctx
        .db()
        .write(move |connection| {
            let Some(stored) = store::refresh_by_hash(connection, &hash, now)? else {
                return Ok::<_, AuthError>(None);
            };
            store::revoke(connection, stored.user, stored.session, now)?;
            Ok(Some(stored.session))
        })
        .await?;
    auth.gate.revoked(ended.as_slice());
    Ok(())
}

/// The sessions of a member that live, newest first.
///
/// # Errors
/// The database failed.
pub async fn sessions(ctx: &Ctx, user: UserId) -> Result<Vec<Session>, AuthError> {
    let now = ctx.now();
    ctx.db()
        .read(move |connection| Ok(store::list_live(connection, user, now)?))
        .await
}

/// Ends one session of a member.
///
/// # Errors
/// They have no such session.
pub async fn end_session(
    ctx: &Ctx,
    auth: &Auth,
    me: CurrentUser,
    session: SessionId,
) -> Result<(), AuthError> {
    let now = ctx.now();
    let ended = ctx
        .db()
        .write(move |connection| {
            Ok::<_, AuthError>(store::revoke(connection, me.id, session, now)?)
        })
        .await?;
    if !ended {
        return Err(AuthError::NoSuchSession);
    }
    auth.gate.revoked(&[session]);
    Ok(())
}

/// Ends all sessions of a member but the one they speak by.
///
/// # Errors
/// The database failed.
pub async fn end_other_sessions(ctx: &Ctx, auth: &Auth, me: CurrentUser) -> Result<(), AuthError> {
    let now = ctx.now();
    let ended = ctx
        .db()
        .write(move |connection| {
            let kept = Some(me.session);
            Ok::<_, AuthError>(store::revoke_all_but(connection, me.id, kept, now)?)
        })
        .await?;
    auth.gate.revoked(&ended);
    Ok(())
}

fn signed_in(
    tokens: &token::Tokens,
    user: &User,
    session: SessionId,
    refresh: &OpaqueToken,
    origin: &Origin,
    now: Timestamp,
) -> Result<SignedIn, AuthError> {
    let access = tokens.issue(user.id, session, now)?;
    Ok(SignedIn::new(
        UserView::new(user, origin),
        access,
        refresh.expose().to_owned(),
    ))
}
