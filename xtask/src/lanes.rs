//! Runs many short cargo commands two at a time: one compiler of one crate keeps one core busy.

use std::path::Path;
use std::process::Command;
use std::process::Output;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::Result;

use crate::place;
use crate::steps::cargo;

/// One command: its name and the arguments of cargo.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) name: String,
    pub(crate) arguments: Vec<String>,
}

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) name: String,
    pub(crate) output: Output,
    pub(crate) took: Duration,
}

/// Runs them all and answers in the order in which they ended.
///
/// Cargo lets one command at a time into a target folder, so the second lane has its own.
///
/// # Errors
/// When cargo cannot be started.
pub(crate) fn run(runs: Vec<Run>, environment: &[(String, String)]) -> Result<Vec<Ran>> {
    let due = Mutex::new(runs.into_iter());
    let next = || due.lock().unwrap_or_else(PoisonError::into_inner).next();
    let lane = |target: &Path| -> Result<Vec<Ran>> {
        let mut done = Vec::new();
        while let Some(run) = next() {
            let start = Instant::now();
            let output = Command::new(cargo())
                .args(&run.arguments)
                .envs(environment.iter().map(|(name, value)| (name, value)))
                .env("CARGO_TARGET_DIR", target)
                .current_dir(place::root())
                .output()
                .context("cannot run cargo")?;
            done.push(Ran {
                name: run.name,
                output,
                took: start.elapsed(),
            });
        }
        Ok(done)
    };
    let (first, second) = (place::target(), place::target().join("lane"));
    thread::scope(|scope| {
        let beside = scope.spawn(|| lane(&second));
        let mut done = lane(&first)?;
        let beside = beside.join().ok().context("the second lane broke")?;
        done.extend(beside?);
        Ok(done)
    })
}
