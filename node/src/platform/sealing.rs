//! Secrets at rest (I10): AES-256-GCM under keys that have an id and can be rotated.
//!
//! The key ring is the file `keyring` in the data directory, readable by its owner alone, made at
//! the first start. The newest key seals; every key still there opens. Adding a line rotates.
//! A sealed value is `version (1) | key id (8) | nonce (12) | ciphertext | tag (16)`; the version
//! and key id are authenticated together with the caller's associated data.

use std::fmt;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use openssl::rand::rand_bytes;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};

const VERSION: u8 = 1;
const ID_LEN: usize = 8;
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;
const HEADER_LEN: usize = 1 + ID_LEN;
/// The name of the key ring in the data directory.
const FILE_NAME: &str = "keyring";
/// Keys read from the file at most.
const MAX_KEYS: usize = 64;

/// The keys that seal secrets at rest.
pub struct Keyring {
    /// Oldest first, never empty.
    keys: Vec<Key>,
    newest: Key,
}

#[derive(Clone)]
struct Key {
    id: [u8; ID_LEN],
    secret: [u8; 32],
}

/// Why the key ring cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The file or its directory cannot be read or written.
    #[error("cannot use {}: {cause}; make the data directory writable by the user that runs the server, or set data_dir", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// A line of the file is not a key.
    #[error("{} line {line} is not a key; restore the file from a backup", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
    /// Others may read the file.
    #[error("{} is readable by others; run chmod 600 on it", path.display())]
    TooOpen {
        /// Which file.
        path: PathBuf,
    },
    /// The system gave no random bytes.
    #[error("the system has no random bytes")]
    Random(#[source] openssl::error::ErrorStack),
}

/// Why a value could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The value was sealed by a key that is not in the key ring.
    #[error("sealed under a key that is not in the key ring")]
    UnknownKey,
    /// The value was changed, or belongs elsewhere.
    #[error("the sealed value is damaged or does not belong here")]
    Damaged,
    /// OpenSSL failed.
    #[error("encryption failed")]
    Crypto(#[source] openssl::error::ErrorStack),
}

impl Keyring {
    /// Reads the key ring of a data directory, making both when they do not exist.
    ///
    /// # Errors
    /// The directory cannot be written, or the file is damaged or readable by others.
    pub fn open(data_dir: &Path) -> Result<Self, KeyringError> {
        let path = data_dir.join(FILE_NAME);
        let fault = |cause| KeyringError::File {
            path: path.clone(),
            cause,
        };
        // The database will lie there too, and it is nobody else's to read.
        let mut directory = DirBuilder::new();
        let directory = directory.recursive(true).mode(0o700);
        directory.create(data_dir).map_err(fault)?;
        match fs::read_to_string(&path) {
            Ok(text) => {
                let mode = fs::metadata(&path).map_err(fault)?.permissions().mode();
                if mode & 0o077 != 0 {
                    return Err(KeyringError::TooOpen { path });
                }
                Self::parse(&text, &path)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Key::generate().map_err(KeyringError::Random)?;
                match write_new(data_dir, &path, &key) {
                    // Another process that started at the same moment was first.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        let text = fs::read_to_string(&path).map_err(fault)?;
                        Self::parse(&text, &path)
                    }
                    Err(error) => Err(fault(error)),
                    Ok(()) => Ok(Self {
                        keys: vec![key.clone()],
                        newest: key,
                    }),
                }
            }
            Err(error) => Err(fault(error)),
        }
    }

    fn parse(text: &str, path: &Path) -> Result<Self, KeyringError> {
        let mut keys = Vec::new();
        let lines = text.lines().map(str::trim).enumerate();
        for (index, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let malformed = || KeyringError::Malformed {
                path: path.into(),
                line: index + 1,
            };
            let key = Key::parse(line).ok_or_else(malformed)?;
            if keys.len() == MAX_KEYS {
                return Err(malformed());
            }
            keys.push(key);
        }
        let newest = keys.last().cloned();
        let missing = || KeyringError::Malformed {
            path: path.into(),
            line: 1,
        };
        Ok(Self {
            newest: newest.ok_or_else(missing)?,
            keys,
        })
    }

    /// Seals `plain` so that it opens only with the same `associated` data.
    ///
    /// `associated` names the place of the value, such as table, column and row.
    ///
    /// # Errors
    /// OpenSSL failed or gave no random bytes.
    pub fn seal(&self, plain: &[u8], associated: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&self.newest.id);
        let authenticated = [sealed.as_slice(), associated].concat();
        let mut nonce = [0; NONCE_LEN];
        rand_bytes(&mut nonce).map_err(SealError::Crypto)?;
        let mut tag = [0; TAG_LEN];
        let cipher = Cipher::aes_256_gcm();
        let secret = &self.newest.secret;
        let text = encrypt_aead(
            cipher,
            secret,
            Some(&nonce),
            &authenticated,
            plain,
            &mut tag,
        )
        .map_err(SealError::Crypto)?;
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&text);
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// Opens what [`Keyring::seal`] sealed with the same `associated` data.
    ///
    /// # Errors
    /// The key is unknown, or the value was changed or moved.
    pub fn open_sealed(&self, sealed: &[u8], associated: &[u8]) -> Result<Vec<u8>, SealError> {
        let (header, rest) = sealed
            .split_at_checked(HEADER_LEN)
            .ok_or(SealError::Damaged)?;
        let (nonce, rest) = rest.split_at_checked(NONCE_LEN).ok_or(SealError::Damaged)?;
        let text_len = rest.len().checked_sub(TAG_LEN).ok_or(SealError::Damaged)?;
        let (text, tag) = rest.split_at_checked(text_len).ok_or(SealError::Damaged)?;
        let Some((&VERSION, id)) = header.split_first() else {
            return Err(SealError::Damaged);
        };
        let key = self
            .keys
            .iter()
            .find(|key| key.id == id)
            .ok_or(SealError::UnknownKey)?;
        let authenticated = [header, associated].concat();
        let cipher = Cipher::aes_256_gcm();
        decrypt_aead(cipher, &key.secret, Some(nonce), &authenticated, text, tag)
            .map_err(|_which_step| SealError::Damaged)
    }
}

