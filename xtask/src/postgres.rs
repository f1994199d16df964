//! A throw-away PostgreSQL server.

use std::fs::File;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use anyhow::Context as _;
use anyhow::Result;

use crate::service;
use crate::service::Service;
use crate::tools;

/// Whether a commit waits for the disk: tests stop servers but never the machine, so they need
/// not; figures must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Fast, and lost with the machine.
    Off,
    /// As in production.
    On,
}

/// Starts a server; gives its address as a URL with the rights of its owner.
///
/// # Errors
/// When it is not installed or does not start.
pub(crate) fn start(durability: Durability) -> Result<(Service, String)> {
    let programs = programs().context("PostgreSQL is not installed")?;
    // Every test makes a database of its own, which is hundreds of files.
    let folder = match durability {
        Durability::Off => service::folder_in_memory("postgres")?,
        Durability::On => service::folder("postgres")?,
    };
    let data = folder.join("data");
    let port = service::free_port()?;
    // The server refuses to run as root.
    let owner = if tools::is_root() {
        Some(account("postgres")?)
    } else {
        None
    };
    if let Some((user, group)) = owner {
        chown(&folder, Some(user), Some(group))?;
    }
    let as_owner = |program: &str| {
        let mut command = Command::new(programs.join(program));
        if let Some((user, group)) = owner {
            command.uid(user).gid(group);
        }
        command.current_dir(&folder).stdin(Stdio::null());
        command
    };
    let mut initdb = as_owner("initdb");
    initdb
        .args([
            "-A",
            "trust",
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--locale=C",
            "-D",
        ])
        .arg(&data);
    tools::run(initdb.stdout(Stdio::null()))?;
    let mut server = as_owner("postgres");
    server
        .arg("-D")
        .arg(&data)
        .arg("-k")
        .arg(&folder)
        .args(["-p", &port.to_string()]);
    server.args([
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        "max_connections=400",
    ]);
    if durability == Durability::Off {
        server.args([
            "-c",
            "fsync=off",
            "-c",
            "synchronous_commit=off",
            "-c",
            "full_page_writes=off",
        ]);
    }
    let log = File::create(folder.join("log"))?;
    server.stdout(log.try_clone()?).stderr(log);
    let service = Service::start(&mut server, port, "INT", &folder)?;
    Ok((
        service,
        format!("postgres://postgres@127.0.0.1:{port}/postgres"),
    ))
}

/// The folder with `initdb` and `postgres`: on PATH, else where Debian keeps the newest.
pub(crate) fn programs() -> Option<PathBuf> {
    if let Some(initdb) = tools::find("initdb") {
        return initdb.parent().map(PathBuf::from);
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let folders = versions.filter_map(|entry| Some(entry.ok()?.path()));
    let newest = folders.max_by_key(number)?.join("bin");
    newest.join("initdb").is_file().then_some(newest)
}

fn account(name: &str) -> Result<(u32, u32)> {
    let number = |flag: &str| {
        let text =
            tools::output("id", &[flag, name]).with_context(|| format!("no account {name}"))?;
        text.parse::<u32>()
            .with_context(|| format!("{text} is no id"))
    };
    Ok((number("-u")?, number("-g")?))
}
