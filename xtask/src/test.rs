//! `cargo xtask test`: everything, with servers of its own.

use anyhow::Result;

use crate::check;
use crate::peers;
use crate::place;
use crate::postgres;
use crate::postgres::Durability;
use crate::redis;
use crate::service::Service;
use crate::steps::Steps;
use crate::tools;

/// Features that are tried together; `cargo xtask check` tries every combination. Faults of more than
/// two features that no two of them show are rare.
const FEATURES_TOGETHER: usize = 2;

/// Installs what is missing, then runs every check and every test.
///
/// # Errors
/// When something is missing and cannot be installed, or a server does not start.
pub(crate) fn run() -> Result<bool> {
    let mut steps = Steps::default();
    let _servers = provide(&mut steps, Durability::Off)?;
    check::style(&mut steps)?;
    check::features(&mut steps, FEATURES_TOGETHER)?;
    // Cargo builds the server before it runs the first of the tests that start it.
    let built = place::target().join("debug/folkmoot");
    steps.set("FOLKMOOT_BIN", built.display().to_string());
    let tests = ["test", "--workspace", "--all-features", "--no-fail-fast"];
    steps.cargo("tests", &tests)?;
    Ok(steps.report())
}

/// Installs programs and peers and starts the databases; they stop when the result is dropped.
///
/// # Errors
/// When something is missing and cannot be installed, or a server does not start.
pub(crate) fn provide(steps: &mut Steps, durability: Durability) -> Result<[Service; 2]> {
    steps.own("programs", tools::provide)?;
    check::set_openssl(steps);
    // Without them the tests that need them fail and say so; all others still tell something.
    steps.attempt("peers", peers::provide);
    let (postgres, url) = steps.own("PostgreSQL", || postgres::start(durability))?;
    steps.set("FOLKMOOT_TEST_POSTGRES", url);
    let (redis, url) = steps.own("Redis", redis::start)?;
    steps.set("FOLKMOOT_TEST_REDIS", url);
    Ok([postgres, redis])
}