impl Key {
    fn generate() -> Result<Self, openssl::error::ErrorStack> {
        let mut key = Self {
            id: [0; ID_LEN],
            secret: [0; 32],
        };
        rand_bytes(&mut key.id)?;
        rand_bytes(&mut key.secret)?;
        Ok(key)
    }

    fn parse(line: &str) -> Option<Self> {
        let (id, secret) = line.split_once(' ')?;
        let bytes = |text: &str| BASE64.decode(text.trim()).ok();
        Some(Self {
            id: bytes(id)?.try_into().ok()?,
            secret: bytes(secret)?.try_into().ok()?,
        })
    }
}

/// Writes the file under another name first, so that a crash leaves a whole one or none.
fn write_new(directory: &Path, path: &Path, key: &Key) -> io::Result<()> {
    let draft = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    let (id, secret) = (BASE64.encode(key.id), BASE64.encode(key.secret));
    writeln!(
        file,
        "# Seals the secrets in the database: keep it secret, and back it up."
    )?;
    writeln!(
        file,
        "# One key a line; the last one seals, all of them open."
    )?;
    writeln!(file, "{id} {secret}")?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    linked?;
    fs::File::open(directory)?.sync_all()
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Keyring")
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_what_it_sealed_and_only_in_its_place() {
        let directory = tempfile::tempdir().unwrap();
        let ring = Keyring::open(directory.path()).unwrap();
        let sealed = ring.seal(b"secret", b"table/column/1").unwrap();
        assert_eq!(
            ring.open_sealed(&sealed, b"table/column/1").unwrap(),
            b"secret"
        );
        assert!(ring.open_sealed(&sealed, b"table/column/2").is_err());
        for index in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[index] ^= 1;
            assert!(ring.open_sealed(&damaged, b"table/column/1").is_err());
            assert!(
                ring.open_sealed(&sealed[..index], b"table/column/1")
                    .is_err()
            );
        }
    }

    #[test]
    fn rotation_keeps_old_values_readable() {
        let directory = tempfile::tempdir().unwrap();
        let old = Keyring::open(directory.path()).unwrap();
        let sealed = old.seal(b"secret", b"").unwrap();
        let path = directory.path().join(FILE_NAME);
        let key = Key::generate().unwrap();
        let line = format!("{} {}\n", BASE64.encode(key.id), BASE64.encode(key.secret));
        fs::write(&path, fs::read_to_string(&path).unwrap() + &line).unwrap();
        let new = Keyring::open(directory.path()).unwrap();
        assert_eq!(new.open_sealed(&sealed, b"").unwrap(), b"secret");
        let later = new.seal(b"secret", b"").unwrap();
        assert!(matches!(
            old.open_sealed(&later, b""),
            Err(SealError::UnknownKey)
        ));
    }

    #[test]
    fn file_is_private_and_damage_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("data");
        Keyring::open(&directory).unwrap();
        let path = directory.join(FILE_NAME);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&path)), (0o700, 0o600));
        fs::write(&path, "not a key\n").unwrap();
        let error = Keyring::open(&directory).unwrap_err();
        assert!(error.to_string().contains("line 1"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = Keyring::open(&directory).unwrap_err();
        assert!(matches!(error, KeyringError::TooOpen { .. }));
    }
}
