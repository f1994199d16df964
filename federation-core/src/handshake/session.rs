//! The second half of the handshake: a session, from its grant to its end. Without IO.

use url::Url;

use crate::clock::Timestamp;
use crate::handshake::challenge::split;
use crate::handshake::message::{Introspection, TOKEN_TYPE, VerifyAnswer};
use crate::handshake::{
    CHALLENGE_ENTROPY, Challenge, HandshakeError, Scope, Scopes, SessionId, SessionToken, Terms,
    TokenHash,
};

/// Random bytes that one session is made of: ten for its id, the rest for its token.
pub const SESSION_ENTROPY: usize = CHALLENGE_ENTROPY;

/// A session that an issuer has granted to another node.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeSession {
    /// Its id, which is no secret.
    pub id: SessionId,
    /// The node actor that it was granted to.
    pub holder: Url,
    /// The user of the holder's node that it is for; `None` for the node itself.
    pub subject: Option<Url>,
    /// What it allows.
    pub scopes: Scopes,
    /// The issuer's origin, without a slash at the end.
    pub audience: String,
    /// The first eight characters of its token, for people.
    pub token_hint: String,
    /// When it was granted.
    pub issued_at: Timestamp,
    /// The first moment at which it is over.
    pub expires_at: Timestamp,
}

/// A session as it is stored: with the digest of its token, and its end if it was ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of embedders build it from their rows"
)]
pub struct StoredSession {
    /// The session.
    pub session: NodeSession,
    /// The digest of its token.
    pub token_hash: TokenHash,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// A session on its way to the store, with the token that is shown this once.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Granted {
    /// What is stored.
    pub stored: StoredSession,
    /// What is shown.
    pub token: SessionToken,
}

impl Granted {
    /// The session that a proven challenge leads to.
    pub fn from_challenge(
        challenge: &Challenge,
        scopes: Scopes,
        terms: &Terms,
        random: &[u8; SESSION_ENTROPY],
        now: Timestamp,
    ) -> Self {
        let (id, secret) = split(random);
        let token = SessionToken::from_bytes(secret);
        let session = NodeSession {
            id: SessionId::new(now, id),
            holder: challenge.holder.clone(),
            subject: challenge.subject.clone(),
            scopes,
            audience: challenge.audience.clone(),
            token_hint: token.hint(),
            issued_at: now,
            expires_at: now.plus(terms.lifetime()),
        };
        let stored = StoredSession {
            token_hash: token.hash(),
            session,
            revoked_at: None,
        };
        Self { stored, token }
    }

    /// What the holder is told, once.
    pub fn answer(&self) -> VerifyAnswer {
        let session = &self.stored.session;
        VerifyAnswer {
            session_id: session.id,
            session_token: self.token.clone(),
            token_type: TOKEN_TYPE.to_owned(),
            scope: session.scopes,
            expires_at: session.expires_at,
        }
    }
}

impl NodeSession {
    /// Whose acts those in this session are: the subject, or else the holder.
    pub fn actor(&self) -> &Url {
        self.subject.as_ref().unwrap_or(&self.holder)
    }

    /// What a holder or issuer is told of a live session (RFC 7662 s2.2).
    pub fn introspection(&self) -> Introspection {
        Introspection::of(self)
    }
}

impl StoredSession {
    /// Whether it is neither over nor revoked.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.session.expires_at
    }

    /// The session, when the token is its own, it is live and allows `scope`.
    ///
    /// # Errors
    /// [`HandshakeError::InvalidToken`] when the token is another's, or the session over;
    /// [`HandshakeError::InsufficientScope`].
    pub fn authorise(
        self,
        presented: &TokenHash,
        scope: Scope,
        now: Timestamp,
    ) -> Result<NodeSession, HandshakeError> {
        if self.token_hash != *presented || !self.is_live(now) {
            return Err(HandshakeError::InvalidToken);
        }
        if !self.session.scopes.contains(scope) {
            return Err(HandshakeError::InsufficientScope { scope });
        }
        Ok(self.session)
    }

    /// Whether `asker` may look at it and end it: its holder and its issuer may.
    pub fn is_known_to(&self, asker: &Url, issuer: &Url) -> bool {
        *asker == self.session.holder || asker == issuer
    }
}
