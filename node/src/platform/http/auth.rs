//! Who sends a request: the [`CurrentUser`] extractor over the port that `auth` fills.

use axum::extract::{FromRef, FromRequestParts};
use federation_core::Timestamp;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use tokio_util::sync::CancellationToken;

use super::error::ApiError;
use crate::base::ids::{SessionId, UserId};
use crate::base::role::Role;
use crate::platform::ctx::Ctx;

/// Bytes in a token at most; longer ones are refused unread.
const MAX_TOKEN_LEN: usize = 4096;

/// The signed-in member who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrentUser {
    /// Who.
    pub id: UserId,
    /// By which sign-in.
    pub session: SessionId,
    /// What they may do on this node.
    pub role: Role,
    /// When the access token ends; a connection that outlives it must end or show a new one.
    pub expires_at: Timestamp,
}

impl CurrentUser {
    /// Goes on only for members whose role is at least `least`.
    ///
    /// # Errors
    /// 403 for everybody else.
    pub fn require(&self, least: Role) -> Result<(), ApiError> {
        if self.role >= least {
            return Ok(());
        }
        Err(ApiError::forbidden(
            "forbidden",
            format!("This takes the role {least}."),
        ))
    }
}

/// Tells who holds a token, and when their sign-in ends.
pub trait Authenticator: Send + Sync + 'static {
    /// Who holds this access token now.
    ///
    /// # Errors
    /// 401 when the token is malformed, forged, expired, of another origin, or its session ended.
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<CurrentUser, ApiError>>;

    /// A signal that fires when this session is revoked, or its account suspended or deleted (I9).
    ///
    /// Ask for it before the first check of the token, so that no revocation falls in between;
    /// it costs memory only while it is held.
    fn ended(&self, session: SessionId) -> SessionEnd;
}

/// Fires when a session ends; drop it when no longer interested.
#[derive(Debug)]
pub struct SessionEnd {
    signal: CancellationToken,
    _watch: Option<Box<dyn Watch>>,
}

/// What keeps a session watched while it lives.
pub trait Watch: std::fmt::Debug + Send + Sync {}

impl SessionEnd {
    /// A signal with the guard that keeps it alive.
    pub fn new(signal: CancellationToken, watch: Option<Box<dyn Watch>>) -> Self {
        Self {
            signal,
            _watch: watch,
        }
    }

    /// Completes when the session has ended.
    pub async fn wait(&self) {
        self.signal.cancelled().await;
    }

    /// Whether the session has ended.
    pub fn has_ended(&self) -> bool {
        self.signal.is_cancelled()
    }
}

impl<S> FromRequestParts<S> for CurrentUser
where
    S: Send + Sync,
    Ctx: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let ctx = Ctx::from_ref(state);
        let token = bearer(&parts.headers)?;
        ctx.authenticator().authenticate(token).await
    }
}

/// The token of the one `Authorization: Bearer` header (RFC 6750 s2.1).
fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let missing =
        || ApiError::unauthorized("unauthenticated", "Sign in and send the access token.");
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(missing());
    };
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.len() > MAX_TOKEN_LEN {
        return Err(missing());
    }
    Ok(token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_one_bearer_token() {
        let read = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, value.parse().unwrap());
            }
            bearer(&headers).map(str::to_owned).ok()
        };
        assert_eq!(read(&["Bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(read(&["bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(read(&["Basic abc"]), None);
        assert_eq!(read(&["Bearer a", "Bearer b"]), None);
        assert_eq!(read(&[]), None);
    }
}
