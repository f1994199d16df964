//! `cargo xtask soak`: the long proofs.

use anyhow::Result;

use crate::fuzz;
use crate::place;
use crate::postgres::Durability;
use crate::steps::Steps;
use crate::test;

/// Runs the kill tests against a release build with many more kills and messages, then the fuzz
/// targets.
///
/// # Errors
/// When something is missing and cannot be installed, or a server does not start.
pub(crate) fn run() -> Result<bool> {
    let mut steps = Steps::default();
    let _servers = test::provide(&mut steps, Durability::On)?;
    steps.set("FOLKMOOT_TEST_KILLS", "200");
    steps.set("FOLKMOOT_TEST_SENDS", "2000");
    if steps.cargo("build of the server", &["build", "--release", "-p", "node"])? {
        let built = place::target().join("release/folkmoot");
        steps.set("FOLKMOOT_BIN", built.display().to_string());
        let proofs = [
            "test",
            "--release",
            "-p",
            "interop-tests",
            "--test",
            "kill",
            "--",
            "--nocapture",
        ];
        steps.cargo("kills", &proofs)?;
    }
    fuzz::run(&mut steps)?;
    Ok(steps.report())
}
