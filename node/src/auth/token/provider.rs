//! ES256 (RFC 7518 s3.4) for `jsonwebtoken` on OpenSSL, with keys parsed once.

use std::sync::LazyLock;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use moka::sync::Cache;
use openssl::bn::BigNum;
use openssl::ec::EcKey;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private, Public};
use openssl::sha::sha256;

/// Bytes of each of the two numbers in a signature.
const HALF: i32 = 32;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Parsed keys by their DER; bounded, and only keys of this node ever come here.
static PRIVATE: LazyLock<Cache<Vec<u8>, EcKey<Private>>> = LazyLock::new(|| Cache::new(16));
static PUBLIC: LazyLock<Cache<Vec<u8>, EcKey<Public>>> = LazyLock::new(|| Cache::new(64));

/// Makes `jsonwebtoken` use this provider in the whole process.
pub(super) fn install() {
    // The second and later calls find the same provider in place.
    let _already = PROVIDER.install_default();
}

struct Es256Signer(EcKey<Private>);
struct Es256Verifier(EcKey<Public>);

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature is the library's"
)]
fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    only_es256(*algorithm)?;
    let der = key.as_bytes().to_vec();
    let parse = || PKey::private_key_from_pkcs8(key.as_bytes()).and_then(|key| key.ec_key());
    let parsed = PRIVATE
        .try_get_with(der, parse)
        .map_err(|_unreadable| bad_key())?;
    Ok(Box::new(Es256Signer(parsed)))
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature is the library's"
)]
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    only_es256(*algorithm)?;
    let der = key.try_get_as_bytes()?;
    let parse = || EcKey::public_key_from_der(der);
    let parsed = PUBLIC
        .try_get_with(der.to_vec(), parse)
        .map_err(|_unreadable| bad_key())?;
    Ok(Box::new(Es256Verifier(parsed)))
}

fn only_es256(algorithm: Algorithm) -> Result<(), Error> {
    match algorithm {
        Algorithm::ES256 => Ok(()),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

fn bad_key() -> Error {
    ErrorKind::InvalidEcdsaKey.into()
}

impl Signer<Vec<u8>> for Es256Signer {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let sign = || -> Result<Vec<u8>, ErrorStack> {
            let signature = EcdsaSig::sign(&sha256(message), &self.0)?;
            let mut bytes = signature.r().to_vec_padded(HALF)?;
            bytes.extend(signature.s().to_vec_padded(HALF)?);
            Ok(bytes)
        };
        sign().map_err(SignatureError::from_source)
    }
}

impl JwtSigner for Es256Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

impl Verifier<Vec<u8>> for Es256Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        let verify = || -> Result<bool, ErrorStack> {
            let Some((r, s)) = signature
                .split_at_checked(32)
                .filter(|(_, s)| s.len() == 32)
            else {
                return Ok(false);
            };
            let (r, s) = (BigNum::from_slice(r)?, BigNum::from_slice(s)?);
            EcdsaSig::from_private_components(r, s)?.verify(&sha256(message), &self.0)
        };
        match verify() {
            Ok(true) => Ok(()),
            Ok(false) => Err(SignatureError::new()),
            Err(error) => Err(SignatureError::from_source(error)),
        }
    }
}

impl JwtVerifier for Es256Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}
