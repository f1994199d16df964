//! `folkmoot setup`: writes the settings file, makes the owner, and looks whether all is well.
//!
//! On a terminal it asks for what no flag says; elsewhere it takes flags and defaults.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde::Serialize;

use super::doctor::{self, Moment, Report};
use super::user::{self, Created, NewAccount};
use super::{Global, open};
use crate::accounts::store;
use crate::config::{Config, Sources};

/// The file that is written unless `--config` names another.
const DEFAULT_FILE: &str = "folkmoot.toml";

/// What is to be set up; what is not given is asked for on a terminal.
#[derive(Debug, Args)]
pub(super) struct SetupArgs {
    /// Where rows are kept: a path, or a sqlite: or postgres: URL (`database.url`)
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Who may open an account: open, invite or closed (`registration.mode`)
    #[arg(long, value_name = "MODE")]
    registration: Option<String>,
    /// The name of the first account, which owns the node
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Replace a settings file that is there
    #[arg(long)]
    force: bool,
    /// Ask nothing: take the defaults for what no flag says
    #[arg(short, long)]
    yes: bool,
}

/// What was set up.
#[derive(Serialize)]
struct Done {
    /// The settings file that was written.
    file: PathBuf,
    /// The owner that was made; absent when none was asked for or there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<Created>,
    report: Report,
}

/// Runs the command; exits with 1 when a check failed.
pub(super) async fn run(args: SetupArgs, global: &Global) -> Result<ExitCode> {
    let file = global.config.clone();
    let file = file.unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
    if file.exists() && !args.force {
        bail!(
            "{} is there already; change it by hand, or give --force",
            file.display()
        );
    }
    let asks = !args.yes && io::stdin().is_terminal();
    let answers = Answers::collect(&args, global, &mut Questions { asks })?;
    let config = answers.check()?;
    write(&file, &answers.file())?;
    let owner = match &answers.owner {
        Some(name) => first_account(name, &config).await?,
        None => None,
    };
    let report = doctor::examine(&config, Moment::Setup).await;
    let healthy = report.is_healthy();
    let done = Done {
        file,
        owner,
        report,
    };
    global.output().print(&done, shown)?;
    Ok(if healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn shown(done: &Done) -> String {
    let owner = match &done.owner {
        Some(owner) => format!("Made {}\n", owner.shown()),
        None => String::new(),
    };
    format!("Wrote {}\n{owner}{}", done.file.display(), done.report)
}

async fn first_account(name: &str, config: &Config) -> Result<Option<Created>> {
    let database = open(config).await?;
    let made = async {
        if database.read(store::count_local).await? > 0 {
            return Ok(None);
        }
        let account = NewAccount::named(name);
        user::make(account, config, &database).await.map(Some)
    };
    let made = made.await;
    database.close().await;
    made
}

/// What was answered, as the settings take it.
#[derive(Debug, Default)]
struct Answers {
    settings: Vec<(&'static str, String)>,
    owner: Option<String>,
}

impl Answers {
    fn collect(args: &SetupArgs, global: &Global, questions: &mut Questions) -> Result<Self> {
        let text = |value: &PathBuf| value.to_string_lossy().into_owned();
        let mut answers = Self::default();
        let mut settle = |key, question: &str, given: Option<String>, default: &str| {
            let value = questions.ask(question, given, default)?;
            if value != default {
                answers.settings.push((key, value));
            }
            Ok::<(), anyhow::Error>(())
        };
        settle(
            "server.public_url",
            "The address by which others reach this node, such as https://chat.example \
             (empty: for trying out on this machine)",
            global.public_url.clone(),
            "",
        )?;
        settle(
            "server.bind",
            "The address to listen on",
            global.bind.map(|bind| bind.to_string()),
            "127.0.0.1:8080",
        )?;
        settle(
            "data_dir",
            "The directory for keys and the embedded database",
            global.data_dir.as_ref().map(text),
            "data",
        )?;
        settle(
            "database.url",
            "The database: empty for the embedded one, or a postgres: URL",
            args.database.clone(),
            "",
        )?;
        settle(
            "registration.mode",
            "Who may open an account: open, invite or closed",
            args.registration.clone(),
            "open",
        )?;
        let owner = "The name of the first account, which owns the node (empty: none now)";
        let owner = questions.ask(owner, args.owner.clone(), "")?;
        answers.owner = Some(owner).filter(|name| !name.is_empty());
        Ok(answers)
    }

    /// The settings that the answers make.
    fn check(&self) -> Result<Config> {
        let flags = self.settings.iter();
        let sources = Sources {
            file: None,
            variables: Vec::new(),
            flags: flags
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
        };
        Ok(Config::load(&sources)?)
    }

    /// The settings file that says the same.
    fn file(&self) -> String {
        let mut table = toml::Table::new();
        for (key, value) in &self.settings {
            let value = toml::Value::String(value.clone());
            match key.split_once('.') {
                None => {
                    table.insert((*key).to_owned(), value);
                }
                Some((section, name)) => {
                    let section = table
                        .entry(section)
                        .or_insert_with(|| toml::Value::Table(toml::Table::new()));
                    if let Some(section) = section.as_table_mut() {
                        section.insert(name.to_owned(), value);
                    }
                }
            }
        }
        format!(
            "# Settings of this node; docs/folkmoot.sample.toml shows every one with its default.\n\n\
             {table}"
        )
    }
}

/// Asks on the terminal, or takes what is given.
struct Questions {
    asks: bool,
}

impl Questions {
    fn ask(&mut self, question: &str, given: Option<String>, default: &str) -> Result<String> {
        if let Some(given) = given {
            return Ok(given);
        }
        if !self.asks {
            return Ok(default.to_owned());
        }
        let mut screen = io::stderr().lock();
        if default.is_empty() {
            write!(screen, "{question}: ")?;
        } else {
            write!(screen, "{question} [{default}]: ")?;
        }
        screen.flush()?;
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line)?;
        if read == 0 {
            bail!("the input ended before all was answered; nothing was written");
        }
        let answer = line.trim();
        Ok(if answer.is_empty() { default } else { answer }.to_owned())
    }
}

/// Writes the file as a whole or not at all; it may hold the database's password.
fn write(path: &Path, text: &str) -> Result<()> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or_else(|| Path::new("."));
    let cannot = || format!("cannot write {}", path.display());
    let mut file = tempfile::NamedTempFile::new_in(directory).with_context(cannot)?;
    file.write_all(text.as_bytes()).with_context(cannot)?;
    file.as_file().sync_all().with_context(cannot)?;
    file.persist(path).with_context(cannot)?;
    let directory: File = OpenOptions::new().read(true).open(directory)?;
    directory.sync_all().with_context(cannot)
}
