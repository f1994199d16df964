//! Members of other nodes who visit: the port by which the gate asks whose token it is shown.

use std::fmt;
use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::gate::Gate;
use crate::base::ids::SessionId;
use crate::platform::http::auth::{CurrentUser, SessionEnd};
use crate::platform::http::error::ApiError;

/// Characters of the token of a session between nodes (`docs/node-handshake.md`, section 4).
const TOKEN_LEN: usize = 43;

/// Tells who visits with a session that this node granted to another one.
pub trait Visitors: fmt::Debug + Send + Sync + 'static {
    /// The member who visits with this token.
    ///
    /// # Errors
    /// 401 when the token opens nothing; 403 when they may not come in.
    fn visitor<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<CurrentUser, ApiError>>;

    /// A signal that fires when this session ends; `None` when nobody was let in by it of late.
    fn ended(&self, session: SessionId) -> Option<SessionEnd>;
}

/// Who is asked, once the server is put together.
#[derive(Debug, Default)]
pub(super) struct Visiting(OnceLock<Arc<dyn Visitors>>);

impl Visiting {
    /// The member who visits, when this is the token of a session between nodes.
    pub(super) async fn check(&self, token: &str) -> Result<Option<CurrentUser>, ApiError> {
        match self.0.get().filter(|_| is_of_a_node(token)) {
            Some(visitors) => visitors.visitor(token).await.map(Some),
            None => Ok(None),
        }
    }

    /// What is not known to live has ended.
    pub(super) fn ended(&self, session: SessionId) -> SessionEnd {
        let known = self.0.get().and_then(|visitors| visitors.ended(session));
        known.unwrap_or_else(|| {
            let signal = CancellationToken::new();
            signal.cancel();
            SessionEnd::new(signal, None)
        })
    }
}

impl Gate {
    /// From now on, lets in whom `visitors` knows.
    pub fn welcome(&self, visitors: Arc<dyn Visitors>) {
        // The server is put together once.
        let _before = self.visiting.0.set(visitors);
    }
}

/// Whether a token has the form of one between nodes; access tokens have dots, personal ones another
/// length.
fn is_of_a_node(token: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    token.len() == TOKEN_LEN && token.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_nodes_have_a_form_of_their_own() {
        assert!(is_of_a_node("oKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr8"));
        for other in [
            "",
            "forged",
            "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2lnbmVk",
        ] {
            assert!(!is_of_a_node(other), "{other}");
        }
        assert!(!is_of_a_node(&"ä".repeat(21)));
        assert!(!is_of_a_node(&"a".repeat(TOKEN_LEN + 1)));
    }
}
