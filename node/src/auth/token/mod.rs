//! Access tokens: JWTs (RFC 7519, RFC 9068) signed with ES256 by keys of this node alone.

mod key_set;
mod keys;
mod provider;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use federation_core::Timestamp;
use federation_core::store::sql::Database;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use moka::sync::Cache;
use openssl::sha::sha256;
use serde::{Deserialize, Serialize};

pub use self::key_set::{KeySet, PublicKey};
pub use self::provider::install;
use super::error::AuthError;
use super::operations::{self, Operation};
use crate::base::ids::{ApplicationId, SessionId, UserId};
use crate::base::scope::Scopes;
use crate::config::Origin;
use crate::platform::sealing::Keyring;

/// The type in the header, so that no other JWT passes for an access token (RFC 9068 s2.1).
const TYPE: &str = "at+jwt";
/// No token is good for longer, whatever it says.
const LONGEST_LIFETIME: Duration = Duration::from_hours(1);
/// How far the clock of the process that made a token may be ahead, in seconds.
const LEEWAY: i64 = 60;
/// How often an unknown key id may lead to the database.
const RELOAD_EVERY: Duration = Duration::from_secs(5);
/// Tokens whose signature is remembered as good; each takes about 200 bytes.
const REMEMBERED: u64 = 50_000;

/// Signs and checks access tokens.
pub struct Tokens {
    origin: String,
    lifetime: Duration,
    keyring: Arc<Keyring>,
    validation: Validation,
    known: RwLock<Arc<Known>>,
    looked_at: RwLock<Timestamp>,
    /// What signed tokens say, by the SHA-256 of the token: whether its session lives is asked
    /// every time, so nothing has to leave when one ends.
    signed: Cache<[u8; 32], Said>,
}

/// The keys as they were loaded last.
struct Known {
    kid: String,
    signing: EncodingKey,
    verifying: HashMap<String, DecodingKey>,
    listed: KeySet,
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
    /// The application that it was given to, when it was to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ApplicationId>,
    /// What of the session's scopes it has; all when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// What a token says of the application it is given to, if any.
pub type TokenClient = Option<(ApplicationId, Scopes)>;

/// What of the claims counts once the signature, issuer and audience are known to be right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) sub: UserId,
    pub(super) sid: SessionId,
    pub(super) exp: i64,
    pub(super) scopes: Option<Scopes>,
    iat: i64,
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
    /// `lifetime` is how long a token is good, at most an hour.
    ///
    /// # Errors
    /// The database failed, or a key does not open under the key ring.
    pub async fn load(
        origin: &Origin,
        lifetime: Duration,
        db: &Database,
        now: Timestamp,
        keyring: &Arc<Keyring>,
    ) -> Result<Self, AuthError> {
        install();
        let known = Known::load(db, now, keyring).await?;
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[origin.as_str()]);
        validation.set_audience(&[origin.as_str()]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // Judged below, by the clock of the server and without leeway.
        validation.validate_exp = false;
        Ok(Self {
            origin: origin.as_str().to_owned(),
            lifetime: lifetime.min(LONGEST_LIFETIME),
            keyring: Arc::clone(keyring),
            validation,
            known: RwLock::new(Arc::new(known)),
            // The first unknown key is looked for at once: two processes may start together.
            looked_at: RwLock::new(now.minus(RELOAD_EVERY)),
            signed: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(LONGEST_LIFETIME)
                .build(),
        })
    }

    /// A new token for this member and session, good from `now` for [`Tokens::lifetime`].
    ///
    /// # Errors
    /// OpenSSL failed.
    pub fn issue(
        &self,
        user: UserId,
        session: SessionId,
        client: TokenClient,
        now: Timestamp,
    ) -> Result<String, AuthError> {
        let claims = Claims {
            iss: self.origin.clone(),
            aud: self.origin.clone(),
            sub: user,
            sid: session,
            iat: now.as_seconds(),
            exp: now.plus(self.lifetime).as_seconds(),
            client_id: client.map(|(id, _)| id),
            scope: client.map(|(_, scopes)| scopes.to_string()),
        };
        let known = self.known();
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(known.kid.clone());
        let made =
            jsonwebtoken::encode(&header, &claims, &known.signing).map_err(AuthError::Signing);
        operations::count(Operation::Issue, made.as_ref().err());
        made
    }

