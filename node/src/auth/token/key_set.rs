//! The public halves of the keys as a JSON Web Key Set (RFC 7517).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::EcKey;
use openssl::error::ErrorStack;
use serde::Serialize;

/// Bytes of a coordinate of P-256 (RFC 7518 s6.2.1.2).
const COORDINATE: i32 = 32;

/// A key set (RFC 7517 s5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct KeySet {
    /// The keys, newest first.
    pub keys: Vec<PublicKey>,
}

/// A key that access tokens are checked with (RFC 7517 s4, RFC 7518 s6.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PublicKey {
    kid: String,
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    r#use: &'static str,
    x: String,
    y: String,
}

impl PublicKey {
    /// The key with this id and `SubjectPublicKeyInfo` (DER).
    pub(super) fn new(kid: String, der: &[u8]) -> Result<Self, ErrorStack> {
        let key = EcKey::public_key_from_der(der)?;
        let (mut x, mut y) = (BigNum::new()?, BigNum::new()?);
        let mut context = BigNumContext::new()?;
        key.public_key()
            .affine_coordinates(key.group(), &mut x, &mut y, &mut context)?;
        Ok(Self {
            kid,
            kty: "EC",
            crv: "P-256",
            alg: "ES256",
            r#use: "sig",
            x: BASE64URL.encode(x.to_vec_padded(COORDINATE)?),
            y: BASE64URL.encode(y.to_vec_padded(COORDINATE)?),
        })
    }
}
