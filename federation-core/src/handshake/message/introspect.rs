//! Asking about a session (RFC 7662) and ending one (RFC 7009).

use std::fmt;

use serde::Serialize;
use url::Url;

use super::MAX_TEXT;
use super::fields::{Fields, MessageError};
use crate::clock::Timestamp;
use crate::handshake::{NodeSession, Scopes, SessionId};

/// Asks whether a token is good, and for what.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "the message as it is specified")]
pub struct IntrospectRequest {
    /// The token.
    pub token: String,
}

impl IntrospectRequest {
    /// Reads a request. Any text may be asked about.
    ///
    /// # Errors
    /// See [`MessageError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let fields = Fields::parse(bytes)?;
        Ok(Self {
            token: fields.text("token", super::MAX_MESSAGE_BYTES)?.to_owned(),
        })
    }
}

impl fmt::Debug for IntrospectRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("IntrospectRequest { token: .. }")
    }
}

/// Ends a session, named by its token or by its id.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "the message as it is specified")]
pub enum RevokeRequest {
    /// By its token.
    Token(String),
    /// By its id; `None` for a text that is the id of no session.
    SessionId(Option<SessionId>),
}

impl RevokeRequest {
    /// Reads a request. Any text may stand for a token or an id.
    ///
    /// # Errors
    /// See [`MessageError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let fields = Fields::parse(bytes)?;
        match (fields.optional("token"), fields.optional("session_id")) {
            (Some(_), None) => {
                let token = fields.text("token", super::MAX_MESSAGE_BYTES)?;
                Ok(Self::Token(token.to_owned()))
            }
            (None, Some(_)) => {
                let id = fields.text("session_id", super::MAX_MESSAGE_BYTES)?;
                Ok(Self::SessionId(id.parse().ok()))
            }
            (Some(_), Some(_)) | (None, None) => Err(MessageError::NotOne),
        }
    }
}

impl fmt::Debug for RevokeRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(_) => formatter.write_str("Token(..)"),
            Self::SessionId(id) => formatter.debug_tuple("SessionId").field(id).finish(),
        }
    }
}

/// What is told of a token (RFC 7662 s2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the message as it is specified")]
pub enum Introspection {
    /// The token opens a session.
    Active(Box<ActiveSession>),
    /// The token opens nothing, or the asker may not know.
    Inactive,
}

impl Serialize for Introspection {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Json<'a> {
            active: bool,
            #[serde(flatten)]
            session: Option<&'a ActiveSession>,
        }
        let session = self.active();
        Json {
            active: session.is_some(),
            session,
        }
        .serialize(serializer)
    }
}

/// A live session as RFC 7662 s2.2 describes tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ActiveSession {
    /// The issuer's origin.
    pub iss: String,
    /// Whose acts those in the session are: the subject, or else the holder.
    pub sub: Url,
    /// The holder.
    pub client_id: Url,
    /// What it allows.
    #[serde(serialize_with = "as_text")]
    pub scope: Scopes,
    /// When it was granted, in seconds since 1970.
    #[serde(serialize_with = "as_seconds")]
    pub iat: Timestamp,
    /// The first second at which it is over, in seconds since 1970.
    #[serde(serialize_with = "as_seconds")]
    pub exp: Timestamp,
    /// The issuer's origin.
    pub aud: String,
}

impl Introspection {
    pub(in crate::handshake) fn of(session: &NodeSession) -> Self {
        Self::Active(Box::new(ActiveSession {
            iss: session.audience.clone(),
            sub: session.actor().clone(),
            client_id: session.holder.clone(),
            scope: session.scopes,
            iat: session.issued_at,
            exp: session.expires_at,
            aud: session.audience.clone(),
        }))
    }

    /// The session, when there is one.
    pub fn active(&self) -> Option<&ActiveSession> {
        match self {
            Self::Active(session) => Some(session),
            Self::Inactive => None,
        }
    }

    /// Reads an answer; scopes that are not known here are passed over.
    ///
    /// # Errors
    /// See [`MessageError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        let fields = Fields::parse(bytes)?;
        if !fields.truth("active")? {
            return Ok(Self::Inactive);
        }
        Ok(Self::Active(Box::new(ActiveSession {
            iss: fields.printable("iss", MAX_TEXT)?.to_owned(),
            sub: fields.url("sub")?,
            client_id: fields.url("client_id")?,
            scope: Scopes::known_in(fields.text("scope", MAX_TEXT)?.split(' ')),
            iat: fields.seconds("iat")?,
            exp: fields.seconds("exp")?,
            aud: fields.printable("aud", MAX_TEXT)?.to_owned(),
        })))
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that serde calls"
)]
fn as_text<S: serde::Serializer>(scopes: &Scopes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(scopes)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that serde calls"
)]
fn as_seconds<S: serde::Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(time.as_seconds())
}
