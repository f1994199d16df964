//! A database of its own for each server that keeps its rows in PostgreSQL.

use std::env;

use anyhow::Context as _;
use anyhow::Result;
use tokio::process::Command;

use crate::process::run;

/// Names the server whose databases are thrown away, with the right to create them.
const VARIABLE: &str = "FOLKMOOT_TEST_POSTGRES";

/// Creates an empty database; gives its URL. It is dropped with its server.
///
/// # Errors
/// When no server is named or `psql` fails.
pub async fn database() -> Result<String> {
    let admin = env::var_os(VARIABLE).and_then(|url| url.into_string().ok());
    let admin = admin.with_context(|| {
        format!("{VARIABLE} names no PostgreSQL server; `cargo xtask test` starts one")
    })?;
    let (server, _) = admin
        .rsplit_once('/')
        .context("the URL names no database")?;
    let unique = tempfile::Builder::new()
        .prefix("interop_")
        .rand_bytes(12)
        .tempdir()?;
    let name = unique
        .path()
        .file_name()
        .and_then(|name| name.to_str())
        .context("no name")?;
    let name = name.to_lowercase();
    let create = format!("CREATE DATABASE \"{name}\"");
    run(Command::new("psql").args(["-q", "-v", "ON_ERROR_STOP=1", "-c", &create, &admin])).await?;
    Ok(format!("{server}/{name}"))
}
