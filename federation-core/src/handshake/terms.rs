//! What an issuer grants and how much of it: the terms of the handshake.

use std::time::Duration;

use crate::handshake::Scopes;

/// The longest a session may last.
pub const MAX_SESSION_LIFETIME: Duration = Duration::from_hours(24);
/// How long a challenge waits for its proof.
pub const CHALLENGE_LIFETIME: Duration = Duration::from_mins(2);

/// What an issuer grants, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms {
    /// The scopes that are granted to whoever asks for them. All by default.
    pub offered: Scopes,
    /// How long a session lasts; more than [`MAX_SESSION_LIFETIME`], the default, has no effect.
    pub session_lifetime: Duration,
    /// Challenges that one holder may have open at once. 64 by default; a further one is refused.
    pub challenges_per_holder: u32,
    /// Challenges that the holders of one site may have open at once: of all names with the same
    /// last two labels, since whoever has one of them may have any number; of an IPv4 address; of
    /// the /64 of an IPv6 address. 512 by default, since strangers may share a site (`co.uk`).
    pub challenges_per_site: u32,
    /// Challenges that all holders together may have open at once. 10,000 by default.
    pub challenges: u32,
    /// Live sessions of one holder for one subject. 8 by default; a further one ends the oldest.
    pub sessions_per_subject: u32,
    /// Live sessions of one holder. 10,000 by default; a further one is refused.
    pub sessions_per_holder: u32,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            offered: Scopes::ALL,
            session_lifetime: MAX_SESSION_LIFETIME,
            challenges_per_holder: 64,
            challenges_per_site: 512,
            challenges: 10_000,
            sessions_per_subject: 8,
            sessions_per_holder: 10_000,
        }
    }
}

impl Terms {
    /// How long a session really lasts.
    pub fn lifetime(&self) -> Duration {
        self.session_lifetime.min(MAX_SESSION_LIFETIME)
    }
}
