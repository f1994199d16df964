//! The fuzz targets of the parsers of remote bytes and texts; they need a nightly toolchain.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::steps::Steps;
use crate::tools;

/// The folders of the targets.
const CORE: &str = "federation-core/fuzz";
const NODE: &str = "node/fuzz";
const TARGETS: [(&str, &str); 12] = [
    (CORE, "document"),
    (CORE, "collection"),
    (CORE, "discovery"),
    (CORE, "signature"),
    (CORE, "webfinger"),
    (CORE, "handshake"),
    (CORE, "stream_frame"),
    (CORE, "structured_fields"),
    (CORE, "digest"),
    (CORE, "proof"),
    (NODE, "page"),
    (NODE, "text"),
];
const SECONDS_EACH: &str = "-max_total_time=600";
/// Longest input, in bytes.
const LONGEST: &str = "-max_len=8192";

/// Runs each target for ten minutes.
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
    for (folder, target) in TARGETS {
        // What is found goes to the first folder, and the seeds stay as they are.
        let found = format!("{folder}/target/corpus/{target}");
        fs::create_dir_all(&found)?;
        let seeds = format!("{folder}/corpus/{target}");
        let mut fuzz = Command::new("rustup");
        fuzz.args(["run", "nightly", "cargo", "fuzz", "run", target, &found])
            .args(Path::new(&seeds).is_dir().then_some(&seeds))
            .args(["--fuzz-dir", folder, "--"])
            .args([SECONDS_EACH, LONGEST]);
        steps.command(&format!("fuzzing of {target}"), &mut fuzz)?;
    }
    Ok(())
}
