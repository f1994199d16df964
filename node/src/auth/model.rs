//! Sessions, and the secrets that keep them going.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use diesel::prelude::*;
use openssl::error::ErrorStack;
use openssl::rand::rand_bytes;
use openssl::sha::sha256;

use crate::base::ids::{SessionId, UserId};
use crate::platform::db::schema::sessions;

/// How long an access token is good.
pub const ACCESS_LIFETIME: Duration = Duration::from_mins(15);
/// How long a session lives after its last refresh.
pub const SESSION_LIFETIME: Duration = Duration::from_hours(30 * 24);
/// How long an invitation is good.
pub const INVITE_LIFETIME: Duration = Duration::from_hours(7 * 24);
/// Characters kept of what a client calls itself.
const MAX_USER_AGENT: usize = 200;

/// One sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub struct Session {
    /// Names it; access tokens hold it as `sid`.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// What the client called itself when it signed in.
    pub user_agent: String,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// The last refresh, in milliseconds since the Unix epoch.
    pub last_used_at: i64,
    /// When it ends unless refreshed, in milliseconds since the Unix epoch.
    pub expires_at: i64,
    /// When it was ended, in milliseconds since the Unix epoch.
    pub revoked_at: Option<i64>,
}

/// 256 random bits that only their holder knows; the database keeps their SHA-256.
///
/// Their entropy makes a slow hash needless.
#[derive(Clone, PartialEq, Eq)]
pub struct OpaqueToken(String);

impl OpaqueToken {
    /// A new one.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn generate() -> Result<Self, ErrorStack> {
        let mut bytes = [0; 32];
        rand_bytes(&mut bytes)?;
        Ok(Self(BASE64URL.encode(bytes)))
    }

    /// The text that goes to the holder, once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What the database keeps.
    pub fn hash(&self) -> Vec<u8> {
        hash_of(&self.0)
    }
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// What the database keeps of a token that a client sent.
pub fn hash_of(token: &str) -> Vec<u8> {
    sha256(token.as_bytes()).to_vec()
}

/// What a client calls itself, cut to what a list of sessions shows.
pub fn shown_user_agent(value: Option<&http::HeaderValue>) -> String {
    let text = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    text.chars().take(MAX_USER_AGENT).collect()
}
