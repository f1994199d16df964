//! What can be done about signing in: one use case, one function, one transaction.

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, Database};
use http::StatusCode;
use serde_json::json;

use super::Auth;
use super::attempts::Attempt;
use super::caller::Caller;
use super::credentials;
use super::error::{AuthError, OTP_REQUIRED};
use super::model::hash_of;
use super::opening::Opening;
use super::operations::{self, Operation};
use super::reset::notes;
use super::reset::notes::Change;
use super::store;
use super::totp::SecondFactor;
use super::wire::{Login, Signup};
use super::{invites, joining, totp};
use crate::accounts::error::AccountError;
use crate::accounts::model::{User, Username, check_email};
use crate::accounts::store as accounts;
use crate::base::ids::SessionId;
use crate::base::role::Role;
use crate::config::{Origin, RegistrationMode, Secret};
use crate::platform::activity::Kind;
use crate::platform::audit::{self, By, Entry};
use crate::platform::ctx::Ctx;
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
    caller: Caller,
    idempotency: Idempotency,
) -> Result<Created, ApiError> {
    let rules = &ctx.config().registration;
    let mode = rules.mode;
    if mode == RegistrationMode::Closed {
        return Err(AuthError::RegistrationClosed.into());
    }
    let terms = joining::agreed(rules, request.accept_terms.as_deref())?;
    let new = NewAccount::check(&request.username, request.email).map_err(ApiError::from)?;
    if rules.reserves(new.username.as_str()) {
        return Err(AccountError::UsernameReserved.into());
    }
    let hash = auth.passwords.hash(request.password).await?;
    let opening = Opening::prepare(ctx, auth, caller)?;
    let shared = ctx.clone();
    let effect = move |connection: &mut Connection| {
        let now = shared.now();
        idempotency.once(&shared, connection, "signup", |connection| {
            let user = new.insert(connection, shared.origin(), &hash, now)?;
            if mode == RegistrationMode::Invite {
                let code = request.invite.as_ref().map(Secret::expose);
                let invite = invites::redeem(connection, code.map(String::as_str), user.id, now)?;
                let entry = opening.caller().entry(user.id, "invite.redeem");
                audit::record(connection, &entry.on("invite", &invite), now)?;
            }
            joining::welcome(connection, &shared, &user, terms.as_deref(), now)?;
            let opened = opening.open(connection, &user, now)?;
            Ok((StatusCode::CREATED, opened.answer))
        })
    };
    let created: Created = ctx.db().write(effect).await?;
    if !created.is_replay() {
        ctx.activity().count(Kind::Signup, "", ctx.now());
    }
    Ok(created)
}

/// A new account whose values are allowed.
#[derive(Clone, Debug)]
pub struct NewAccount {
    username: Username,
    email: Option<String>,
}

impl NewAccount {
    /// Holds name and address against their rules.
    ///
    /// # Errors
    /// One of them breaks its rule.
    pub fn check(username: &str, email: Option<String>) -> Result<Self, AuthError> {
        let username = username.parse()?;
        email.as_deref().map_or(Ok(()), check_email)?;
        Ok(Self { username, email })
    }

    /// Opens the account; run in a transaction.
    ///
    /// # Errors
    /// The name is taken or reserved.
    pub fn insert(
        &self,
        connection: &mut Connection,
        origin: &Origin,
        password_hash: &str,
        now: Timestamp,
    ) -> Result<User, AuthError> {
        let email = self.email.as_deref();
        let user = accounts::insert_local(connection, &self.username, email, origin, now)?;
        credentials::insert(connection, user.id, password_hash, now)?;
        Ok(user)
    }
}

/// Opens an account without signing in, whatever the registration mode: for the command line, as
/// the audit log says too. The first account is the owner, whatever the role.
///
/// # Errors
/// The name is taken or a value is refused.
pub async fn create_account(
    db: &Database,
    auth: &Auth,
    origin: &Origin,
    (username, password, email): (String, Secret<String>, Option<String>),
    role: Option<Role>,
    now: Timestamp,
) -> Result<User, AuthError> {
    let new = NewAccount::check(&username, email)?;
    let hash = auth.passwords.hash(password).await?;
    let origin = origin.clone();
    db.write(move |connection| {
        let mut user = new.insert(connection, &origin, &hash, now)?;
        if let Some(role) = role
            && user.role != Role::Owner
        {
            accounts::set_role(connection, user.id, role, now)?;
            user.role = role;
        }
        let entry = Entry::new(By::Command, "user.create").on("user", &user.id);
        let made = json!({"username": user.username, "role": user.role});
        audit::record(connection, &entry.change(None, Some(made)), now)?;
        Ok(user)
    })
    .await
}

