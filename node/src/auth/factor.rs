//! The second factor of a member who proved by another issuer who they are.

use federation_core::Timestamp;
use federation_core::store::sql::Connection;

use super::attempts::Attempt;
use super::caller::Caller;
use super::error::AuthError;
use super::reset::notes::{self, Change};
use super::totp::{self, SecondFactor};
use crate::base::ids::UserId;
use crate::config::Secret;
use crate::platform::ctx::Ctx;

/// A code that a member may have to show, and the try that it counts as.
#[derive(Clone, Debug)]
pub struct Factor {
    /// Whose it is; a code without a try is not looked at.
    tried: Option<(UserId, Attempt)>,
    code: Option<Secret<String>>,
    caller: Caller,
}

impl Factor {
    /// Begins to show `code`, if one came and `member` has set up a second factor.
    ///
    /// # Errors
    /// [`AuthError::SlowDown`] after too many wrong ones.
    pub async fn begin(
        ctx: &Ctx,
        member: Option<UserId>,
        caller: &Caller,
        code: Option<Secret<String>>,
    ) -> Result<Self, AuthError> {
        let mut tried = None;
        if let Some(member) = member.filter(|_| code.is_some()) {
            let is_asked = move |connection: &mut Connection| {
                Ok::<_, AuthError>(totp::is_asked(connection, member)?)
            };
            if ctx.db().read(is_asked).await? {
                tried = Some((member, Attempt::of_member(ctx, member, caller).await?));
            }
        }
        Ok(Self {
            tried,
            code,
            caller: caller.clone(),
        })
    }

    /// Holds the code against the second factor of `member`; call it in the transaction of the
    /// sign-in.
    ///
    /// # Errors
    /// [`AuthError::OtpRequired`] without a code, [`AuthError::WrongOtp`] with a wrong one.
    pub fn hold(
        &self,
        connection: &mut Connection,
        ctx: &Ctx,
        member: UserId,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        // What was set up since counts no try yet, so its code is asked for once more.
        let tried = self.tried.as_ref().filter(|(user, _)| *user == member);
        let code = self.code.as_ref().filter(|_| tried.is_some());
        let code = code.map(|code| code.expose().as_str());
        let shown = totp::check(connection, ctx.keyring(), member, code, now)?;
        if shown == SecondFactor::RecoveryCode {
            let caller = &self.caller;
            caller.record(connection, member, "recovery_code.use", now)?;
            notes::tell(ctx, connection, member, Change::RecoveryCodeUsed, now)?;
        }
        if let Some((_, attempt)) = tried {
            attempt.clear(connection)?;
        }
        Ok(())
    }

    /// Says how the sign-in failed: a wrong code counts, everything else does not.
    ///
    /// # Errors
    /// The database failed.
    pub async fn failed(&self, ctx: &Ctx, was_wrong: bool) -> Result<(), AuthError> {
        match &self.tried {
            Some((_, attempt)) if was_wrong => attempt.failed(ctx).await,
            Some((_, attempt)) => attempt.take_back(ctx).await,
            None => Ok(()),
        }
    }
}
