//! `folkmoot federation`: looks at other servers and at what they send.

mod input;
mod key;
mod parse;
mod request_file;
#[cfg(test)]
mod tests;
mod verify;

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Subcommand;

use super::Global;

/// What to look at.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Judge a recorded signed request: every check with its verdict; exits with 0 when all hold
    Verify(verify::VerifyArgs),
    /// Read an ActivityStreams document as the inbox does, and show what was not understood
    Parse(parse::ParseArgs),
}

/// Runs the command.
pub(super) fn run(command: &Command, global: &Global) -> Result<ExitCode> {
    // One line, with every cause on it.
    execute(command, global).map_err(|fault| anyhow!("{fault:#}"))
}

fn execute(command: &Command, global: &Global) -> Result<ExitCode> {
    match command {
        Command::Verify(args) => {
            let report = verify::run(args, &global.load()?)?;
            global.output().print(&report, ToString::to_string)?;
            Ok(if report.valid {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
        Command::Parse(args) => {
            let reading = parse::run(args)?;
            global.output().print(&reading, ToString::to_string)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
