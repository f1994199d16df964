//! Installs the servers of others that the interop tests talk to, at pinned versions, into
//! `target/peers/`.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;

use crate::place;
use crate::steps::cargo;
use crate::tools;

/// Installs what the tests need and is not there yet.
///
/// # Errors
/// When a registry cannot be reached or an installation fails.
pub(crate) fn provide() -> Result<()> {
    npm("fedify").context("cannot install the peer fedify from npm")?;
    npm("oidc").context("cannot install the issuer oidc-provider from npm")?;
    python("bovine").context("cannot install the peer bovine from PyPI")?;
    python("handshake").context("cannot install what the second handshake needs from PyPI")?;
    python("mail").context("cannot install the mail server aiosmtpd from PyPI")?;
    python("schemathesis").context("cannot install schemathesis from PyPI")
}

/// Installs the one that a benchmark stands beside; answers where it is.
///
/// # Errors
/// As [`provide`].
pub(crate) fn provide_ws() -> Result<PathBuf> {
    npm("ws").context("cannot install the package ws from npm")?;
    let (from, to) = folders("ws")?;
    fs::copy(from.join("peer.mjs"), to.join("peer.mjs"))?;
    Ok(to)
}

/// Installs those that only `cargo xtask interop` starts.
///
/// # Errors
/// As [`provide`].
pub(crate) fn provide_more() -> Result<()> {
    python("cattle_grid").context("cannot install the peer cattle_grid from PyPI")?;
    rust().context("cannot build the peers made of Rust libraries")
}

/// Builds a workspace of its own: what the libraries of others depend on is no part of ours.
fn rust() -> Result<()> {
    let (from, to) = folders("rust")?;
    let mut build = Command::new(cargo());
    build.args(["build", "--locked", "--quiet", "--manifest-path"]);
    build.arg(from.join("Cargo.toml"));
    tools::run(build.env("CARGO_TARGET_DIR", to))
}

fn npm(name: &str) -> Result<()> {
    let (from, to) = folders(name)?;
    let node = to.join("node_modules/node/bin/node");
    let current = is_same(&from.join("package-lock.json"), &to.join("installed.json"));
    if current && node.exists() {
        return Ok(());
    }
    for file in ["package.json", "package-lock.json"] {
        fs::copy(from.join(file), to.join(file))?;
    }
    let mut npm = Command::new("npm");
    npm.args([
        "ci",
        "--no-audit",
        "--no-fund",
        "--engine-strict=false",
        "--loglevel=error",
    ]);
    tools::run(npm.current_dir(&to))?;
    if !node.exists() {
        // npm may be told not to run the scripts of packages; this one fetches the runtime.
        let folder = to.join("node_modules/node");
        tools::run(
            Command::new("node")
                .arg("installArchSpecificPackage.js")
                .current_dir(folder),
        )?;
    }
    if !node.exists() {
        bail!("{} did not come with its npm package", node.display());
    }
    fs::copy(from.join("package-lock.json"), to.join("installed.json"))?;
    Ok(())
}

fn python(name: &str) -> Result<()> {
    let (from, to) = folders(name)?;
    let requirements = from.join("requirements.txt");
    let installed = to.join("installed.txt");
    if is_same(&requirements, &installed) && to.join("bin/python").exists() {
        return Ok(());
    }
    tools::run(Command::new("python3").args(["-m", "venv"]).arg(&to))?;
    let mut pip = Command::new(to.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
    ]);
    tools::run(pip.arg(&requirements))?;
    fs::copy(&requirements, installed)?;
    Ok(())
}

fn folders(name: &str) -> Result<(PathBuf, PathBuf)> {
    let to = place::target().join("peers").join(name);
    fs::create_dir_all(&to).with_context(|| format!("cannot make {}", to.display()))?;
    Ok((place::root().join("interop-tests/peers").join(name), to))
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((fs::read(one), fs::read(other)), (Ok(one), Ok(other)) if one == other)
}
