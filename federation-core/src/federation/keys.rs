//! The keys of local actors: the port, keys that are given, and keys in a folder.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use moka::future::Cache;
use openssl::sha::sha256;
use thiserror::Error;
use url::Url;

use crate::outbox::{KeySource, KeySourceError};
use crate::signature::{Algorithm, KeyError, PrivateKey, SigningKey};
use crate::vocab::ActorKey;

/// Actors whose keys are held parsed at once; those of others are read again when needed.
const PARSED_ACTORS: u64 = 10_000;

/// Signs for local actors and says what their documents show.
pub trait LocalKeyRing: KeySource {
    /// The public keys that the document of `actor` lists.
    fn published<'a>(
        &'a self,
        actor: &'a Url,
    ) -> BoxFuture<'a, Result<Vec<ActorKey>, KeySourceError>>;
}

/// Keys that are made in memory at first need, or given.
///
/// For tests, and for tools whose actors nobody has to know again.
#[derive(Clone, Debug, Default)]
pub struct FixedKeys(Arc<Mutex<HashMap<Url, SigningKey>>>);

impl FixedKeys {
    /// Gives an actor its key.
    pub fn insert(&self, actor: Url, key: SigningKey) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(actor, key);
    }

    /// The key of an actor; one of Ed25519 is made when it has none.
    fn of(&self, actor: &Url) -> Result<SigningKey, KeySourceError> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = keys.get(actor) {
            return Ok(key.clone());
        }
        let key = PrivateKey::generate(Algorithm::Ed25519).map_err(|error| unusable(&error))?;
        let key = SigningKey::new(key_id(actor), key);
        keys.insert(actor.clone(), key.clone());
        Ok(key)
    }
}

impl KeySource for FixedKeys {
    fn signing_key<'a>(
        &'a self,
        actor_id: &'a Url,
    ) -> BoxFuture<'a, Result<SigningKey, KeySourceError>> {
        Box::pin(async move { self.of(actor_id) })
    }
}

impl LocalKeyRing for FixedKeys {
    fn published<'a>(
        &'a self,
        actor: &'a Url,
    ) -> BoxFuture<'a, Result<Vec<ActorKey>, KeySourceError>> {
        Box::pin(async move { Ok(vec![public_half(actor, &self.of(actor)?)?]) })
    }
}

/// One RSA key per actor, each in a file that only this user may read; made at first need.
///
/// # Security
/// The files are the secrets in the clear. Whoever reads the folder can speak for every actor.
#[derive(Clone)]
pub struct KeyFolder {
    folder: PathBuf,
    parsed: Cache<Url, SigningKey>,
}

/// Why a key cannot be had from a [`KeyFolder`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyFolderError {
    /// The system refused.
    #[error("cannot use {}", path.display())]
    File {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file holds no key.
    #[error("{} holds no key", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: KeyError,
    },
    /// OpenSSL could not make a key.
    #[error("no key could be made")]
    Made(#[source] KeyError),
    /// The thread that made the key ended before it was done.
    #[error("the key was not made because the server is stopping")]
    Stopped,
}

impl KeyFolder {
    /// Keys in `folder`, which is made unless it is there.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, KeyFolderError> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(|source| at(&folder, source))?;
        Ok(Self {
            folder,
            parsed: Cache::new(PARSED_ACTORS),
        })
    }

    /// The key of an actor, made now when there is none. Callers that ask at once share it.
    ///
    /// # Errors
    /// See [`KeyFolderError`].
    ///
    /// # Security
    /// `actor` must be known to be an actor of this server: every other id would get a key too.
    async fn of(&self, actor: &Url) -> Result<SigningKey, Arc<KeyFolderError>> {
        let (path, id) = (self.path(actor), actor.clone());
        let read = async move {
            let reading = tokio::task::spawn_blocking(move || read_or_make(&path));
            let key = reading
                .await
                .map_err(|_stopped| KeyFolderError::Stopped)??;
            Ok(SigningKey::new(key_id(&id), key))
        };
        self.parsed.try_get_with_by_ref(actor, read).await
    }

    fn path(&self, actor: &Url) -> PathBuf {
        let name = super::queue::short_name(&sha256(actor.as_str().as_bytes()));
        self.folder.join(format!("{name}.der"))
    }
}

impl fmt::Debug for KeyFolder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KeyFolder")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl KeySource for KeyFolder {
    fn signing_key<'a>(
        &'a self,
        actor_id: &'a Url,
    ) -> BoxFuture<'a, Result<SigningKey, KeySourceError>> {
        Box::pin(async move { self.of(actor_id).await.map_err(|error| failed(&error)) })
    }
}

impl LocalKeyRing for KeyFolder {
    fn published<'a>(
        &'a self,
        actor: &'a Url,
    ) -> BoxFuture<'a, Result<Vec<ActorKey>, KeySourceError>> {
        Box::pin(async move {
            let key = self.of(actor).await.map_err(|error| failed(&error))?;
            Ok(vec![public_half(actor, &key)?])
        })
    }
}

fn read_or_make(path: &Path) -> Result<PrivateKey, KeyFolderError> {
    match fs::read(path) {
        Ok(der) => return parse(path, &der),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(at(path, error)),
    }
    let made = PrivateKey::generate(Algorithm::RsaSha256).map_err(KeyFolderError::Made)?;
    let der = made.to_der().map_err(KeyFolderError::Made)?;
    // Written whole and synced under another name first: a file with the right name is a key.
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    write_private(&draft, &der).map_err(|error| at(&draft, error))?;
    let linked = fs::hard_link(&draft, path);
    let _left = fs::remove_file(&draft);
    match linked {
        Ok(()) => sync_folder(path).map_err(|error| at(path, error))?,
        // Another process was first; its key is the one that counts.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(at(path, error)),
    }
    let der = fs::read(path).map_err(|error| at(path, error))?;
    parse(path, &der)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

fn parse(path: &Path, der: &[u8]) -> Result<PrivateKey, KeyFolderError> {
    PrivateKey::from_der(Algorithm::RsaSha256, der).map_err(|source| KeyFolderError::Key {
        path: path.to_owned(),
        source,
    })
}

fn at(path: &Path, source: io::Error) -> KeyFolderError {
    let path = path.to_owned();
    KeyFolderError::File { path, source }
}

fn key_id(actor: &Url) -> Url {
    let mut id = actor.clone();
    id.set_fragment(Some("main-key"));
    id
}

/// The half that documents show: RSA as `publicKey`, Ed25519 as a `Multikey` (FEP-521a).
fn public_half(owner: &Url, key: &SigningKey) -> Result<ActorKey, KeySourceError> {
    let (id, public) = (key.key_id().clone(), key.key().public_key());
    let shown = match public.algorithm() {
        Algorithm::RsaSha256 => public
            .to_pem()
            .map(|pem| ActorKey::pem(id, owner.clone(), pem)),
        Algorithm::Ed25519 => public
            .to_multibase()
            .map(|text| ActorKey::multibase(id, owner.clone(), text)),
    };
    shown.map_err(|error| unusable(&error))
}

fn unusable(error: &KeyError) -> KeySourceError {
    KeySourceError {
        reason: error.to_string(),
        retryable: false,
    }
}

fn failed(error: &KeyFolderError) -> KeySourceError {
    KeySourceError {
        reason: error.to_string(),
        // A folder can be mounted or restored; a damaged file stays damaged.
        retryable: !matches!(error, KeyFolderError::Key { .. }),
    }
}
