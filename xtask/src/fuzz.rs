//! The fuzz targets of the parsers of remote bytes; they need a nightly toolchain.

use std::process::Command;

use anyhow::Result;

use crate::steps::Steps;
use crate::tools;

const TARGETS: [&str; 3] = ["vocabulary", "signature", "webfinger"];
const SECONDS_EACH: &str = "-max_total_time=300";
/// Longest input, in bytes.
const LONGEST: &str = "-max_len=8192";

/// Runs each target for five minutes.
///
/// # Errors
/// When a program cannot be started.
pub(crate) fn run(steps: &mut Steps) -> Result<()> {
    let toolchains = tools::output("rustup", &["toolchain", "list"]).unwrap_or_default();
    if !toolchains.contains("nightly") {
        steps.skip("fuzzing", "rustup has no nightly toolchain");
        return Ok(());
    }
    if tools::find("cargo-fuzz").is_none() {
        let install = ["install", "--locked", "--quiet", "cargo-fuzz"];
        if !steps.cargo("install cargo-fuzz", &install)? {
            return Ok(());
        }
    }
    for target in TARGETS {
        let mut fuzz = Command::new("rustup");
        fuzz.args(["run", "nightly", "cargo", "fuzz", "run", target])
            .args(["--fuzz-dir", "federation-core/fuzz", "--"])
            .args([SECONDS_EACH, LONGEST]);
        steps.command(&format!("fuzzing of {target}"), &mut fuzz)?;
    }
    Ok(())
}
