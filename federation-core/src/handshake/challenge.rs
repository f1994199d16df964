//! The first half of the handshake: a challenge, and what proves it. Without IO.

use url::Url;

use crate::clock::Timestamp;
use crate::fetch::site_of;
use crate::handshake::message::{ChallengeAnswer, ChallengeRequest};
use crate::handshake::{CHALLENGE_LIFETIME, ChallengeId, HandshakeError, Nonce, Scopes, Terms};
use crate::vocab::same_origin;

/// Random bytes that one challenge is made of: ten for its id, the rest for its nonce.
pub const CHALLENGE_ENTROPY: usize = 42;

/// A challenge that waits for its proof: bound to holder, subject, scopes and audience.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Challenge {
    /// Its id.
    pub id: ChallengeId,
    /// What the proof has to be signed with.
    pub nonce: Nonce,
    /// The node actor that asked, and alone can prove it.
    pub holder: Url,
    /// For whom the session will be; `None` for the node itself.
    pub subject: Option<Url>,
    /// What the session will allow.
    pub scopes: Scopes,
    /// The issuer's origin, without a slash at the end.
    pub audience: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The first moment at which it is over.
    pub expires_at: Timestamp,
}

/// What a verified request to prove a challenge shows.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the whole of what a proof is; a further part changes every judge"
)]
pub struct Proof<'a> {
    /// The node actor whose key signed.
    pub holder: &'a Url,
    /// The signed nonce.
    pub nonce: &'a str,
}

impl Challenge {
    /// Makes a challenge for `holder`, whose request was verified.
    ///
    /// # Errors
    /// [`HandshakeError::ForeignSubject`] when the subject lives on another origin than the
    /// holder, [`HandshakeError::NoScope`] when the terms leave nothing of what was asked for.
    pub fn issue(
        asked: &ChallengeRequest,
        holder: &Url,
        audience: &str,
        terms: &Terms,
        random: &[u8; CHALLENGE_ENTROPY],
        now: Timestamp,
    ) -> Result<Self, HandshakeError> {
        check_subject(asked.subject.as_ref(), holder)?;
        let (id, nonce) = split(random);
        Ok(Self {
            id: ChallengeId::new(now, id),
            nonce: Nonce::from_bytes(nonce),
            holder: holder.clone(),
            subject: asked.subject.clone(),
            scopes: granted(asked.scopes, terms)?,
            audience: audience.to_owned(),
            created_at: now,
            expires_at: now.plus(CHALLENGE_LIFETIME),
        })
    }

    /// What the holder is told.
    pub fn answer(&self) -> ChallengeAnswer {
        ChallengeAnswer {
            challenge_id: self.id,
            nonce: self.nonce.clone(),
            audience: self.audience.clone(),
            expires_at: self.expires_at,
        }
    }

    /// The site of its holder: what has one owner, as far as that shows in a URL. See
    /// [`Terms::challenges_per_site`].
    pub fn site(&self) -> String {
        site_of(&self.holder)
    }

    /// Whether it still waits for its proof.
    pub fn is_open(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// Judges a proof; gives the scopes that the session will have.
    ///
    /// # Errors
    /// [`HandshakeError::UnknownChallenge`] when it is over or was made for another audience,
    /// [`HandshakeError::NotTheHolder`], [`HandshakeError::WrongNonce`], and
    /// [`HandshakeError::NoScope`] when the terms have changed and leave nothing.
    ///
    /// # Security
    /// A pass counts only together with the store's word that the challenge had not been used.
    pub fn judge(
        &self,
        proof: Proof<'_>,
        audience: &str,
        terms: &Terms,
        now: Timestamp,
    ) -> Result<Scopes, HandshakeError> {
        if !self.is_open(now) || self.audience != audience {
            return Err(HandshakeError::UnknownChallenge);
        }
        if *proof.holder != self.holder {
            return Err(HandshakeError::NotTheHolder);
        }
        if !self.nonce.is(proof.nonce) {
            return Err(HandshakeError::WrongNonce);
        }
        granted(self.scopes, terms)
    }
}

/// The subject, if any, lives where the holder does.
pub(super) fn check_subject(subject: Option<&Url>, holder: &Url) -> Result<(), HandshakeError> {
    match subject {
        Some(subject) if !same_origin(subject, holder) => Err(HandshakeError::ForeignSubject),
        _ => Ok(()),
    }
}

fn granted(asked: Scopes, terms: &Terms) -> Result<Scopes, HandshakeError> {
    let granted = asked.intersection(terms.offered);
    if granted.is_empty() {
        return Err(HandshakeError::NoScope);
    }
    Ok(granted)
}

/// Takes apart what an id and a secret of 256 bits are made of.
#[expect(
    clippy::expect_used,
    reason = "42 bytes are ten and thirty-two, which the types say"
)]
pub(super) fn split(random: &[u8; CHALLENGE_ENTROPY]) -> (&[u8; 10], &[u8; 32]) {
    let (id, rest) = random.split_first_chunk::<10>().expect("42 is over 10");
    let secret = rest.first_chunk::<32>().expect("32 of 42 remain");
    (id, secret)
}
