//! `folkmoot federation policy`: lists of domains, taken in and written out.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use federation_core::{Clock as _, SystemClock};

use crate::cli::{Global, open};
use crate::peers::policies::{self, Imported, ImportedLine};
use crate::platform::audit::{By, Entry};

/// What to do with the list.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum PolicyCommand {
    /// Take in a list of domains as Mastodon exports it; a server that runs follows within a second
    Import {
        /// The list, as CSV
        file: PathBuf,
        /// Say what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Write the policies as a list that other servers read
    Export,
}

/// Runs the command.
pub(super) async fn run(command: &PolicyCommand, global: &Global) -> Result<()> {
    let config = global.load()?;
    let database = open(&config).await?;
    match command {
        PolicyCommand::Import { file, dry_run } => {
            let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            let lines = policies::parse(&text)?;
            let origin = config.origin(config.server.bind);
            let own = origin.url().host_str().unwrap_or_default().to_owned();
            let entry = (!dry_run).then(|| Entry::new(By::Command, "domain.import"));
            let place = (own, SystemClock.now());
            let imported = policies::import(&database, place, lines, entry).await?;
            global.output().print(&imported, shown)?;
        }
        PolicyCommand::Export => {
            let found = policies::listed(&database).await?;
            let list = policies::write(&found);
            global
                .output()
                .print(&list, |list| list.trim_end().to_owned())?;
        }
    }
    database.close().await;
    Ok(())
}

fn shown(imported: &Imported) -> String {
    let verb = if imported.dry_run { "would be " } else { "" };
    let counts = format!(
        "{} domains {verb}added, {} {verb}changed, {} as they were, {} lines at fault",
        imported.added, imported.changed, imported.same, imported.faults
    );
    let line = |line: &ImportedLine| {
        let at = format!("line {}: {}", line.line, line.domain);
        if let Some(detail) = &line.detail {
            return Some(format!("{at}: {detail}"));
        }
        let impact = &line.impact;
        (line.outcome != "same").then(|| {
            format!(
                "{at} {}: {} people, {} follows, {} conversations, {} deliveries",
                line.outcome,
                impact.people,
                impact.follows,
                impact.conversations,
                impact.queued_deliveries
            )
        })
    };
    let lines = imported.lines.iter().filter_map(line);
    let all: Vec<String> = std::iter::once(counts).chain(lines).collect();
    all.join("\n")
}
