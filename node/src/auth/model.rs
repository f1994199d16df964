//! Sessions, and the secrets that keep them going.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use diesel::prelude::*;
use openssl::error::ErrorStack;
use openssl::rand::rand_bytes;
use openssl::sha::sha256;

use super::error::AuthError;
use crate::base::ids::{ApplicationId, SessionId, UserId};
use crate::platform::db::schema::sessions;

/// How long an invitation is good.
pub const INVITE_LIFETIME: Duration = Duration::from_hours(7 * 24);
/// Characters in the name of a device at most.
const MAX_DEVICE_NAME: usize = 64;
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
    /// The last use, to a minute or so, in milliseconds since the Unix epoch.
    pub last_used_at: i64,
    /// When it ends unless refreshed, in milliseconds since the Unix epoch.
    pub expires_at: i64,
    /// When it was ended, in milliseconds since the Unix epoch.
    pub revoked_at: Option<i64>,
    /// What its member calls the device.
    pub device_name: Option<String>,
    /// The network it was last used from: a /24 or /48, never the address itself.
    pub last_network: Option<String>,
    /// What speaks by it: `sign_in`, `application`, `personal_token` or `external`.
    pub kind: String,
    /// The application, when it is one.
    pub application_id: Option<ApplicationId>,
    /// What it may do, by name with spaces in between.
    pub scopes: String,
}

/// What a member calls the device of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceName(String);

impl DeviceName {
    /// The name as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for DeviceName {
    type Err = AuthError;

    fn from_str(text: &str) -> Result<Self, AuthError> {
        let name = text.trim();
        let fits = (1..=MAX_DEVICE_NAME).contains(&name.chars().count());
        if !fits || name.chars().any(char::is_control) {
            return Err(AuthError::InvalidDeviceName);
        }
        Ok(Self(name.to_owned()))
    }
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
