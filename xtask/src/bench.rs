//! `cargo xtask bench`: the figures, each beside its bar.

use anyhow::Result;

use crate::peers;
use crate::postgres::Durability;
use crate::steps::Steps;
use crate::test;

/// Runs the bench targets of the workspace; what is given on the command line selects among them.
///
/// # Errors
/// When something is missing and cannot be installed, or a server does not start.
pub(crate) fn run(selected: &[String]) -> Result<bool> {
    let mut steps = Steps::default();
    let _servers = test::provide(&mut steps, Durability::On)?;
    let ws = steps.own("the package ws", peers::provide_ws)?;
    steps.set("FOLKMOOT_TEST_WS", ws.display().to_string());
    steps.cargo("build of the server", &["build", "--release", "-p", "node"])?;
    let mut arguments = vec!["bench", "--workspace", "--all-features"];
    for name in selected {
        arguments.extend(["--bench", name]);
    }
    steps.cargo("benchmarks", &arguments)?;
    Ok(steps.report())
}
