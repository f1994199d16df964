//! `folkmoot federation`: looks at other servers and at what they send.

mod input;
mod key;
mod lookup;
mod parse;
mod policy;
mod reach;
mod request_file;
#[cfg(test)]
mod tests;
mod verify;

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Subcommand;

pub(super) use self::reach::{Reach, with_way_out};
use super::Global;

/// What to look at.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Look up a handle or URL: actor, keys, inbox and server
    Lookup(lookup::LookupArgs),
    /// Judge a recorded signed request: every check with its verdict; exits with 0 when all hold
    Verify(verify::VerifyArgs),
    /// Read an ActivityStreams document as the inbox does, and show what was not understood
    Parse(parse::ParseArgs),
    /// Lists of domains that this node blocks or silences
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
}

/// Runs the command.
pub(super) async fn run(command: &Command, global: &Global) -> Result<ExitCode> {
    // One line, with every cause on it.
    execute(command, global)
        .await
        .map_err(|fault| anyhow!("{fault:#}"))
}

async fn execute(command: &Command, global: &Global) -> Result<ExitCode> {
    match command {
        Command::Lookup(args) => {
            let finding = lookup::run(args, &global.load()?).await?;
            global.output().print(&finding, ToString::to_string)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Verify(args) => {
            let report = verify::run(args, &global.load()?).await?;
            global.output().print(&report, ToString::to_string)?;
            Ok(if report.valid {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
        Command::Policy(command) => {
            policy::run(command, global).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Parse(args) => {
            let reading = parse::run(args)?;
            global.output().print(&reading, ToString::to_string)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
