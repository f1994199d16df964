//! Applications, and the proof that whoever brings a code asked for it (RFC 7636).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use openssl::memcmp;
use openssl::sha::sha256;

use crate::base::ids::ApplicationId;
use crate::base::scope::Scopes;

/// Characters of a challenge: SHA-256 in base64url.
const CHALLENGE_LEN: usize = 43;
/// Characters of a verifier (RFC 7636 s4.1).
const VERIFIER_LEN: std::ops::RangeInclusive<usize> = 43..=128;

/// How an application proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthMethod {
    /// It cannot keep a secret; PKCE alone protects it.
    None,
    /// Its secret in the `Authorization` header.
    Basic,
    /// Its secret in the body.
    Post,
}

impl AuthMethod {
    /// Every method.
    pub(super) const ALL: [Self; 3] = [Self::None, Self::Basic, Self::Post];

    /// The method as RFC 7591 names it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
        }
    }

    /// The method with this name.
    pub(super) fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// An application that acts for members.
#[derive(Clone, Debug)]
pub(super) struct Application {
    /// Names it; also its `client_id`.
    pub(super) id: ApplicationId,
    /// What members are shown.
    pub(super) name: String,
    /// Where members may be sent back to.
    pub(super) redirect_uris: Vec<String>,
    /// What it may ask for.
    pub(super) scopes: Scopes,
    /// SHA-256 of its secret, when it can keep one.
    pub(super) secret_hash: Option<Vec<u8>>,
    /// How it shows that secret.
    pub(super) auth_method: AuthMethod,
    /// A page about it.
    pub(super) website: Option<String>,
}

/// Whether the text is a challenge of method `S256`.
pub(super) fn is_challenge(text: &str) -> bool {
    text.len() == CHALLENGE_LEN && BASE64URL.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

/// Whether `verifier` is behind `challenge` (RFC 7636 s4.6, method `S256`).
pub(super) fn proves(verifier: &str, challenge: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !VERIFIER_LEN.contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
        return false;
    }
    let made = BASE64URL.encode(sha256(verifier.as_bytes()));
    made.len() == challenge.len() && memcmp::eq(made.as_bytes(), challenge.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7636, appendix B.
    #[test]
    fn knows_the_verifier_of_the_rfc() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert!(is_challenge(challenge));
        assert!(proves(verifier, challenge));
        assert!(!proves(challenge, challenge), "plain");
        assert!(!proves(verifier.trim_start_matches('d'), challenge));
        assert!(!proves("", challenge));
        assert!(!is_challenge(challenge.trim_start_matches('E')));
    }
}
