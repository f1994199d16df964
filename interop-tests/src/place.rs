//! Where things lie on this machine: the repository, the built binary, the installed peers.

use std::env;
use std::ffi::OsStr;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Result;
use anyhow::bail;

/// The folder of this package.
pub fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder that Cargo builds into: `CARGO_TARGET_DIR`, else `target/` of the repository.
pub fn target() -> PathBuf {
    let root = package().join("..");
    root.join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// The folder of an installed peer.
///
/// # Errors
/// When the peer is not installed; the message says how to install it.
pub fn peer(name: &str, program: &str) -> Result<PathBuf> {
    let folder = target().join("peers").join(name);
    if !folder.join(program).exists() {
        bail!(
            "{name} is not installed in {}; `cargo xtask test` does it",
            folder.display()
        );
    }
    Ok(folder)
}

/// Copies a file in one step, for tests that do so at the same time.
///
/// # Errors
/// When it cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().unwrap_or(to);
    let mut whole = tempfile::NamedTempFile::new_in(folder)?;
    std::io::copy(&mut std::fs::File::open(from)?, &mut whole)?;
    whole.persist(to)?;
    Ok(())
}

/// The server under test: `FOLKMOOT_BIN`, else the newest `folkmoot` of the target folder.
///
/// # Errors
/// When there is none.
pub fn subject() -> Result<PathBuf> {
    if let Some(given) = env::var_os("FOLKMOOT_BIN") {
        return Ok(given.into());
    }
    let built = ["release", "debug"].map(|profile| target().join(profile).join("folkmoot"));
    let newest = built
        .into_iter()
        .filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)))
        .max();
    match newest {
        Some((_, path)) => Ok(path),
        None => bail!("no folkmoot is built; run `cargo build -p node` or set FOLKMOOT_BIN"),
    }
}

/// A number from the environment, or `otherwise`.
pub fn number(name: impl AsRef<OsStr>, otherwise: u64) -> u64 {
    let given = env::var_os(name).and_then(|value| value.to_str()?.parse().ok());
    given.unwrap_or(otherwise)
}
