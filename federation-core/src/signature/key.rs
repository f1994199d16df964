//! Public keys, parsed and judged once, then used for every verification.

use std::fmt;

use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, PKeyRef, Public};
use openssl::rsa::Rsa;
use openssl::sign::Verifier;

use crate::signature::{Algorithm, KeyError, SignatureError, multibase};

/// Longest key text or encoding that is looked at, in bytes.
const MAX_ENCODED: usize = 8 * 1024;
const MIN_RSA_BITS: i32 = 2048;
const MAX_RSA_BITS: i32 = 8192;
const MIN_RSA_EXPONENT: u32 = 65537;
const MAX_RSA_EXPONENT_BITS: i32 = 33;
const ED25519_BYTES: usize = 32;
/// Multicodec prefixes: `ed25519-pub` (0xed) and `rsa-pub` (0x1205) as unsigned varints.
const CODEC_ED25519: [u8; 2] = [0xed, 0x01];
const CODEC_RSA: [u8; 2] = [0x85, 0x24];

/// A public key that signatures are verified under.
///
/// Cloning shares the parsed key.
#[derive(Clone)]
pub struct PublicKey {
    key: PKey<Public>,
    algorithm: Algorithm,
}

impl PublicKey {
    /// Reads PEM text: `PUBLIC KEY` (SPKI) or `RSA PUBLIC KEY` (PKCS#1).
    ///
    /// # Errors
    /// Text that is neither, and every key that [`PublicKey::from_spki_der`] refuses.
    ///
    /// # Security
    /// The text comes from a remote actor document; its length is bounded before it is parsed.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let text = pem.trim();
        bounded(text.as_bytes())?;
        if text.starts_with("-----BEGIN RSA PUBLIC KEY-----") {
            let rsa = Rsa::public_key_from_pem_pkcs1(text.as_bytes())
                .map_err(|_stack| undecodable("PKCS#1 PEM"))?;
            return Self::from_rsa(rsa);
        }
        if !text.starts_with("-----BEGIN PUBLIC KEY-----") {
            return Err(undecodable("public key PEM"));
        }
        let key =
            PKey::public_key_from_pem(text.as_bytes()).map_err(|_stack| undecodable("SPKI PEM"))?;
        Self::judge(key)
    }

    /// Reads a DER `SubjectPublicKeyInfo` (RFC 5280 s4.1.2.7).
    ///
    /// # Errors
    /// Bytes of another encoding; a key that is neither RSA nor Ed25519; an RSA key outside 2048
    /// to 8192 bits or with an exponent that is even, below 65537 or longer than 33 bits; an
    /// Ed25519 point of small order.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        bounded(der)?;
        let key = PKey::public_key_from_der(der).map_err(|_stack| undecodable("SPKI DER"))?;
        Self::judge(key)
    }

    /// Reads a DER `RSAPublicKey` (PKCS#1, RFC 8017 appendix A.1.1).
    ///
    /// # Errors
    /// As [`PublicKey::from_spki_der`].
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, KeyError> {
        bounded(der)?;
        let rsa =
            Rsa::public_key_from_der_pkcs1(der).map_err(|_stack| undecodable("PKCS#1 DER"))?;
        Self::from_rsa(rsa)
    }

    /// Reads `publicKeyMultibase` text: base58btc around a tagged key (FEP-521a).
    ///
    /// # Errors
    /// Another base or tag, and as [`PublicKey::from_spki_der`].
    pub fn from_multibase(text: &str) -> Result<Self, KeyError> {
        let bytes = multibase::decode(text)?;
        if let Some(raw) = bytes.strip_prefix(&CODEC_ED25519) {
            return Self::from_ed25519(raw);
        }
        match bytes.strip_prefix(&CODEC_RSA) {
            Some(der) => Self::from_pkcs1_der(der),
            None => Err(KeyError::UnsupportedKind),
        }
    }

    /// Reads the 32 bytes of an Ed25519 public key (RFC 8032 s5.1.5).
    ///
    /// # Errors
    /// Another length; a point of small order.
    pub fn from_ed25519(raw: &[u8]) -> Result<Self, KeyError> {
        if raw.len() != ED25519_BYTES {
            return Err(undecodable("Ed25519 bytes"));
        }
        let key = PKey::public_key_from_raw_bytes(raw, Id::ED25519)
            .map_err(|_stack| undecodable("Ed25519 bytes"))?;
        Self::judge(key)
    }

    fn from_rsa(rsa: Rsa<Public>) -> Result<Self, KeyError> {
        Self::judge(PKey::from_rsa(rsa).map_err(|_stack| undecodable("RSA"))?)
    }

    /// Applies the rules that hold whatever the encoding was.
    pub(super) fn judge(key: PKey<Public>) -> Result<Self, KeyError> {
        let algorithm = match key.id() {
            Id::RSA => {
                judge_rsa(&key)?;
                Algorithm::RsaSha256
            }
            Id::ED25519 => {
                judge_ed25519(&key)?;
                Algorithm::Ed25519
            }
            _ => return Err(KeyError::UnsupportedKind),
        };
        Ok(Self { key, algorithm })
    }

    /// The one algorithm this key verifies.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Writes the key as SPKI PEM text.
    ///
    /// # Errors
    /// OpenSSL cannot encode the key, which no key that was read here provokes.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        let pem = self
            .key
            .public_key_to_pem()
            .map_err(|_stack| undecodable("SPKI PEM"))?;
        String::from_utf8(pem).map_err(|_bytes| undecodable("SPKI PEM"))
    }

    /// Writes the key as `publicKeyMultibase` text (FEP-521a).
    ///
    /// # Errors
    /// As [`PublicKey::to_pem`].
    pub fn to_multibase(&self) -> Result<String, KeyError> {
        let (codec, body) = match self.algorithm {
            Algorithm::Ed25519 => (CODEC_ED25519, self.key.raw_public_key()),
            Algorithm::RsaSha256 => (
                CODEC_RSA,
                self.key.rsa().and_then(|rsa| rsa.public_key_to_der_pkcs1()),
            ),
        };
        let body = body.map_err(|_stack| undecodable("multibase"))?;
        Ok(multibase::encode(&[codec.as_slice(), &body].concat()))
    }

    /// Checks one signature over one message.
    ///
    /// # Errors
    /// [`SignatureError::Mismatch`] unless OpenSSL says precisely that the signature is good.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        if signature.len() != self.key.size() {
            return Err(SignatureError::Mismatch);
        }
        let verdict = match self.algorithm {
            Algorithm::RsaSha256 => Verifier::new(MessageDigest::sha256(), &self.key),
            Algorithm::Ed25519 => Verifier::new_without_digest(&self.key),
        }
        .and_then(|mut verifier| verifier.verify_oneshot(signature, message));
        match verdict {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(SignatureError::Mismatch),
        }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm && self.key.public_eq(&other.key)
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PublicKey")
            .field("algorithm", &self.algorithm)
            .field("bits", &self.key.bits())
            .finish()
    }
}

