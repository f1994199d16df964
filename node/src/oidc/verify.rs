//! Checks tokens of the issuer: signature by its key, then every claim (OpenID Connect Core
//! s3.1.3.7, RFC 9068 s4, RFC 8725).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use federation_core::Timestamp;
use jsonwebtoken::{Algorithm, Validation};
use openssl::memcmp;
use openssl::sha::{sha256, sha512};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::OidcError;
use super::provider::Provider;

/// How far the clocks may be apart.
const LEEWAY: Duration = Duration::from_mins(1);
/// Characters in a name of a person at most (OpenID Connect Core s2).
const MAX_SUBJECT: usize = 255;

/// The header of a token (RFC 7515 s4.1).
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

/// A token whose signature, issuer and times are right.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) subject: String,
    pub(super) expires_at: Timestamp,
    pub(super) issued_at: Timestamp,
    claims: Map<String, Value>,
    algorithm: Algorithm,
    /// The type in the header, in lower case.
    media_type: String,
}

/// Checks what every token of the issuer must have.
///
/// # Errors
/// The token is not good, or the issuer's keys cannot be had.
pub(super) async fn verify(
    provider: &Arc<Provider>,
    token: &str,
    now: Timestamp,
) -> Result<Verified, OidcError> {
    let bad = || OidcError::InvalidToken;
    let part = |place: usize| {
        let text = token.split('.').nth(place).unwrap_or_default();
        BASE64URL.decode(text).map_err(|_damaged| bad())
    };
    let header: Header = serde_json::from_slice(&part(0)?).map_err(|_damaged| bad())?;
    let algorithm: Algorithm = header.alg.parse().map_err(|_unknown| bad())?;
    // Whose token it says it is comes first: one of somebody else never leads to a request.
    let claimed: Map<String, Value> = serde_json::from_slice(&part(1)?).map_err(|_bad| bad())?;
    if header.crit.is_some() || text(&claimed, "iss") != Some(provider.issuer.as_str()) {
        return Err(bad());
    }
    let key = provider.key(header.kid.as_deref(), algorithm).await?;
    let mut validation = Validation::new(algorithm);
    // Judged below: by the clock of the server, and exactly.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let decoded = jsonwebtoken::decode::<Map<String, Value>>(token, &key.decoding, &validation);
    let claims = decoded.map_err(|_forged| bad())?.claims;
    let number = |name: &str| claims.get(name).and_then(seconds);
    let (expires_at, issued_at) = number("exp").zip(number("iat")).ok_or_else(bad)?;
    let begins_at = number("nbf").unwrap_or(issued_at);
    let subject = text(&claims, "sub").ok_or_else(bad)?.to_owned();
    let in_time = expires_at.plus(LEEWAY) > now
        && issued_at <= now.plus(LEEWAY)
        && begins_at <= now.plus(LEEWAY);
    if !in_time || subject.is_empty() || subject.len() > MAX_SUBJECT {
        return Err(bad());
    }
    Ok(Verified {
        subject,
        expires_at,
        issued_at,
        claims,
        algorithm,
        media_type: header.typ.unwrap_or_default().to_ascii_lowercase(),
    })
}

fn seconds(value: &Value) -> Option<Timestamp> {
    let seconds = value.as_i64().filter(|it| (0..1 << 40).contains(it))?;
    Some(Timestamp::from_millis(seconds.saturating_mul(1000)))
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

impl Verified {
    /// A claim that is text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        text(&self.claims, name)
    }

    /// Whether a claim is true.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.claims.get(name).and_then(Value::as_bool) == Some(true)
    }

    fn audiences(&self) -> Vec<&str> {
        match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Holds the token to be the ID token of this sign-in.
    ///
    /// # Errors
    /// It is for another client, another sign-in, or another access token.
    pub(super) fn as_id_token(
        &self,
        client_id: &str,
        nonce: &str,
        access_token: Option<&str>,
    ) -> Result<(), OidcError> {
        let audiences = self.audiences();
        let party = self.text("azp");
        let for_us = audiences.contains(&client_id)
            && party.is_none_or(|party| party == client_id)
            && (audiences.len() == 1 || party.is_some());
        let said = self.text("nonce").unwrap_or_default();
        let fresh = said.len() == nonce.len() && memcmp::eq(said.as_bytes(), nonce.as_bytes());
        let bound = match (self.claims.get("at_hash"), access_token) {
            (None, _) => true,
            (Some(hash), Some(token)) => hash.as_str() == Some(&half_hash(self.algorithm, token)),
            (Some(_), None) => false,
        };
        // An access token is no ID token, whatever else fits.
        let is_one = self.media_type != "at+jwt" && self.text("typ").is_none_or(|it| it == "ID");
        if for_us && fresh && bound && is_one {
            Ok(())
        } else {
            Err(OidcError::InvalidToken)
        }
    }

    /// Holds the token to be an access token for one of these audiences.
    ///
    /// # Errors
    /// It is an ID token or the like, or for others.
    ///
    /// # Security
    /// An ID token has the node's client as audience too, and every application that a member signs
    /// in to holds one. Access tokens say what they are: by the type `at+jwt` of RFC 9068, or as
    /// Keycloak does by the claim `typ` of `Bearer`.
    pub(super) fn as_access_token(&self, audiences: &[&str]) -> Result<(), OidcError> {
        let is_typed = ["at+jwt", "application/at+jwt"].contains(&self.media_type.as_str());
        let is_one = is_typed || self.text("typ") == Some("Bearer");
        let for_us = self.audiences().iter().any(|it| audiences.contains(it));
        if is_one && for_us {
            Ok(())
        } else {
            Err(OidcError::InvalidToken)
        }
    }
}

/// Half of a hash of the access token (OpenID Connect Core s3.1.3.6).
fn half_hash(algorithm: Algorithm, token: &str) -> String {
    let half = |bytes: &[u8]| {
        let (half, _) = bytes.split_at(bytes.len() / 2);
        BASE64URL.encode(half)
    };
    match algorithm {
        Algorithm::EdDSA => half(&sha512(token.as_bytes())),
        _ => half(&sha256(token.as_bytes())),
    }
}
