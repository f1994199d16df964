//! `cargo xtask interop`: tries servers with each other and writes what was found.

use anyhow::Result;

use crate::peers;
use crate::place;
use crate::postgres::Durability;
use crate::steps::Steps;
use crate::test;

/// Installs what is missing, builds the server unless `FOLKMOOT_BIN` names one, and passes the
/// arguments on to the harness.
///
/// # Errors
/// When something is missing and cannot be installed, or a server does not start.
pub(crate) fn run(arguments: &[String]) -> Result<bool> {
    let mut steps = Steps::default();
    let _servers = test::provide(&mut steps, Durability::Off)?;
    steps.attempt("more peers", peers::provide_more);
    let given = std::env::var_os("FOLKMOOT_BIN").is_some();
    if given || steps.cargo("build of the server", &["build", "-p", "node"])? {
        if !given {
            let built = place::target().join("debug/folkmoot");
            steps.set("FOLKMOOT_BIN", built.display().to_string());
        }
        if arguments.is_empty() {
            peers_among_themselves(&mut steps)?;
        }
        let mut run = vec!["run", "-p", "interop-tests", "--bin", "interop", "--"];
        run.extend(arguments.iter().map(String::as_str));
        steps.cargo("interoperation", &run)?;
    }
    Ok(steps.report())
}

/// Those that `cargo xtask test` does not install: what fails later is the subject's, not theirs.
fn peers_among_themselves(steps: &mut Steps) -> Result<bool> {
    let tests = [
        "test",
        "-p",
        "interop-tests",
        "--test",
        "peers",
        "--",
        "--ignored",
    ];
    steps.cargo("peers among themselves", &tests)
}
