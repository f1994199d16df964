//! What is known of the signatures that a server takes.

use super::Scheme;

/// What is known of the signatures that a server takes.
///
/// Most servers take draft-cavage, some take RFC 9421 as well, and some answer "accepted" to an
/// RFC 9421 signature and drop the request in silence. So draft-cavage comes first, unless a
/// server is known to take RFC 9421.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PeerScheme {
    /// It took draft-cavage.
    Cavage,
    /// It took draft-cavage after it had refused RFC 9421: hints that it knows the latter are
    /// passed over.
    CavageOnly,
    /// It took RFC 9421, signs so itself, advertises it (FEP-844e) or asked for it
    /// (`Accept-Signature`).
    Rfc9421,
}

impl PeerScheme {
    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cavage => "cavage",
            Self::CavageOnly => "cavage-only",
            Self::Rfc9421 => "rfc9421",
        }
    }

    /// Reads the word; `None` for any other.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Cavage, Self::CavageOnly, Self::Rfc9421]
            .into_iter()
            .find(|scheme| scheme.as_str() == word)
    }

    /// The scheme to begin with, given what is known.
    pub const fn first(known: Option<Self>) -> Scheme {
        match known {
            Some(Self::Rfc9421) => Scheme::Rfc9421,
            Some(Self::Cavage | Self::CavageOnly) | None => Scheme::Cavage,
        }
    }

    /// What is known once a server has taken `scheme`, having refused the other before or not.
    pub const fn after(known: Option<Self>, taken: Scheme, refused_other: bool) -> Self {
        match (taken, known) {
            (Scheme::Rfc9421, _) => Self::Rfc9421,
            (Scheme::Cavage, Some(Self::CavageOnly)) => Self::CavageOnly,
            (Scheme::Cavage, _) if refused_other => Self::CavageOnly,
            (Scheme::Cavage, _) => Self::Cavage,
        }
    }
}

impl Scheme {
    /// The one that is left to try.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Cavage => Self::Rfc9421,
            Self::Rfc9421 => Self::Cavage,
        }
    }
}
