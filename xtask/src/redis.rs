//! A throw-away Redis (or Valkey) server.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use anyhow::Context as _;
use anyhow::Result;

use crate::service;
use crate::service::Service;
use crate::tools;

/// Starts a server that keeps nothing; gives its address as a URL.
///
/// # Errors
/// When it is not installed or does not start.
pub(crate) fn start() -> Result<(Service, String)> {
    let program = program().context("Redis is not installed")?;
    let folder = service::folder("redis")?;
    let port = service::free_port()?;
    let log = File::create(folder.join("log"))?;
    let mut server = Command::new(program);
    server.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    server
        .args(["--port", &port.to_string()])
        .arg("--dir")
        .arg(&folder);
    server
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    let service = Service::start(&mut server, port, "TERM", &folder)?;
    Ok((service, format!("redis://127.0.0.1:{port}/")))
}

/// The server's program.
pub(crate) fn program() -> Option<PathBuf> {
    tools::find("redis-server").or_else(|| tools::find("valkey-server"))
}
