//! Who sends a request: [`CurrentUser`], and the port that `auth` fills.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use federation_core::Timestamp;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use tokio_util::sync::CancellationToken;

use super::error::ApiError;
use crate::base::ids::{ApplicationId, PersonalTokenId, SessionId, UserId};
use crate::base::privilege::{Privilege, Privileges};
use crate::base::role::Role;
use crate::base::scope::{Scope, Scopes};

/// Bytes in a token at most; longer ones are refused unread.
const MAX_TOKEN_LEN: usize = 4096;

/// The signed-in member who sends a request.
///
/// As an extractor it reads what the [guard](super::guard) found out; a route that declares no need
/// for a member has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrentUser {
    /// Who.
    pub id: UserId,
    /// By which sign-in.
    pub session: SessionId,
    /// Their role on this node.
    pub role: Role,
    /// What they may do on this node, by their role and beyond it.
    pub privileges: Privileges,
    /// What of it they gave to the client that asks.
    pub scopes: Scopes,
    /// What asks in their name.
    pub client: Client,
    /// When the access token ends; a connection that outlives it must end or show a new one.
    pub expires_at: Timestamp,
}

/// What asks in the name of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// A sign-in of the member themselves.
    FirstParty,
    /// An application that the member let in.
    Application(ApplicationId),
    /// A personal access token.
    PersonalToken(PersonalTokenId),
    /// A token of the issuer that the operator trusts.
    External,
    /// The session of another node for a member of its own, who visits this one.
    Visit,
}

impl CurrentUser {
    /// Goes on only for members who hold `privilege`, through a client that may use it.
    ///
    /// # Errors
    /// 403 for everybody else.
    pub fn may(&self, privilege: Privilege) -> Result<(), ApiError> {
        self.within(Scope::Admin)?;
        if self.privileges.contains(privilege) {
            return Ok(());
        }
        let detail = format!("This takes the privilege {privilege}.");
        Err(ApiError::forbidden("forbidden", detail))
    }

    /// Goes on only for clients that were given `scope`.
    ///
    /// # Errors
    /// 403 for all others (RFC 6750 s3.1).
    pub fn within(&self, scope: Scope) -> Result<(), ApiError> {
        if self.scopes.contains(scope) {
            return Ok(());
        }
        let detail = format!("This takes a token with the scope {scope}.");
        Err(ApiError::forbidden("insufficient_scope", detail))
    }

    /// Goes on only for members of this node.
    ///
    /// # Errors
    /// 403 for members of other nodes who visit: what they do in their own name goes by their node.
    pub fn at_home(&self) -> Result<(), ApiError> {
        if self.client != Client::Visit {
            return Ok(());
        }
        let detail = "Visitors read and follow here; do this at your home node, which signs it.";
        Err(ApiError::forbidden("at_home_only", detail))
    }

    /// Goes on only for a sign-in of the member themselves.
    ///
    /// # Errors
    /// 403 for applications and personal tokens, which must not get hold of the account.
    pub fn first_party(&self) -> Result<(), ApiError> {
        if self.client == Client::FirstParty {
            return Ok(());
        }
        let detail = "Only the member can do this, signed in; no application and no token.";
        Err(ApiError::forbidden("first_party_only", detail))
    }
}

/// Tells who holds a token, and when their sign-in ends.
pub trait Authenticator: Send + Sync + 'static {
    /// Who holds this access token now.
    ///
    /// # Errors
    /// 401 when the token is malformed, forged, expired, of another origin, or its session ended.
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<CurrentUser, ApiError>>;

    /// Notes that a session was used, and from where; cheap enough for every request.
    fn used(&self, session: SessionId, from: Option<IpAddr>);

    /// A signal that fires when the session of `member` is revoked, or their account suspended or
    /// deleted (I9).
    ///
    /// Check the token again after asking for it, so that no revocation falls in between; it costs
    /// memory only while it is held.
    fn ended(&self, member: &CurrentUser) -> SessionEnd;
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

/// The route asks who sends the request without declaring that it needs a member.
#[derive(Debug, thiserror::Error)]
#[error("a route asks for the member and declares no need for one")]
struct Undeclared;

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let found = parts.extensions.get().copied();
        found.ok_or_else(|| ApiError::internal(Undeclared))
    }
}

/// The token of the one `Authorization: Bearer` header (RFC 6750 s2.1).
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
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
