//! A member who is signed in proves again who they are, before what an open session must not do.

use federation_core::store::sql::Connection;

use super::Auth;
use super::attempts::Attempt;
use super::caller::Caller;
use super::credentials;
use super::error::AuthError;
use super::totp;
use crate::base::ids::UserId;
use crate::config::Secret;
use crate::platform::ctx::Ctx;

/// That a member gave their password just now.
#[derive(Clone)]
pub struct Proven {
    user: UserId,
    /// The stored hash that the password was held against.
    hash: String,
    attempt: Attempt,
}

impl Proven {
    /// Holds `password` against the member's; wrong ones slow down, as at a sign-in.
    ///
    /// # Errors
    /// [`AuthError::WrongPassword`], [`AuthError::NoPassword`] for members who sign in elsewhere,
    /// [`AuthError::SlowDown`] after too many.
    pub async fn password(
        ctx: &Ctx,
        auth: &Auth,
        user: UserId,
        caller: &Caller,
        password: Secret<String>,
    ) -> Result<Self, AuthError> {
        let attempt = Attempt::of_member(ctx, user, caller).await?;
        let hash = ctx
            .db()
            .read(move |connection| Ok::<_, AuthError>(credentials::hash_of(connection, user)?))
            .await?;
        let Some(hash) = hash else {
            attempt.take_back(ctx).await?;
            return Err(AuthError::NoPassword);
        };
        match auth.passwords.verify(password, Some(hash.clone())).await {
            Ok(true) => Ok(Self {
                user,
                hash,
                attempt,
            }),
            Ok(false) => {
                attempt.failed(ctx).await?;
                Err(AuthError::WrongPassword)
            }
            Err(error) => {
                attempt.take_back(ctx).await?;
                Err(error)
            }
        }
    }

    /// Call it in the transaction of what the proof is for: the password is still the one that was
    /// shown, and what was counted against the member is forgotten.
    ///
    /// # Errors
    /// [`AuthError::WrongPassword`] when it was changed in between.
    pub fn hold(&self, connection: &mut Connection) -> Result<(), AuthError> {
        let present = credentials::hash_of(connection, self.user)?;
        if present.as_ref() != Some(&self.hash) {
            return Err(AuthError::WrongPassword);
        }
        Ok(self.attempt.clear(connection)?)
    }

    /// Holds a code against the member's second factor, where they have set up one; call it in the
    /// transaction of what the proof is for.
    ///
    /// # Errors
    /// [`AuthError::OtpRequired`] without a code, [`AuthError::WrongOtp`] with a wrong one: then
    /// [`Proven::failed`] counts it.
    pub fn second_factor(
        &self,
        connection: &mut Connection,
        ctx: &Ctx,
        code: Option<&str>,
    ) -> Result<(), AuthError> {
        totp::check(connection, ctx.keyring(), self.user, code, ctx.now()).map(drop)
    }

    /// Counts a wrong code like a wrong password.
    ///
    /// # Errors
    /// The database failed.
    pub async fn failed(&self, ctx: &Ctx) -> Result<(), AuthError> {
        self.attempt.failed(ctx).await
    }

    /// The try that this was.
    pub(super) fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    /// The stored hash that the password was held against.
    pub(super) fn hash(&self) -> &str {
        &self.hash
    }
}

impl std::fmt::Debug for Proven {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Proven")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}
