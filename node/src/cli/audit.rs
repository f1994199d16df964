//! `folkmoot audit`: what was done with privileges, beside a server that may be running.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Subcommand;
use federation_core::store::sql::{Connection, Database};

use super::open;
use super::output::Output;
use crate::base::ids::AuditId;
use crate::base::page::{MAX_LIMIT, PageQuery};
use crate::config::Config;
use crate::platform::audit::{self, AuditFilter, Recorded};

/// How often to look for new entries.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the newest entries, oldest of them first
    Tail {
        /// How many, up to 100
        #[arg(short = 'n', long, default_value_t = 20)]
        lines: u32,
        /// Go on showing what is recorded, until interrupted
        #[arg(short, long)]
        follow: bool,
        /// Only this action, such as role.update
        #[arg(long)]
        action: Option<String>,
        /// Only what was done to the thing with this id or name
        #[arg(long)]
        target: Option<String>,
    },
}

/// Runs the command.
pub(super) async fn run(command: Command, config: Config, output: Output) -> Result<ExitCode> {
    let Command::Tail {
        lines,
        follow,
        action,
        target,
    } = command;
    let database = open(&config).await?;
    let filter = AuditFilter {
        actor: None,
        action,
        target,
    };
    let outcome = tail(&database, filter, lines, follow, output).await;
    database.close().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn tail(
    database: &Database,
    filter: AuditFilter,
    lines: u32,
    follow: bool,
    output: Output,
) -> Result<()> {
    let mut newest = show(database, &filter, None, lines, output).await?;
    if !follow {
        return Ok(());
    }
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        newest = show(database, &filter, newest, MAX_LIMIT, output).await?;
    }
}

/// Shows what was recorded after `after`; answers the newest entry shown.
async fn show(
    database: &Database,
    filter: &AuditFilter,
    after: Option<AuditId>,
    lines: u32,
    output: Output,
) -> Result<Option<AuditId>> {
    let page = PageQuery {
        before: None,
        after,
        limit: Some(lines),
    };
    let filter = filter.clone();
    let read = move |connection: &mut Connection| audit::list(connection, &filter, &page);
    let mut entries = database.read(read).await?.items;
    entries.reverse();
    let newest = entries.last().map(|entry| entry.id).or(after);
    for entry in &entries {
        output.print_line(entry, line)?;
    }
    Ok(newest)
}

fn line(entry: &Recorded) -> String {
    let json = |value: &Option<serde_json::Value>| {
        value
            .as_ref()
            .map_or_else(|| "-".to_owned(), ToString::to_string)
    };
    let actor = match &entry.actor_id {
        Some(id) => format!("user {id}"),
        None => entry.actor_kind.clone(),
    };
    let target = match (&entry.target_kind, &entry.target_id) {
        (Some(kind), Some(id)) => format!(" {kind} {id}"),
        _ => String::new(),
    };
    format!(
        "{}  {actor}  {}{target}  {} -> {}",
        entry.at,
        entry.action,
        json(&entry.before),
        json(&entry.after),
    )
}