fn bounded(bytes: &[u8]) -> Result<(), KeyError> {
    if bytes.len() > MAX_ENCODED {
        return Err(KeyError::TooLong { limit: MAX_ENCODED });
    }
    Ok(())
}

const fn undecodable(encoding: &'static str) -> KeyError {
    KeyError::Undecodable { encoding }
}

fn judge_rsa(key: &PKeyRef<Public>) -> Result<(), KeyError> {
    let rsa = key.rsa().map_err(|_stack| KeyError::UnsupportedKind)?;
    let bits = rsa.n().num_bits();
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) || !rsa.n().is_bit_set(0) {
        return Err(KeyError::RsaModulus { bits });
    }
    let least = BigNum::from_u32(MIN_RSA_EXPONENT).map_err(|_stack| KeyError::RsaExponent)?;
    let exponent = rsa.e();
    if exponent < &*least || exponent.num_bits() > MAX_RSA_EXPONENT_BITS || !exponent.is_bit_set(0)
    {
        return Err(KeyError::RsaExponent);
    }
    Ok(())
}

/// The y coordinates of the eight points whose order divides eight, without the sign bit, and the
/// two that are not reduced.
const SMALL_ORDER: [[u8; ED25519_BYTES]; 7] = {
    let mut one = [0; ED25519_BYTES];
    one[0] = 1;
    let mut minus_one = [0xff; ED25519_BYTES];
    minus_one[0] = 0xec;
    minus_one[31] = 0x7f;
    let mut prime = [0xff; ED25519_BYTES];
    prime[0] = 0xed;
    prime[31] = 0x7f;
    let mut prime_and_one = [0xff; ED25519_BYTES];
    prime_and_one[0] = 0xee;
    prime_and_one[31] = 0x7f;
    [
        [0; ED25519_BYTES],
        one,
        minus_one,
        prime,
        prime_and_one,
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
            0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
            0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10,
            0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77,
            0x92, 0xac, 0x03, 0x7a,
        ],
    ]
};

fn judge_ed25519(key: &PKeyRef<Public>) -> Result<(), KeyError> {
    let mut raw = key
        .raw_public_key()
        .map_err(|_stack| undecodable("Ed25519 bytes"))?;
    if let Some(last) = raw.last_mut() {
        *last &= 0x7f;
    }
    if SMALL_ORDER.iter().any(|point| point.as_slice() == raw) {
        return Err(KeyError::SmallOrder);
    }
    Ok(())
}
