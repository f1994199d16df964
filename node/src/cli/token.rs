//! `folkmoot token`: ends sign-ins, while the server runs or not.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use super::open;
use super::output::Output;
use super::standing;
use crate::base::ids::SessionId;
use crate::config::Config;

/// What to do with sign-ins.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// End the sign-ins of an account: its tokens are worth nothing at once
    Revoke {
        /// The name of the account
        username: String,
        /// Only this sign-in
        #[arg(long)]
        session: Option<SessionId>,
    },
}

/// Runs the command beside a server that may be running.
pub(super) async fn run(command: Command, config: Config, output: Output) -> Result<ExitCode> {
    let Command::Revoke { username, session } = command;
    let database = open(&config).await?;
    let outcome = standing::revoke(&database, &username, session, output).await;
    database.close().await;
    outcome.map(|()| ExitCode::SUCCESS)
}
