//! Runs schemathesis, which reads the server's document and sends what it allows and forbids.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use tokio::process::Command;

use crate::network::Network;
use crate::place;
use crate::subject::Subject;

/// How often each operation gave each status.
#[derive(Clone, Debug, Default)]
pub struct Seen(BTreeMap<String, BTreeMap<String, u64>>);

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub enum Principal<'a> {
    /// Nobody is signed in.
    Nobody,
    /// Whoever holds this access token.
    Holder(&'a str),
    /// For each case a member who has just signed up.
    Newcomer,
}

/// One run.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Its name in the output.
    pub name: &'a str,
    /// Who asks.
    pub principal: Principal<'a>,
    /// Regular expressions of paths: the only ones that are asked, and those that are not.
    pub paths: (Option<&'a str>, Option<&'a str>),
    /// What makes it repeatable.
    pub seed: u32,
    /// Random cases for each operation; those at the bounds of the schemas come in any case.
    pub examples: u64,
}

impl Run<'_> {
    /// Sends the requests and holds the answers against the document.
    ///
    /// # Errors
    /// When schemathesis is not installed or finds a fault; the message is its report.
    #[expect(
        clippy::print_stdout,
        reason = "the figures of a run that found nothing are worth as much"
    )]
    pub async fn against(&self, subject: &Subject, network: &Network) -> Result<Seen> {
        let folder = network.folder(&format!("schemathesis-{}", self.name))?;
        let seen = folder.join("seen.json");
        let mut command = self.command(subject, &folder)?;
        let output = command.env("FOLKMOOT_SEEN", &seen).output().await?;
        let report = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            bail!("{}, seed {}:\n{report}\n{errors}", self.name, self.seed);
        }
        let (_, summary) = report.split_once("SUMMARY").unwrap_or(("", &report));
        println!(
            "== {}\n{}",
            self.name,
            summary.trim_matches(['=', '\n', ' '])
        );
        let seen = std::fs::read(&seen).context("it did not tell what it saw")?;
        Ok(Seen(serde_json::from_slice(&seen)?))
    }

    fn command(&self, subject: &Subject, folder: &PathBuf) -> Result<Command> {
        let program = place::peer("schemathesis", "bin/schemathesis")?;
        let scripts = place::package().join("peers/schemathesis");
        let base = format!("http://{}", subject.direct());
        let mut command = Command::new(program.join("bin/schemathesis"));
        command
            .arg("--config-file")
            .arg(scripts.join("schemathesis.toml"))
            .args(["run", &format!("{base}/api/openapi.json"), "--no-color"])
            .args(["--seed", &self.seed.to_string()])
            .args(["--max-examples", &self.examples.to_string()]);
        if let Some(only) = self.paths.0 {
            command.args(["--include-path-regex", only]);
        }
        if let Some(without) = self.paths.1 {
            command.args(["--exclude-path-regex", without]);
        }
        command
            .current_dir(folder)
            .env("PYTHONPATH", &scripts)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("NO_PROXY", "*")
            .env("FOLKMOOT_BASE", base)
            .kill_on_drop(true);
        match self.principal {
            Principal::Nobody => {}
            Principal::Holder(token) => {
                command.env("FOLKMOOT_TOKEN", token);
            }
            Principal::Newcomer => {
                command.env("FOLKMOOT_THROW_AWAY", "1");
            }
        }
        Ok(command)
    }
}

impl Seen {
    /// Adds what another run saw.
    pub fn add(&mut self, other: Self) {
        for (operation, statuses) in other.0 {
            let known = self.0.entry(operation).or_default();
            for (status, times) in statuses {
                let count = known.entry(status).or_default();
                *count = count.saturating_add(times);
            }
        }
    }

    /// The operations that were asked.
    pub fn operations(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// How often an operation answered with a status of this beginning: `2`, `429`.
    pub fn times(&self, operation: &str, beginning: &str) -> u64 {
        let statuses = self.0.get(operation).into_iter().flatten();
        let such = statuses.filter(|(status, _)| status.starts_with(beginning));
        such.map(|(_, times)| *times).sum()
    }

    /// All requests.
    pub fn requests(&self) -> u64 {
        self.0.values().flat_map(BTreeMap::values).sum()
    }
}