/// Signs a member in.
///
/// # Errors
/// The name or the password is wrong, without telling which; a code is needed or wrong; too many
/// were tried; or the account is suspended.
///
/// # Security
/// A name that nobody has costs the same work and is slowed down alike.
pub async fn sign_in(
    ctx: &Ctx,
    auth: &Auth,
    request: Login,
    caller: Caller,
    idempotency: Idempotency,
) -> Result<Created, ApiError> {
    let name = request.username.parse::<Username>().ok();
    let attempt = Attempt::at_name(ctx, name.as_ref(), &caller).await?;
    let outcome = match prove(ctx, auth, name, request.password.clone()).await {
        Ok(proven) => {
            let opening = Opening::prepare(ctx, auth, caller)?;
            let tried = (attempt.clone(), request.otp);
            admit(ctx, proven, tried, opening, idempotency).await
        }
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok((created, ended)) => {
            auth.gate.revoked(&ended);
            if !created.is_replay() {
                ctx.activity().count(Kind::SignIn, "", ctx.now());
            }
            Ok(created)
        }
        Err(error)
            if error.status() == StatusCode::UNAUTHORIZED && error.code() != OTP_REQUIRED =>
        {
            attempt.failed(ctx).await?;
            Err(error)
        }
        Err(error) => {
            attempt.take_back(ctx).await?;
            Err(error)
        }
    }
}

/// Opens the session of a member whose password was right, if the second factor is too.
async fn admit(
    ctx: &Ctx,
    (user, hash): (User, String),
    (attempt, otp): (Attempt, Option<Secret<String>>),
    opening: Opening,
    idempotency: Idempotency,
) -> Result<(Created, Vec<SessionId>), ApiError> {
    let shared = ctx.clone();
    let effect = move |connection: &mut Connection| {
        let now = shared.now();
        let mut ended = Vec::new();
        let scope = format!("login/{}", user.id);
        attempt.clear(connection)?;
        let created = idempotency.once(&shared, connection, &scope, |connection| {
            // Whoever changes a password ends all sessions: none may be opened by the old one.
            if credentials::hash_of(connection, user.id)?.as_ref() != Some(&hash) {
                return Err(AuthError::WrongCredentials.into());
            }
            let sent = otp.as_ref().map(|otp| otp.expose().as_str());
            let shown = totp::check(connection, shared.keyring(), user.id, sent, now)?;
            if shown == SecondFactor::RecoveryCode {
                opening
                    .caller()
                    .record(connection, user.id, "recovery_code.use", now)?;
                notes::tell(&shared, connection, user.id, Change::RecoveryCodeUsed, now)?;
            }
            let opened = opening.open(connection, &user, now)?;
            ended = opened.ended;
            Ok((StatusCode::OK, opened.answer))
        })?;
        Ok::<_, ApiError>((created, ended))
    };
    ctx.db().write(effect).await
}

/// The member with this name and the hash of their password, once that has been checked.
pub(super) async fn prove(
    ctx: &Ctx,
    auth: &Auth,
    username: Option<Username>,
    password: Secret<String>,
) -> Result<(User, String), AuthError> {
    let find = move |connection: &mut Connection| -> Result<_, AuthError> {
        let Some(username) = username else {
            return Ok(None);
        };
        let Some(user) = accounts::local_by_username(connection, &username)? else {
            return Ok(None);
        };
        let hash = credentials::hash_of(connection, user.id)?;
        Ok(hash.map(|hash| (user, hash)))
    };
    let found = ctx.db().read(find).await?;
    let hash = found.as_ref().map(|(_, hash)| hash.clone());
    let right = auth.passwords.verify(password, hash).await?;
    let (user, hash) = found
        .filter(|(user, _)| right && user.deleted_at.is_none())
        .ok_or(AuthError::WrongCredentials)?;
    if user.suspended_at.is_some() {
        return Err(AuthError::Suspended);
    }
    Ok((user, hash))
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
    operations::count(Operation::Revoke, None);
    Ok(())
}