    /// How long a token is good.
    pub const fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// The public keys that tokens are checked with.
    pub fn key_set(&self) -> KeySet {
        self.known().listed.clone()
    }

    /// Checks everything about a token that needs no session.
    ///
    /// # Security
    /// The algorithm is ES256 whatever the token says; `none` and any other are refused, and so is
    /// a token that asks for something this server does not know (`crit`, RFC 7515 s4.1.11). Keys
    /// come from the table alone, never from the token.
    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Result<Said, Refusal> {
        let hash = sha256(token.as_bytes());
        let said = if let Some(said) = self.signed.get(&hash) {
            said
        } else {
            let said = self.verify_signature(token)?;
            self.signed.insert(hash, said);
            said
        };
        let longest = i64::try_from(LONGEST_LIFETIME.as_secs()).unwrap_or(0);
        if said.iat > now.as_seconds().saturating_add(LEEWAY)
            || said.exp.saturating_sub(said.iat) > longest
        {
            return Err(Refusal::Invalid);
        }
        if said.exp <= now.as_seconds() {
            return Err(Refusal::Expired);
        }
        Ok(said)
    }

    fn verify_signature(&self, token: &str) -> Result<Said, Refusal> {
        let header = jsonwebtoken::decode_header(token).map_err(|_malformed| Refusal::Invalid)?;
        if header.alg != Algorithm::ES256
            || header.typ.as_deref() != Some(TYPE)
            || header.crit.is_some()
        {
            return Err(Refusal::Invalid);
        }
        let kid = header.kid.ok_or(Refusal::Invalid)?;
        let known = self.known();
        let key = known.verifying.get(&kid).ok_or(Refusal::UnknownKey)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation)
            .map_err(|_refused| Refusal::Invalid)?
            .claims;
        Ok(Said {
            sub: claims.sub,
            sid: claims.sid,
            exp: claims.exp,
            scopes: claims.scope.map(|text| text.parse().unwrap_or_default()),
            iat: claims.iat,
        })
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks for keys that another process made since; not more often than every five seconds.
    pub(super) async fn reload(&self, db: &Database, now: Timestamp) -> Result<(), AuthError> {
        {
            let mut looked_at = self
                .looked_at
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            if now.since(*looked_at) < RELOAD_EVERY {
                return Ok(());
            }
            *looked_at = now;
        }
        self.renew(db, now).await
    }

    /// Takes up the keys as they are in the table now, making and removing what is due.
    pub(super) async fn renew(&self, db: &Database, now: Timestamp) -> Result<(), AuthError> {
        let new = Known::load(db, now, &self.keyring).await?;
        let is_known = |kid: &String| new.verifying.contains_key(kid);
        let is_complete = self.known().verifying.keys().all(is_known);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        if !is_complete {
            // What a removed key signed is no longer good.
            self.signed.invalidate_all();
        }
        Ok(())
    }
}

impl Known {
    async fn load(db: &Database, now: Timestamp, keyring: &Keyring) -> Result<Self, AuthError> {
        let stored = keys::load(db, now, keyring).await?;
        let signing = keys::signing(&stored, now).ok_or(AuthError::NoTokenKey)?;
        let listed = stored
            .iter()
            .map(|key| PublicKey::new(key.id.to_string(), &key.public))
            .collect::<Result<_, _>>()?;
        let verifying = |key: &keys::StoredKey| {
            let decoded = DecodingKey::from_ec_der(&key.public);
            (key.id.to_string(), decoded)
        };
        Ok(Self {
            kid: signing.id.to_string(),
            signing: EncodingKey::from_ec_der(&signing.private(keyring)?),
            verifying: stored.iter().map(verifying).collect(),
            listed: KeySet { keys: listed },
        })
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tokens")
            .field("origin", &self.origin)
            .field("kid", &self.known().kid)
            .finish_non_exhaustive()
    }
}
