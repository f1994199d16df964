//! `folkmoot config`: looks at the settings without starting anything.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use super::Global;

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List every fault at once, or show the settings in effect
    Check,
}

/// Runs the command.
pub(super) fn run(command: &Command, global: &Global) -> Result<ExitCode> {
    let Command::Check = command;
    let config = global.load()?;
    global.output().print(&config, |config| {
        format!(
            "The settings are good: {} on {}, database {}",
            config.origin(config.server.bind).as_str(),
            config.server.bind,
            config.database_url(),
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
