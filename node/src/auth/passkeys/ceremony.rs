//! What is kept between a challenge and its answer, and the party that passkeys are made for.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use federation_core::Timestamp;
use openssl::sha::sha256;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::Url;
use webauthn_rs::{Webauthn, WebauthnBuilder};

use crate::auth::error::AuthError;
use crate::base::ids::{SessionId, UserId};
use crate::config::Origin;
use crate::platform::sealing::Keyring;

/// How long a challenge may be answered.
pub(super) const LIFETIME: Duration = Duration::from_mins(5);

/// What a challenge is for; an answer to one is none to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ceremony {
    /// A new passkey of this member, who asks by this session.
    Register(UserId, SessionId),
    /// A sign-in.
    SignIn,
}

impl Ceremony {
    /// What the seal is bound to.
    fn place(self) -> String {
        match self {
            Self::Register(user, session) => format!("passkeys/register/{user}/{session}"),
            Self::SignIn => "passkeys/login".to_owned(),
        }
    }
}

/// What the library needs again when the answer comes.
#[derive(Serialize, Deserialize)]
struct Kept<T> {
    state: T,
    /// Milliseconds since the Unix epoch.
    expires_at: i64,
}

/// A challenge that was opened again.
#[derive(Debug)]
pub(super) struct Opened<T> {
    pub(super) state: T,
    /// What tells it from all others.
    pub(super) hash: Vec<u8>,
    pub(super) expires_at: Timestamp,
}

/// Seals what must be kept until the answer.
pub(super) fn seal<T: Serialize>(
    keyring: &Keyring,
    ceremony: Ceremony,
    state: T,
    now: Timestamp,
) -> Result<String, AuthError> {
    let kept = Kept {
        state,
        expires_at: now.plus(LIFETIME).as_millis(),
    };
    let plain = serde_json::to_vec(&kept).map_err(|_no_json| AuthError::PasskeyRefused)?;
    let sealed = keyring.seal(&plain, ceremony.place().as_bytes())?;
    Ok(BASE64URL.encode(sealed))
}

/// Opens what was sealed for the same purpose, while it may be answered.
pub(super) fn open<T: DeserializeOwned>(
    keyring: &Keyring,
    ceremony: Ceremony,
    sent: &str,
    now: Timestamp,
) -> Result<Opened<T>, AuthError> {
    let refused = AuthError::PasskeyRefused;
    let Ok(sealed) = BASE64URL.decode(sent) else {
        return Err(refused);
    };
    let Ok(plain) = keyring.open_sealed(&sealed, ceremony.place().as_bytes()) else {
        return Err(refused);
    };
    let Ok(kept) = serde_json::from_slice::<Kept<T>>(&plain) else {
        return Err(refused);
    };
    let expires_at = Timestamp::from_millis(kept.expires_at);
    if expires_at <= now {
        return Err(refused);
    }
    Ok(Opened {
        state: kept.state,
        hash: sha256(&sealed).to_vec(),
        expires_at,
    })
}

/// The party that passkeys are made for; `None` where no browser makes one.
pub(in crate::auth) fn relying_party(origin: &Origin) -> Option<Webauthn> {
    let url = origin.url();
    let host = url.domain()?;
    if !is_secure(url, host) {
        return None;
    }
    let builder = WebauthnBuilder::new(host, url).ok()?;
    builder.rp_name(host).timeout(LIFETIME).build().ok()
}

/// Where browsers allow passkeys (Secure Contexts s3.1).
fn is_secure(url: &Url, host: &str) -> bool {
    url.scheme() == "https" || host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_made_where_browsers_make_them() {
        let has = |url: &str| relying_party(&Origin::new(&Url::parse(url).unwrap())).is_some();
        assert!(has("https://chat.example"));
        assert!(has("https://chat.example:8443"));
        assert!(has("http://localhost:8080"));
        assert!(!has("http://chat.example"));
        assert!(!has("http://127.0.0.1:8080"));
        assert!(!has("https://[::1]"));
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_and_in_its_time_alone() {
        let directory = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(directory.path()).unwrap();
        let now = Timestamp::from_millis(1_795_190_734_032);
        let (user, session) = (UserId::new(now), SessionId::new(now));
        let register = Ceremony::Register(user, session);
        let sent = seal(&keyring, register, 7, now).unwrap();
        let open_as = |ceremony, now| open::<i32>(&keyring, ceremony, &sent, now);
        assert_eq!(open_as(register, now).unwrap().state, 7);
        let later = now.plus(LIFETIME);
        assert!(open_as(register, later).is_err());
        assert!(open_as(Ceremony::SignIn, now).is_err());
        let other = Ceremony::Register(user, SessionId::new(now));
        assert!(open_as(other, now).is_err());
        let other = Ceremony::Register(UserId::new(now), session);
        assert!(open_as(other, now).is_err());
    }
}
