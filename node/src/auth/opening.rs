//! Opens a session for a member who has proved who they are, by whatever means.

use federation_core::Timestamp;
use federation_core::store::sql::Connection;

use super::Auth;
use super::attempts;
use super::caller::Caller;
use super::clients;
use super::error::AuthError;
use super::model::OpaqueToken;
use super::store;
use super::wire::SignedIn;
use crate::accounts::model::User;
use crate::accounts::wire::UserView;
use crate::base::ids::SessionId;
use crate::platform::ctx::Ctx;

/// A session to be opened; made before the transaction, since it takes random bytes.
#[derive(Clone, Debug)]
pub struct Opening {
    ctx: Ctx,
    auth: Auth,
    caller: Caller,
    refresh: OpaqueToken,
}

/// A session that was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The answer for the client.
    pub answer: SignedIn,
    /// Sessions beyond the limit that were ended for it: tell the gate after the commit.
    pub ended: Vec<SessionId>,
}

impl Opening {
    /// Prepares a session for whoever asks.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn prepare(ctx: &Ctx, auth: &Auth, caller: Caller) -> Result<Self, AuthError> {
        Ok(Self {
            ctx: ctx.clone(),
            auth: auth.clone(),
            caller,
            refresh: OpaqueToken::generate()?,
        })
    }

    /// Who asks.
    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Opens it, inside the transaction that holds the proof.
    ///
    /// # Errors
    /// The account is suspended or gone, or the database failed.
    pub fn open(
        &self,
        connection: &mut Connection,
        user: &User,
        now: Timestamp,
    ) -> Result<Opened, AuthError> {
        if user.suspended_at.is_some() {
            return Err(AuthError::Suspended);
        }
        if user.deleted_at.is_some() || !user.is_local() {
            return Err(AuthError::WrongCredentials);
        }
        let agent = &self.caller.user_agent;
        let lifetime = self.ctx.config().auth.session_lifetime();
        let session =
            store::insert_session(connection, user.id, agent, &self.refresh, lifetime, now)?;
        let keep = self.ctx.config().limits.sessions_per_user;
        let ended = clients::revoke_beyond(connection, user.id, keep, now)?;
        attempts::remember_place(connection, user.id, &user.username, &self.caller, now)?;
        let access = self.auth.tokens.issue(user.id, session, None, now)?;
        let shown = UserView::new(user, self.ctx.origin());
        Ok(Opened {
            answer: SignedIn::new(
                shown,
                access,
                self.refresh.expose().to_owned(),
                self.auth.tokens.lifetime(),
            ),
            ended,
        })
    }
}
