//! Runs programs one after the other, keeps the time and the counts, and reports at the end.

use std::io::BufRead as _;
use std::io::BufReader;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::Result;

use crate::lanes;
use crate::place;
use crate::tally::Tally;

/// What has been run so far, and the environment that every program gets.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
    environment: Vec<(String, String)>,
    tally: Tally,
}

#[derive(Debug)]
struct Step {
    name: String,
    outcome: Outcome,
    took: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Ok,
    Failed,
    Skipped,
}

impl Steps {
    /// Sets a variable for every program that follows.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.environment.push((name.to_owned(), value.into()));
    }

    /// Runs `cargo` with these arguments; a failure is noted and does not end the run.
    ///
    /// # Errors
    /// When cargo cannot be started.
    pub(crate) fn cargo(&mut self, name: &str, arguments: &[&str]) -> Result<bool> {
        self.command(name, Command::new(cargo()).args(arguments))
    }

    /// Runs a program in the root of the repository, as [`Steps::cargo`] does.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn command(&mut self, name: &str, command: &mut Command) -> Result<bool> {
        println!("\n== {name}");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let start = Instant::now();
        let (ok, counted) = stream(command.current_dir(place::root()))?;
        self.tally.add(counted);
        if !ok && counted.failed == 0 {
            // No runner counted it: a compiler error, a lint, a formatting difference.
            self.tally.failed += 1;
        }
        let outcome = if ok { Outcome::Ok } else { Outcome::Failed };
        self.done.push(Step {
            name: name.to_owned(),
            outcome,
            took: start.elapsed(),
        });
        Ok(ok)
    }

    /// Runs many short cargo commands, two at a time; each is a step of its own.
    ///
    /// # Errors
    /// When cargo cannot be started.
    pub(crate) fn cargo_in_lanes(&mut self, runs: Vec<lanes::Run>) -> Result<()> {
        for ran in lanes::run(runs, &self.environment)? {
            let outcome = if ran.output.status.success() {
                Outcome::Ok
            } else {
                let errors = String::from_utf8_lossy(&ran.output.stderr);
                println!("\n== {}: FAILED\n{errors}", ran.name);
                self.tally.failed += 1;
                Outcome::Failed
            };
            self.done.push(Step {
                name: ran.name,
                outcome,
                took: ran.took,
            });
        }
        Ok(())
    }

    /// Runs something of our own as a step that everything after it needs.
    ///
    /// # Errors
    /// Those of `work`.
    pub(crate) fn own<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("\n== {name}");
        let start = Instant::now();
        let result = work();
        let outcome = if result.is_ok() {
            Outcome::Ok
        } else {
            Outcome::Failed
        };
        self.done.push(Step {
            name: name.to_owned(),
            outcome,
            took: start.elapsed(),
        });
        result
    }

    /// Runs something of our own as a step that the rest can do without; a failure is noted.
    pub(crate) fn attempt(&mut self, name: &str, work: impl FnOnce() -> Result<()>) {
        if let Err(error) = self.own(name, work) {
            println!("FAILED: {error:#}");
            self.tally.failed += 1;
        }
    }

    /// Notes a verdict reached without running a step: good, or a fault.
    pub(crate) fn note(&mut self, name: &str, fault: Option<&str>) {
        let outcome = if fault.is_none() {
            Outcome::Ok
        } else {
            Outcome::Failed
        };
        if let Some(fault) = fault {
            println!("\n== {name}: FAILED\n{fault}");
            self.tally.failed += 1;
        }
        self.done.push(Step {
            name: name.to_owned(),
            outcome,
            took: Duration::ZERO,
        });
    }

    /// Notes that a step cannot be done here, and why.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        println!("\n== {name}: skipped, {why}");
        self.tally.skipped += 1;
        let name = format!("{name} ({why})");
        self.done.push(Step {
            name,
            outcome: Outcome::Skipped,
            took: Duration::ZERO,
        });
    }

    /// Prints how long each step took and the counts; tells whether everything passed.
    pub(crate) fn report(&self) -> bool {
        println!();
        for step in &self.done {
            let outcome = match step.outcome {
                Outcome::Ok => "ok     ",
                Outcome::Failed => "FAILED ",
                Outcome::Skipped => "skipped",
            };
            println!(
                "{outcome} {:>7.1} s  {}",
                step.took.as_secs_f64(),
                step.name
            );
        }
        println!("{}", self.tally);
        self.tally.failed == 0 && self.done.iter().all(|step| step.outcome != Outcome::Failed)
    }
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Passes the program's stdout on line by line while adding up what it counts.
fn stream(command: &mut Command) -> Result<(bool, Tally)> {
    let what = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {what}"))?;
    let mut tally = Tally::default();
    let output = child.stdout.take().context("the output was asked for")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        tally.read(&line);
        println!("{line}");
    }
    Ok((child.wait()?.success(), tally))
}
