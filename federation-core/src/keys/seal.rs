//! Private keys at rest: the port that seals them, and one way to do it.

use std::fmt;

use openssl::rand::rand_bytes;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use thiserror::Error;

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// A private key could not be sealed or opened.
#[derive(Debug, Error)]
#[error("{source}")]
pub struct SealFault {
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl SealFault {
    /// Wraps the cause.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            source: source.into(),
        }
    }
}

/// Seals private keys before they are stored, and opens them again.
///
/// # Security
/// The key id has to be bound to what is sealed, so that two rows that are swapped open neither.
pub trait KeySealer: fmt::Debug + Send + Sync + 'static {
    /// Seals the private key with this id.
    ///
    /// # Errors
    /// The system has no randomness, or the cipher failed.
    fn seal(&self, private_key: &[u8], key_id: &str) -> Result<Vec<u8>, SealFault>;

    /// Opens what was sealed under this id.
    ///
    /// # Errors
    /// It was sealed elsewhere or under another id, or was changed.
    fn open(&self, sealed: &[u8], key_id: &str) -> Result<Vec<u8>, SealFault>;
}

/// AES-256-GCM under one secret, which the application keeps apart from the database.
///
/// The sealed form is nonce (12 bytes), ciphertext, tag (16 bytes).
pub struct AesSealer([u8; 32]);

impl AesSealer {
    /// Seals under this secret.
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// Seals under a new secret, which is lost with the process.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn generate() -> Result<Self, SealFault> {
        let mut secret = [0; 32];
        rand_bytes(&mut secret).map_err(SealFault::new)?;
        Ok(Self(secret))
    }
}

impl KeySealer for AesSealer {
    fn seal(&self, private_key: &[u8], key_id: &str) -> Result<Vec<u8>, SealFault> {
        let mut nonce = [0; NONCE_BYTES];
        let mut tag = [0; TAG_BYTES];
        rand_bytes(&mut nonce).map_err(SealFault::new)?;
        let cipher = Cipher::aes_256_gcm();
        let id = key_id.as_bytes();
        let sealed = encrypt_aead(cipher, &self.0, Some(&nonce), id, private_key, &mut tag)
            .map_err(SealFault::new)?;
        Ok([nonce.as_slice(), &sealed, &tag].concat())
    }

    fn open(&self, sealed: &[u8], key_id: &str) -> Result<Vec<u8>, SealFault> {
        let parts = sealed
            .split_first_chunk::<NONCE_BYTES>()
            .and_then(|(nonce, rest)| Some((nonce, rest.split_last_chunk::<TAG_BYTES>()?)));
        let Some((nonce, (ciphertext, tag))) = parts else {
            return Err(SealFault::new("the sealed key is too short"));
        };
        let cipher = Cipher::aes_256_gcm();
        let id = key_id.as_bytes();
        decrypt_aead(cipher, &self.0, Some(nonce), id, ciphertext, tag)
            .map_err(|_stack| SealFault::new("the sealed key is damaged or sealed elsewhere"))
    }
}

impl fmt::Debug for AesSealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AesSealer").finish_non_exhaustive()
    }
}
