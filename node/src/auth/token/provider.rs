//! The signatures of JWTs for `jsonwebtoken` on OpenSSL, with keys parsed once: ES256 is signed, and
//! what issuers sign with is verified (RFC 7518 s3.3 to s3.5, RFC 8037 s3.1).

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
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Private, Public};
use openssl::rsa::Padding;
use openssl::sha::sha256;
use openssl::sign::{self, RsaPssSaltlen};

/// Bytes of each of the two numbers in a signature.
const HALF: i32 = 32;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Parsed keys by their DER; bounded, and only keys of this node and of the issuer that its operator
/// trusts ever come here.
static PRIVATE: LazyLock<Cache<Vec<u8>, EcKey<Private>>> = LazyLock::new(|| Cache::new(16));
static PUBLIC: LazyLock<Cache<Vec<u8>, PKey<Public>>> = LazyLock::new(|| Cache::new(64));

/// Makes `jsonwebtoken` use this provider in the whole process.
pub fn install() {
    // The second and later calls find the same provider in place.
    let _already = PROVIDER.install_default();
}

struct Es256Signer(EcKey<Private>);

struct KeyVerifier {
    algorithm: Algorithm,
    key: PKey<Public>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature is the library's"
)]
fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    if *algorithm != Algorithm::ES256 {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
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
    let der = key.try_get_as_bytes()?;
    let parse = || PKey::public_key_from_der(der);
    let parsed = PUBLIC
        .try_get_with(der.to_vec(), parse)
        .map_err(|_unreadable| bad_key())?;
    let kind = match algorithm {
        Algorithm::ES256 => Id::EC,
        Algorithm::RS256 | Algorithm::PS256 => Id::RSA,
        Algorithm::EdDSA => Id::ED25519,
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    };
    if parsed.id() != kind {
        return Err(bad_key());
    }
    Ok(Box::new(KeyVerifier {
        algorithm: *algorithm,
        key: parsed,
    }))
}

fn bad_key() -> Error {
    ErrorKind::InvalidKeyFormat.into()
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

impl KeyVerifier {
    fn is_good(&self, message: &[u8], signature: &[u8]) -> Result<bool, ErrorStack> {
        match self.algorithm {
            Algorithm::RS256 => {
                let mut verifier = sign::Verifier::new(MessageDigest::sha256(), &self.key)?;
                verifier.set_rsa_padding(Padding::PKCS1)?;
                verifier.verify_oneshot(signature, message)
            }
            Algorithm::PS256 => {
                let mut verifier = sign::Verifier::new(MessageDigest::sha256(), &self.key)?;
                verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
                verifier.set_rsa_mgf1_md(MessageDigest::sha256())?;
                verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
                verifier.verify_oneshot(signature, message)
            }
            Algorithm::EdDSA => {
                let mut verifier = sign::Verifier::new_without_digest(&self.key)?;
                verifier.verify_oneshot(signature, message)
            }
            Algorithm::ES256 => {
                let halves = signature.split_at_checked(32);
                let Some((r, s)) = halves.filter(|(_, s)| s.len() == 32) else {
                    return Ok(false);
                };
                let (r, s) = (BigNum::from_slice(r)?, BigNum::from_slice(s)?);
                let signature = EcdsaSig::from_private_components(r, s)?;
                let key = self.key.ec_key()?;
                signature.verify(&sha256(message), &key)
            }
            _ => Ok(false),
        }
    }
}

impl Verifier<Vec<u8>> for KeyVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        match self.is_good(message, signature) {
            Ok(true) => Ok(()),
            Ok(false) => Err(SignatureError::new()),
            Err(error) => Err(SignatureError::from_source(error)),
        }
    }
}

impl JwtVerifier for KeyVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
