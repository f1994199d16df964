//! Access tokens that another issuer made: the port by which the gate asks about them.

use std::fmt;
use std::sync::{Arc, OnceLock};

use federation_core::Timestamp;
use futures_util::future::BoxFuture;

use super::error::AuthError;
use super::gate::Gate;
use crate::base::ids::SessionId;
use crate::platform::http::auth::{Client, CurrentUser};
use crate::platform::http::error::ApiError;

/// Tells which session stands for a token that another issuer made.
pub trait ForeignTokens: fmt::Debug + Send + Sync + 'static {
    /// The session, which need not live, and when the token ends.
    ///
    /// # Errors
    /// 401 when the token is not good or not of that issuer; 403 when nobody here is behind it.
    fn session<'a>(
        &'a self,
        token: &'a str,
    ) -> BoxFuture<'a, Result<(SessionId, Timestamp), ApiError>>;
}

/// The issuer that is trusted, if any.
#[derive(Debug, Default)]
pub(super) struct Foreign(OnceLock<Arc<dyn ForeignTokens>>);

impl Foreign {
    pub(super) async fn check(&self, gate: &Gate, token: &str) -> Result<CurrentUser, ApiError> {
        let Some(issuer) = self.0.get() else {
            return Err(AuthError::InvalidToken.into());
        };
        let (session, expires_at) = issuer.session(token).await?;
        let live = gate.live(session).await?;
        if live.client != Client::External {
            return Err(AuthError::InvalidToken.into());
        }
        Ok(live.member(session, expires_at))
    }
}

impl Gate {
    /// From now on, asks the issuer about tokens that are not of this node, if there is one.
    pub fn trust(&self, issuer: Option<Arc<dyn ForeignTokens>>) {
        if let Some(issuer) = issuer {
            // There is one at most, named in the settings.
            let _before = self.foreign.0.set(issuer);
        }
    }
}
