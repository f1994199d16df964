//! `folkmoot migrate`: brings the schema of the database up to date without serving.

use std::process::ExitCode;

use anyhow::Result;
use federation_core::store::sql::{Database, DatabaseOptions};
use serde::Serialize;

use super::output::Output;
use crate::config::Config;
use crate::platform::db;

#[derive(Serialize)]
struct Migrated {
    /// The steps that ran, in order.
    ran: Vec<String>,
}

/// Runs the command; `serve` does the same at its start.
pub(super) async fn run(config: Config, output: Output) -> Result<ExitCode> {
    let database = Database::open(DatabaseOptions::new(config.database_url())).await?;
    let ran = database.migrate(db::migrations()).await?;
    database.close().await;
    output.print(&Migrated { ran }, |migrated| {
        match migrated.ran.as_slice() {
            [] => "The schema is up to date.".to_owned(),
            ran => format!("Ran {}", ran.join(", ")),
        }
    })?;
    Ok(ExitCode::SUCCESS)
}
