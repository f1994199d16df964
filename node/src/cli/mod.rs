//! The command line: one file per command.

mod audit;
mod config;
mod doctor;
mod federation;
mod lab;
mod migrate;
mod output;
mod serve;
mod setup;
mod standing;
mod token;
mod user;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use federation_core::store::sql::{Database, DatabaseOptions};

use crate::cli::output::Output;
use crate::config::{Config, Sources};
use crate::platform::db;

/// Folkmoot: a community chat server that federates over ActivityPub.
#[derive(Debug, Parser)]
#[command(name = "folkmoot", version, about, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Flags that every command takes.
#[derive(Debug, Args)]
struct Global {
    /// The settings file; `folkmoot.toml` in the working directory when there is one
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the key ring and the SQLite database are (`data_dir`)
    #[arg(long, global = true, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    /// The address to listen on (`server.bind`)
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    bind: Option<SocketAddr>,
    /// What the outside world calls this node (`server.public_url`)
    #[arg(long, global = true, value_name = "URL")]
    public_url: Option<String>,
    /// Print data as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve; what happens without a command
    Serve,
    /// Look at the settings
    #[command(subcommand)]
    Config(config::Command),
    /// Bring the schema of the database up to date
    Migrate,
    /// Start two nodes on this machine that talk, and show every hop with its time
    Lab(lab::LabArgs),
    /// Look at other servers and at what they send
    #[command(subcommand)]
    Federation(federation::Command),
    /// Accounts of this node
    #[command(subcommand)]
    User(user::Command),
    /// Sign-ins and their tokens
    #[command(subcommand)]
    Token(token::Command),
    /// Write the settings, make the owner, and look whether all is well
    Setup(setup::SetupArgs),
    /// Look for what keeps this node from working
    Doctor,
    /// What was done with privileges
    #[command(subcommand)]
    Audit(audit::Command),
}

impl Global {
    /// Reads all layers of the settings, these flags on top.
    fn load(&self) -> Result<Config> {
        let text = |value: &PathBuf| value.to_string_lossy().into_owned();
        let flags = [
            ("data_dir", self.data_dir.as_ref().map(text)),
            ("server.bind", self.bind.map(|address| address.to_string())),
            ("server.public_url", self.public_url.clone()),
        ];
        let given = |(key, value): (&str, Option<String>)| Some((key.to_owned(), value?));
        let flags = flags.into_iter().filter_map(given).collect();
        Ok(Config::load(&Sources::of_process(
            self.config.clone(),
            flags,
        ))?)
    }

    /// How another command is called so that it sees the same settings.
    fn command(&self) -> String {
        let given = [
            (
                "--config",
                self.config.as_ref().map(|path| path.display().to_string()),
            ),
            (
                "--data-dir",
                self.data_dir
                    .as_ref()
                    .map(|path| path.display().to_string()),
            ),
            ("--bind", self.bind.map(|address| address.to_string())),
            ("--public-url", self.public_url.clone()),
        ];
        let flags = given
            .into_iter()
            .filter_map(|(flag, value)| Some(format!(" {flag} {}", value?)));
        format!("folkmoot{}", flags.collect::<String>())
    }

    fn output(&self) -> Output {
        Output { json: self.json }
    }
}

/// Opens the database beside a server that may be running, with the schema up to date.
async fn open(config: &Config) -> Result<Database> {
    let mut options = DatabaseOptions::new(config.database_url());
    options.sole_process = false;
    let database = Database::open(options).await?;
    database.migrate(db::migrations()).await?;
    Ok(database)
}

/// Runs the command that was given.
///
/// # Errors
/// What went wrong, with the way out, in one line where it is one thing.
pub async fn run(cli: Cli) -> Result<ExitCode> {
    let global = &cli.global;
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(global.load()?, &global.command()).await,
        Command::Config(command) => config::run(&command, global),
        Command::Migrate => migrate::run(global.load()?, global.output()).await,
        Command::Lab(args) => lab::run(&args, global.output()).await,
        Command::Federation(command) => federation::run(&command, global).await,
        Command::User(command) => user::run(command, global.load()?, global.output()).await,
        Command::Setup(args) => setup::run(args, global).await,
        Command::Doctor => doctor::run(&global.load()?, global.output()).await,
        Command::Token(command) => token::run(command, global.load()?, global.output()).await,
        Command::Audit(command) => audit::run(command, global.load()?, global.output()).await,
    }
}
