//! `cargo xtask check`: everything that reads the code and needs no server.

use std::process::Command;

use anyhow::Context as _;
use anyhow::Result;

use crate::api;
use crate::lanes::Run;
use crate::openssl;
use crate::place;
use crate::steps::Steps;
use crate::steps::cargo;
use crate::tools;

/// Features that must compile in every combination. Building OpenSSL from source changes no code.
const FEATURES: &[(&str, &[&str])] = &[
    ("webfinger", &["client", "axum"]),
    (
        "federation-core",
        &[
            "client",
            "axum",
            "diesel",
            "testing",
            "activitypub-federation",
        ],
    ),
];

/// A feature that brings another: without the other it is the same combination.
const BRINGS: &[(&str, &str)] = &[("activitypub-federation", "client")];

/// Crates that must not be reached from a library without the feature that brings them.
const KEPT_OUT: &[(&str, &[&str])] = &[
    ("webfinger", &["reqwest", "axum", "diesel", "tokio"]),
    ("federation-core", &["reqwest", "axum", "diesel"]),
];

/// Runs the checks.
///
/// # Errors
/// When cargo cannot be started.
pub(crate) fn run(arguments: &[String]) -> Result<bool> {
    let mut steps = Steps::default();
    set_openssl(&mut steps);
    if arguments.iter().any(|argument| argument == "--write-api") {
        api::check(&mut steps, true)?;
        return Ok(steps.report());
    }
    style(&mut steps)?;
    steps.cargo(
        "layout rules",
        &["test", "-p", "node", "--test", "it", "--", "tidy"],
    )?;
    features(&mut steps, usize::MAX)?;
    oldest_compiler(&mut steps);
    api::check(&mut steps, false)?;
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

/// Combinations of at most `together` of the libraries' features, and of all of them; then what the
/// libraries must not depend on.
///
/// # Errors
/// When cargo cannot be started.
pub(crate) fn features(steps: &mut Steps, together: usize) -> Result<()> {
    let mut runs = Vec::new();
    for (package, features) in FEATURES {
        for combination in combinations(features) {
            if combination.len() > together && combination.len() < features.len() {
                continue;
            }
            let chosen = combination.join(",");
            let arguments = [
                "check",
                "--quiet",
                "-p",
                package,
                "--no-default-features",
                "-F",
                &chosen,
            ];
            runs.push(Run {
                name: format!("{package} with features {chosen:?} alone"),
                arguments: arguments.map(str::to_owned).to_vec(),
            });
        }
    }
    println!("\n== {} combinations of features", runs.len());
    steps.cargo_in_lanes(runs)?;
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

/// Every choice of features that differs from the others, the smallest first.
fn combinations(features: &[&'static str]) -> Vec<Vec<&'static str>> {
    let mut all = vec![Vec::new()];
    for feature in features {
        let with = all.iter().map(|chosen: &Vec<&str>| {
            let mut chosen = chosen.clone();
            chosen.push(*feature);
            chosen
        });
        all = all.iter().cloned().chain(with).collect();
    }
    all.retain(|chosen| {
        BRINGS
            .iter()
            .all(|(feature, other)| !chosen.contains(feature) || chosen.contains(other))
    });
    all.sort_by_key(Vec::len);
    all
}

/// Notes whether what was checked before was checked by the oldest compiler that is promised.
fn oldest_compiler(steps: &mut Steps) {
    let manifest = std::fs::read_to_string(place::root().join("Cargo.toml")).unwrap_or_default();
    let promised = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .map(|version| version.trim_matches('"').to_owned());
    let version = tools::output("rustc", &["--version"]).unwrap_or_default();
    let used = version.split(' ').nth(1).unwrap_or_default();
    let fault = match promised {
        None => Some("Cargo.toml promises no rust-version".to_owned()),
        Some(promised) if used.starts_with(&format!("{promised}.")) => None,
        Some(promised) => Some(format!(
            "rust-version is {promised}, but this is {used}: run the checks by `cargo +{promised} xtask check` too, or raise rust-version"
        )),
    };
    steps.note("checked by the oldest compiler promised", fault.as_deref());
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

#[cfg(test)]
mod tests {
    use super::combinations;

    #[test]
    fn every_combination_that_differs() {
        let all = combinations(&["client", "activitypub-federation"]);
        let expected: [&[&str]; 3] = [&[], &["client"], &["client", "activitypub-federation"]];
        assert_eq!(all, expected);
        assert_eq!(combinations(&["a", "b", "c"]).len(), 8);
    }
}
