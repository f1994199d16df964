//! `folkmoot audit`: what was done with privileges, beside a server that may be running.

use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Subcommand;
use federation_core::store::sql::{Connection, Database};

use super::open;
use super::output::Output;
use crate::base::ids::AuditId;
use crate::base::page::{MAX_LIMIT, Page, PageQuery};
use crate::config::Config;
use crate::platform::audit::{self, AuditFilter, Recorded};

/// How often to look for new entries.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The id that sorts before those of all entries.
const BEFORE_ALL: &str = "00000000-0000-0000-0000-000000000000";

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
    let (mut follower, newest) = Follower::start(database, filter, lines).await?;
    show(&newest, output)?;
    if !follow {
        return Ok(());
    }
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            _ = &mut interrupted => return Ok(()),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let mut more = true;
        while more {
            let page = follower.next(database).await?;
            more = page.prev.is_some();
            show(&page.items, output)?;
        }
    }
}

/// What was shown so far.
struct Follower {
    filter: AuditFilter,
    /// The newest entry that was shown, or what sorts before all when there was none.
    newest: AuditId,
}

impl Follower {
    /// Begins with the newest entries, oldest of them first; every later one follows.
    async fn start(
        database: &Database,
        filter: AuditFilter,
        lines: u32,
    ) -> Result<(Self, Vec<Recorded>)> {
        let page = PageQuery {
            before: None,
            after: None,
            limit: Some(lines),
        };
        let mut follower = Self {
            filter,
            newest: BEFORE_ALL.parse()?,
        };
        let found = follower.read(database, page).await?;
        Ok((follower, found.items))
    }

    /// What was recorded since, up to a page, oldest first; `prev` is set when there is more.
    async fn next(&mut self, database: &Database) -> Result<Page<Recorded, AuditId>> {
        let page = PageQuery {
            before: None,
            after: Some(self.newest),
            limit: Some(MAX_LIMIT),
        };
        self.read(database, page).await
    }

    async fn read(
        &mut self,
        database: &Database,
        page: PageQuery<AuditId>,
    ) -> Result<Page<Recorded, AuditId>> {
        let filter = self.filter.clone();
        let read = move |connection: &mut Connection| audit::list(connection, &filter, &page);
        let mut found = database.read(read).await?;
        found.items.reverse();
        if let Some(newest) = found.items.last() {
            self.newest = newest.id;
        }
        Ok(found)
    }
}

fn show(entries: &[Recorded], output: Output) -> Result<()> {
    for entry in entries {
        output.print_line(entry, line)?;
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use federation_core::store::sql::DatabaseError;
    use federation_core::testing::on_each_backend;
    use federation_core::{Clock as _, SystemClock};

    use super::*;
    use crate::platform::audit::{By, Entry};
    use crate::platform::db;

    /// Records so many entries at once; answers their ids in order.
    async fn record(database: &Database, count: usize) -> Vec<AuditId> {
        let write = move |connection: &mut Connection| {
            let now = SystemClock.now();
            let entry = Entry::new(By::Command, "user.roles");
            let ids = (0..count).map(|_| audit::record(connection, &entry, now));
            ids.collect::<Result<Vec<AuditId>, DatabaseError>>()
        };
        database.write(write).await.unwrap()
    }

    /// Every entry that comes next, in order.
    async fn rest(follower: &mut Follower, database: &Database) -> Vec<AuditId> {
        let mut ids = Vec::new();
        loop {
            let page = follower.next(database).await.unwrap();
            ids.extend(page.items.iter().map(|entry| entry.id));
            if page.prev.is_none() {
                return ids;
            }
        }
    }

    #[test]
    fn followers_miss_nothing_of_a_burst() {
        on_each_backend(async |test| {
            let database = test.open(db::migrations()).await;
            // One begins with nothing, one with entries.
            for shown in [0, 20] {
                let all = AuditFilter::default();
                let (mut follower, newest) = Follower::start(&database, all, 20).await.unwrap();
                assert_eq!(newest.len(), shown);
                assert!(rest(&mut follower, &database).await.is_empty());
                let burst = record(&database, 250).await;
                assert_eq!(rest(&mut follower, &database).await, burst);
                // As many as fit in a page.
                let burst = record(&database, 100).await;
                assert_eq!(rest(&mut follower, &database).await, burst);
            }
            database.close().await;
        });
    }
}
