//! `cargo xtask check`: everything that reads the code and needs no server.

use std::process::Command;

use anyhow::Context as _;
use anyhow::Result;

use crate::openssl;
use crate::place;
use crate::steps::Steps;
use crate::steps::cargo;
use crate::tools;

/// Features that must compile each on its own.
const ALONE: &[(&str, &[&str])] = &[
    ("webfinger", &["", "client", "axum"]),
    (
        "federation-core",
        &["", "client", "axum", "diesel", "testing"],
    ),
];

/// Crates that must not be reached from a library without the feature that brings them.
const KEPT_OUT: &[(&str, &[&str])] = &[
    ("webfinger", &["reqwest", "axum", "diesel", "tokio"]),
    ("federation-core", &["reqwest", "axum", "diesel"]),
];

/// Runs the checks.
///
/// # Errors
/// When cargo cannot be started.
pub(crate) fn run() -> Result<bool> {
    let mut steps = Steps::default();
    set_openssl(&mut steps);
    style(&mut steps)?;
    steps.cargo(
        "layout rules",
        &["test", "-p", "node", "--test", "it", "--", "tidy"],
    )?;
    features(&mut steps)?;
    licences(&mut steps)?;
    Ok(steps.report())
}

/// Uses the system's OpenSSL when there is one, so that it is not built from source.
pub(crate) fn set_openssl(steps: &mut Steps) {
    if openssl::is_installed() {
        steps.set("OPENSSL_NO_VENDOR", "1");
    }
}

/// Formatting, lints and documentation, warnings as errors.
///
/// # Errors
/// When cargo cannot be started.
pub(crate) fn style(steps: &mut Steps) -> Result<()> {
    steps.cargo("formatting", &["fmt", "--all", "--check"])?;
    let lints = [
        "--workspace",
        "--all-features",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    steps.cargo(
        "lints",
        &[&["clippy", "--quiet"], lints.as_slice()].concat(),
    )?;
    let mut doc = Command::new(cargo());
    doc.args([
        "doc",
        "--quiet",
        "--workspace",
        "--all-features",
        "--no-deps",
    ]);
    doc.args(["--document-private-items"])
        .env("RUSTDOCFLAGS", "-D warnings");
    steps.command("documentation", &mut doc)?;
    Ok(())
}

/// Each feature of the libraries alone, and what the libraries must not depend on.
///
/// # Errors
/// When cargo cannot be started.
pub(crate) fn features(steps: &mut Steps) -> Result<()> {
    for (package, features) in ALONE {
        for feature in *features {
            let name = format!("{package} with feature {feature:?} alone");
            let arguments = [
                "check",
                "--quiet",
                "-p",
                package,
                "--no-default-features",
                "-F",
                feature,
            ];
            steps.cargo(&name, &arguments)?;
        }
    }
    for (package, banned) in KEPT_OUT {
        let tree = [
            "tree",
            "-p",
            package,
            "--no-default-features",
            "-e",
            "normal",
            "--prefix",
            "none",
        ];
        let tree = tools::output(cargo(), &tree).context("cargo tree failed")?;
        let names: Vec<&str> = tree
            .lines()
            .filter_map(|line| line.split(' ').next())
            .collect();
        let reached: Vec<&str> = banned
            .iter()
            .copied()
            .filter(|name| names.contains(name))
            .collect();
        let fault = (!reached.is_empty()).then(|| format!("it reaches {}", reached.join(", ")));
        let name = format!("{package} without features stays small");
        steps.note(&name, fault.as_deref());
    }
    Ok(())
}

fn licences(steps: &mut Steps) -> Result<()> {
    if tools::find("cargo-deny").is_none() {
        let install = ["install", "--locked", "--quiet", "cargo-deny"];
        if !steps.cargo("install cargo-deny", &install)? {
            return Ok(());
        }
    }
    let deny = |what: &'static [&'static str]| [&["deny", "--workspace", "check"], what].concat();
    steps.cargo("dependencies", &deny(&["bans", "licenses", "sources"]))?;
    let advisories = place::target().join("advisory-db");
    let url = "https://github.com/rustsec/advisory-db";
    if !advisories.exists() && tools::output("git", &["ls-remote", url, "HEAD"]).is_none() {
        steps.skip("advisories", "the database of advisories cannot be reached");
        return Ok(());
    }
    steps.cargo("advisories", &deny(&["advisories"]))?;
    Ok(())
}
