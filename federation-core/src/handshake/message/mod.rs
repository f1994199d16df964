//! The messages of the handshake: strict readers for remote bytes, one writer each.
//!
//! Every message is one JSON object of at most [`MAX_MESSAGE_BYTES`]. Members that are not known
//! here are passed over; a member that is known has to be of its type.

mod fields;
mod introspect;

use serde::Serialize;
use url::Url;

use self::fields::Fields;
pub use self::fields::MessageError;
pub use self::introspect::{ActiveSession, IntrospectRequest, Introspection, RevokeRequest};
use crate::clock::Timestamp;
use crate::handshake::{ChallengeId, Nonce, Scopes, SessionId, SessionToken};

/// Bytes of a message that are read at most.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024;
/// Names of scopes that a request may list.
pub const MAX_SCOPES: usize = 32;
/// The `token_type` of every session token (RFC 6750).
pub const TOKEN_TYPE: &str = "Bearer";
/// Characters of a token, nonce or name that are read at most.
const MAX_TEXT: usize = 512;

/// Asks for a challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "the message as it is specified")]
pub struct ChallengeRequest {
    /// The user that the session is to be for; `None` (`null`) for the node itself.
    pub subject: Option<Url>,
    /// What the session is to allow.
    pub scopes: Scopes,
}

impl ChallengeRequest {
    /// Reads a request; scopes that are not known here are passed over.
    ///
    /// # Errors
    /// See [`MessageError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let fields = Fields::parse(bytes)?;
        let names = fields.names("scopes", MAX_SCOPES)?;
        Ok(Self {
            subject: fields.optional_url("subject")?,
            scopes: Scopes::known_in(names),
        })
    }
}

/// The challenge, as its holder is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the message as it is specified")]
pub struct ChallengeAnswer {
    /// Names the challenge.
    pub challenge_id: ChallengeId,
    /// Has to be in the signature of the proof.
    pub nonce: Nonce,
    /// The issuer's origin, without a slash at the end.
    pub audience: String,
    /// The first moment at which the challenge is over.
    pub expires_at: Timestamp,
}

#[derive(Serialize)]
struct ChallengeAnswerJson<'a> {
    challenge_id: ChallengeId,
    nonce: &'a str,
    audience: &'a str,
    expires_at: Timestamp,
}

impl ChallengeAnswer {
    /// Reads an answer.
    ///
    /// # Errors
    /// See [`MessageError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let fields = Fields::parse(bytes)?;
        Ok(Self {
            challenge_id: fields.parsed("challenge_id")?,
            nonce: Nonce::from_text(fields.printable("nonce", MAX_TEXT)?.to_owned()),
            audience: fields.printable("audience", MAX_TEXT)?.to_owned(),
            expires_at: fields.time("expires_at")?,
        })
    }

    /// The message as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        json(&ChallengeAnswerJson {
            challenge_id: self.challenge_id,
            nonce: self.nonce.as_str(),
            audience: &self.audience,
            expires_at: self.expires_at,
        })
    }
}

/// Proves a challenge; the proof itself is in the signature of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "the message as it is specified")]
pub struct VerifyRequest {
    /// Names the challenge.
    pub challenge_id: ChallengeId,
}

impl VerifyRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// See [`MessageError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let fields = Fields::parse(bytes)?;
        Ok(Self {
            challenge_id: fields.parsed("challenge_id")?,
        })
    }
}

/// The session, as its holder is told of it, once.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the message as it is specified")]
pub struct VerifyAnswer {
    /// Names the session; not a secret.
    pub session_id: SessionId,
    /// Opens the session.
    pub session_token: SessionToken,
    /// How the token is sent: `Bearer`.
    pub token_type: String,
    /// What the session allows.
    pub scope: Scopes,
    /// The first moment at which the session is over.
    pub expires_at: Timestamp,
}

#[derive(Serialize)]
struct VerifyAnswerJson<'a> {
    session_id: SessionId,
    session_token: &'a str,
    token_type: &'a str,
    scope: String,
    expires_at: Timestamp,
}

impl VerifyAnswer {
    /// Reads an answer; scopes that are not known here are passed over.
    ///
    /// # Errors
    /// See [`MessageError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let fields = Fields::parse(bytes)?;
        let token_type = fields.printable("token_type", MAX_TEXT)?;
        if !token_type.eq_ignore_ascii_case(TOKEN_TYPE) {
            return Err(MessageError::Invalid { name: "token_type" });
        }
        let token = fields.printable("session_token", MAX_TEXT)?.to_owned();
        Ok(Self {
            session_id: fields.parsed("session_id")?,
            session_token: SessionToken::from_text(token),
            token_type: TOKEN_TYPE.to_owned(),
            scope: Scopes::known_in(fields.text("scope", MAX_TEXT)?.split(' ')),
            expires_at: fields.time("expires_at")?,
        })
    }

    /// The message as JSON.
    ///
    /// # Security
    /// It has the token in it.
    pub fn to_json(&self) -> Vec<u8> {
        json(&VerifyAnswerJson {
            session_id: self.session_id,
            session_token: self.session_token.as_str(),
            token_type: &self.token_type,
            scope: self.scope.to_string(),
            expires_at: self.expires_at,
        })
    }
}

macro_rules! written_as_json {
    ($($name:ident),+) => {$(
        impl $name {
            /// The message as JSON.
            pub fn to_json(&self) -> Vec<u8> {
                json(self)
            }
        }
    )+};
}

written_as_json!(
    ChallengeRequest,
    VerifyRequest,
    IntrospectRequest,
    RevokeRequest,
    Introspection
);

/// Writes a message. The types above have no map with other keys than texts and no number that
/// JSON lacks, which is all that writing can fail for.
#[expect(
    clippy::expect_used,
    reason = "all keys are texts, all numbers integers"
)]
fn json<T: Serialize>(message: &T) -> Vec<u8> {
    serde_json::to_vec(message).expect("messages are plain data")
}
