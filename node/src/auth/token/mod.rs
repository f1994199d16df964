//! Access tokens: JWTs (RFC 7519, RFC 9068) signed with ES256 by keys of this node alone.

mod keys;
mod provider;

use std::collections::HashMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use federation_core::Timestamp;
use federation_core::store::sql::Database;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::error::AuthError;
use super::model::ACCESS_LIFETIME;
use crate::base::ids::{SessionId, UserId};
use crate::config::Origin;
use crate::platform::sealing::Keyring;

/// The type in the header, so that no other JWT passes for an access token (RFC 9068 s2.1).
const TYPE: &str = "at+jwt";
/// How often an unknown key id may lead to the database.
const RELOAD_EVERY: Duration = Duration::from_secs(5);

/// Signs and checks access tokens.
pub struct Tokens {
    origin: String,
    signing: Signing,
    validation: Validation,
    known: RwLock<Known>,
}

struct Signing {
    header: Header,
    key: EncodingKey,
}

struct Known {
    keys: HashMap<String, DecodingKey>,
    reloaded_at: Timestamp,
}

/// What an access token says (RFC 9068 s2.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The origin that made the token.
    pub iss: String,
    /// The origin it is for: the same.
    pub aud: String,
    /// Who.
    pub sub: UserId,
    /// By which sign-in.
    pub sid: SessionId,
    /// Seconds since the Unix epoch.
    pub iat: i64,
    /// Seconds since the Unix epoch.
    pub exp: i64,
}

/// Why a token does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It names a key that is not known here yet.
    UnknownKey,
    /// It is malformed, forged or of another origin.
    Invalid,
    /// It has expired.
    Expired,
}

impl Tokens {
    /// Loads the keys; makes a new one when there is none or the newest is old.
    ///
    /// # Errors
    /// The database failed, or a key does not open under the key ring.
    pub async fn load(
        origin: &Origin,
        db: &Database,
        now: Timestamp,
        keyring: &std::sync::Arc<Keyring>,
    ) -> Result<Self, AuthError> {
        provider::install();
        let stored = keys::load_or_make(db, now, keyring).await?;
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[origin.as_str()]);
        validation.set_audience(&[origin.as_str()]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // Judged below, by the clock of the server and without leeway.
        validation.validate_exp = false;
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(stored.signing_id);
        Ok(Self {
            origin: origin.as_str().to_owned(),
            signing: Signing {
                header,
                key: EncodingKey::from_ec_der(&stored.signing_key),
            },
            validation,
            known: RwLock::new(Known {
                keys: decoding(stored.public_keys),
                reloaded_at: now,
            }),
        })
    }

    /// A new token for this member and session, good from `now` for [`ACCESS_LIFETIME`].
    ///
    /// # Errors
    /// OpenSSL failed.
    pub fn issue(
        &self,
        user: UserId,
        session: SessionId,
        now: Timestamp,
    ) -> Result<String, AuthError> {
        let claims = Claims {
            iss: self.origin.clone(),
            aud: self.origin.clone(),
            sub: user,
            sid: session,
            iat: now.as_seconds(),
            exp: now.plus(ACCESS_LIFETIME).as_seconds(),
        };
        jsonwebtoken::encode(&self.signing.header, &claims, &self.signing.key)
            .map_err(AuthError::Signing)
    }

    /// Checks everything about a token that needs no session.
    ///
    /// # Security
    /// The algorithm is ES256 whatever the token says; `none` and any other are refused.
    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, Refusal> {
        let header = jsonwebtoken::decode_header(token).map_err(|_malformed| Refusal::Invalid)?;
        if header.alg != Algorithm::ES256 || header.typ.as_deref() != Some(TYPE) {
            return Err(Refusal::Invalid);
        }
        let kid = header.kid.ok_or(Refusal::Invalid)?;
        let key = self.key(&kid).ok_or(Refusal::UnknownKey)?;
        let decoded = jsonwebtoken::decode::<Claims>(token, &key, &self.validation)
            .map_err(|_refused| Refusal::Invalid)?;
        if decoded.claims.exp <= now.as_seconds() {
            return Err(Refusal::Expired);
        }
        Ok(decoded.claims)
    }

    fn key(&self, kid: &str) -> Option<DecodingKey> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.keys.get(kid).cloned()
    }

    /// Looks for keys that another process made since; not more often than every five seconds.
    pub(super) async fn reload(&self, db: &Database, now: Timestamp) -> Result<(), AuthError> {
        {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            if now.since(known.reloaded_at) < RELOAD_EVERY {
                return Ok(());
            }
            known.reloaded_at = now;
        }
        let keys = decoding(keys::public_keys(db).await?);
        self.known
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .keys = keys;
        Ok(())
    }
}

fn decoding(keys: Vec<(String, Vec<u8>)>) -> HashMap<String, DecodingKey> {
    let decoded = |(id, der): (String, Vec<u8>)| (id, DecodingKey::from_ec_der(&der));
    keys.into_iter().map(decoded).collect()
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tokens")
            .field("origin", &self.origin)
            .field("kid", &self.signing.header.kid)
            .finish_non_exhaustive()
    }
}
