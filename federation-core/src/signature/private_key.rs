//! Private keys and the pair of key id and key that signs requests.

use std::fmt;
use std::sync::Arc;

use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use url::Url;

use crate::signature::{Algorithm, KeyError, PublicKey, SignError};

const RSA_BITS: u32 = 2048;

/// A private key; its `Debug` shows nothing of it.
///
/// Cloning shares the parsed key.
#[derive(Clone)]
pub struct PrivateKey {
    key: PKey<Private>,
    public: PublicKey,
}

impl PrivateKey {
    /// Makes a new key: RSA with 2048 bits and exponent 65537, or Ed25519.
    ///
    /// # Errors
    /// [`KeyError::Generation`] when OpenSSL has no randomness or memory.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let key = match algorithm {
            Algorithm::RsaSha256 => Rsa::generate(RSA_BITS).and_then(PKey::from_rsa),
            Algorithm::Ed25519 => PKey::generate_ed25519(),
        }
        .map_err(|stack| KeyError::Generation {
            reason: stack.to_string(),
        })?;
        Self::judge(key)
    }

    /// Reads a stored key: PKCS#1 or PKCS#8 for RSA, PKCS#8 or the 32 raw bytes for Ed25519.
    ///
    /// # Errors
    /// Bytes of another encoding or a key of another kind, and RSA keys that
    /// [`PublicKey::from_spki_der`] would refuse.
    pub fn from_der(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        let key = if algorithm == Algorithm::Ed25519 && bytes.len() == 32 {
            PKey::private_key_from_raw_bytes(bytes, Id::ED25519)
        } else {
            PKey::private_key_from_der(bytes)
        }
        .map_err(|_stack| KeyError::Undecodable {
            encoding: "private key DER",
        })?;
        Self::expect(Self::judge(key)?, algorithm)
    }

    /// Reads an unencrypted PEM private key (PKCS#1 or PKCS#8).
    ///
    /// # Errors
    /// As [`PrivateKey::from_der`].
    pub fn from_pem(algorithm: Algorithm, pem: &str) -> Result<Self, KeyError> {
        let key = PKey::private_key_from_pem_callback(pem.as_bytes(), |_buffer| Ok(0)).map_err(
            |_stack| KeyError::Undecodable {
                encoding: "private key PEM",
            },
        )?;
        Self::expect(Self::judge(key)?, algorithm)
    }

    fn expect(key: Self, algorithm: Algorithm) -> Result<Self, KeyError> {
        if key.algorithm() == algorithm {
            Ok(key)
        } else {
            Err(KeyError::OtherKind {
                expected: algorithm,
            })
        }
    }

    fn judge(key: PKey<Private>) -> Result<Self, KeyError> {
        let public = key
            .public_key_to_der()
            .map_err(|_stack| KeyError::UnsupportedKind)?;
        Ok(Self {
            public: PublicKey::from_spki_der(&public)?,
            key,
        })
    }

    /// Writes the key for storage: PKCS#1 for RSA, PKCS#8 for Ed25519.
    ///
    /// # Errors
    /// OpenSSL cannot encode the key, which no key that was read or made here provokes.
    ///
    /// # Security
    /// The bytes are the secret in the clear; seal them before they are stored.
    pub fn to_der(&self) -> Result<Vec<u8>, KeyError> {
        match self.algorithm() {
            Algorithm::RsaSha256 => self.key.rsa().and_then(|rsa| rsa.private_key_to_der()),
            Algorithm::Ed25519 => self.key.private_key_to_pkcs8(),
        }
        .map_err(|_stack| KeyError::Undecodable {
            encoding: "private key DER",
        })
    }

    /// The algorithm this key signs with.
    pub const fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        self.public.clone()
    }

    /// Signs a message.
    ///
    /// # Errors
    /// [`SignError::Signing`] when OpenSSL refuses, for instance for want of memory.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match self.algorithm() {
            Algorithm::RsaSha256 => Signer::new(MessageDigest::sha256(), &self.key),
            Algorithm::Ed25519 => Signer::new_without_digest(&self.key),
        }
        .and_then(|mut signer| signer.sign_oneshot_to_vec(message))
        .map_err(|stack| SignError::signing(&stack))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PrivateKey")
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

/// A private key with the id under which its public half is published.
///
/// Cloning is cheap: both parts are shared.
#[derive(Clone, Debug)]
pub struct SigningKey {
    key_id: Arc<Url>,
    key: PrivateKey,
}

impl SigningKey {
    /// Joins a key with the id under which others find it.
    pub fn new(key_id: Url, key: PrivateKey) -> Self {
        Self {
            key_id: Arc::new(key_id),
            key,
        }
    }

    /// The id that signatures name.
    pub fn key_id(&self) -> &Url {
        &self.key_id
    }

    /// The key itself.
    pub const fn key(&self) -> &PrivateKey {
        &self.key
    }
}
