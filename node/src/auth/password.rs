//! Passwords: Argon2id (RFC 9106) on the blocking pool, a bounded number at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use openssl::memcmp;
use openssl::rand::rand_bytes;
use tokio::sync::Semaphore;

use super::error::AuthError;
use crate::config::Secret;

/// KiB of memory for one hash.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over the memory.
const PASSES: u32 = 2;
/// Bytes in a hash.
const OUTPUT_LEN: usize = 32;
/// Characters in a password.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=1024;
/// Callers that may wait for their turn, for each that runs.
const WAITING_PER_RUNNING: usize = 32;
/// Blocks reserved for a hash, more than are used.
///
/// Above 32 MiB the C library maps and unmaps memory for each request of its own, so an idle
/// process keeps none of it; pages that are not used are never resident.
const RESERVED_BLOCKS: usize = 34 * 1024;

/// Hashes and checks passwords.
#[derive(Debug)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    most_waiting: usize,
    worked: AtomicU64,
}

impl Passwords {
    /// Works on `at_once` passwords at the same time.
    pub fn new(at_once: usize) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(at_once)),
            waiting: Arc::default(),
            most_waiting: at_once.saturating_mul(WAITING_PER_RUNNING),
            worked: AtomicU64::new(0),
        }
    }

    /// How many passwords were worked on so far, those of nobody included.
    pub fn worked(&self) -> u64 {
        self.worked.load(Ordering::Relaxed)
    }

    /// Hashes a new password into PHC string format.
    ///
    /// # Errors
    /// The password is too short or too long, or too many callers wait.
    pub async fn hash(&self, password: Secret<String>) -> Result<String, AuthError> {
        if !LENGTHS.contains(&password.expose().chars().count()) {
            return Err(AuthError::InvalidPassword);
        }
        self.run(move || hash(password.expose())).await
    }

    /// Whether `password` is the one behind `stored`.
    ///
    /// Without a stored hash the same work is done and the answer is no, so that the time tells
    /// nothing about which accounts exist.
    ///
    /// # Errors
    /// Too many callers wait, or the stored hash is damaged.
    pub async fn verify(
        &self,
        password: Secret<String>,
        stored: Option<String>,
    ) -> Result<bool, AuthError> {
        if password.expose().chars().count() > *LENGTHS.end() {
            return Ok(false);
        }
        self.run(move || {
            if let Some(stored) = stored {
                return verify(password.expose(), &stored);
            }
            derive(&default_argon()?, password.expose(), &[0; 16], OUTPUT_LEN)?;
            Ok(false)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        let place = Waiting::enter(&self.waiting);
        if place.before >= self.most_waiting {
            return Err(AuthError::Busy);
        }
        let turns = Arc::clone(&self.turns);
        let turn = turns
            .acquire_owned()
            .await
            .map_err(|_closed| AuthError::Busy)?;
        drop(place);
        self.worked.fetch_add(1, Ordering::Relaxed);
        // The turn moves along: a caller that goes away does not free it before the work ends.
        let worked = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(turn);
            outcome
        });
        worked
            .await
            .map_err(|error| AuthError::Hashing(error.into()))?
    }
}

/// One caller in the queue.
struct Waiting {
    count: Arc<AtomicUsize>,
    before: usize,
}

impl Waiting {
    fn enter(count: &Arc<AtomicUsize>) -> Self {
        let before = count.fetch_add(1, Ordering::Relaxed);
        Self {
            count: Arc::clone(count),
            before,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> AuthError {
    AuthError::Hashing(error.into())
}

fn default_argon() -> Result<Argon2<'static>, AuthError> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(OUTPUT_LEN)).map_err(failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn derive(
    argon: &Argon2<'_>,
    password: &str,
    salt: &[u8],
    length: usize,
) -> Result<Vec<u8>, AuthError> {
    let needed = argon.params().block_count();
    let mut memory: Vec<Block> = Vec::with_capacity(needed.max(RESERVED_BLOCKS));
    memory.resize(needed, Block::default());
    let mut output = vec![0; length];
    argon
        .hash_password_into_with_memory(password.as_bytes(), salt, &mut output, &mut memory)
        .map_err(failed)?;
    Ok(output)
}

fn hash(password: &str) -> Result<String, AuthError> {
    let argon = default_argon()?;
    let mut salt = [0; 16];
    rand_bytes(&mut salt)?;
    let output = derive(&argon, password, &salt, OUTPUT_LEN)?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon.params()).map_err(failed)?,
        salt: Some(Salt::new(&salt).map_err(failed)?),
        hash: Some(Output::new(&output).map_err(failed)?),
    };
    Ok(hash.to_string())
}

fn verify(password: &str, stored: &str) -> Result<bool, AuthError> {
    let damaged = || AuthError::Hashing("a stored password hash is damaged".into());
    let parsed = PasswordHash::new(stored).map_err(failed)?;
    let algorithm = Algorithm::try_from(parsed.algorithm.as_str()).map_err(failed)?;
    let version = match parsed.version {
        Some(version) => Version::try_from(version).map_err(failed)?,
        None => Version::V0x13,
    };
    let params = Params::try_from(&parsed).map_err(failed)?;
    let (Some(salt), Some(expected)) = (&parsed.salt, &parsed.hash) else {
        return Err(damaged());
    };
    let argon = Argon2::new(algorithm, version, params);
    let output = derive(&argon, password, salt.as_ref(), expected.as_bytes().len())?;
    Ok(memcmp::eq(&output, expected.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn knows_the_right_password_alone() {
        let passwords = Passwords::new(1);
        let stored = passwords.hash(secret("correct horse")).await.unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        let right = passwords
            .verify(secret("correct horse"), Some(stored.clone()))
            .await;
        assert!(right.unwrap());
        assert!(
            !passwords
                .verify(secret("wrong horse"), Some(stored))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify(secret("correct horse"), None)
                .await
                .unwrap()
        );
        assert!(passwords.hash(secret("short")).await.is_err());
    }

    #[tokio::test]
    async fn refuses_when_too_many_wait() {
        let passwords = Passwords::new(1);
        let many = (0..=2 * WAITING_PER_RUNNING).map(|_| passwords.verify(secret("x"), None));
        let outcomes = futures_util::future::join_all(many).await;
        assert!(
            outcomes
                .iter()
                .any(|outcome| matches!(outcome, Err(AuthError::Busy)))
        );
        assert!(outcomes.iter().any(Result::is_ok));
    }
}
