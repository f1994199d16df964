//! `folkmoot doctor`: looks for what keeps this node from working, and says what to do.

mod cache;
mod local;
mod outside;

use std::fmt;
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use self::outside::Port;
use super::output::Output;
use crate::config::Config;

/// When it is looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// While the node is set up: its server may never have run.
    Setup,
    /// Whenever the operator asks.
    Any,
}

/// How one check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// As it should be.
    Good,
    /// It works, and may not for long or not for everybody.
    Warning,
    /// It does not work.
    Failed,
    /// There was nothing to check; the detail says why.
    Skipped,
}

/// One check with its outcome.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Check {
    name: &'static str,
    verdict: Verdict,
    /// What was seen.
    detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Check {
    fn good(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Verdict::Good, detail, None)
    }

    fn skipped(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Verdict::Skipped, detail, None)
    }

    fn warning(name: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(name, Verdict::Warning, detail, Some(advice.into()))
    }

    fn failed(name: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(name, Verdict::Failed, detail, Some(advice.into()))
    }

    fn new(
        name: &'static str,
        verdict: Verdict,
        detail: impl Into<String>,
        advice: Option<String>,
    ) -> Self {
        Self {
            name,
            verdict,
            detail: detail.into(),
            advice,
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Good => "good",
            Verdict::Warning => "WARNING",
            Verdict::Failed => "FAILED",
            Verdict::Skipped => "skipped",
        };
        write!(formatter, "{verdict:<8} {:<10} {}", self.name, self.detail)?;
        match &self.advice {
            Some(advice) => write!(formatter, "\n{:>20}{advice}", "-> "),
            None => Ok(()),
        }
    }
}

/// Everything that was checked.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Whether nothing failed.
    healthy: bool,
    checks: Vec<Check>,
}

impl Report {
    /// Whether nothing failed.
    pub(super) fn is_healthy(&self) -> bool {
        self.healthy
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            writeln!(formatter, "{check}")?;
        }
        formatter.write_str(if self.healthy {
            "Nothing is in the way."
        } else {
            "Something is in the way: see FAILED above."
        })
    }
}

/// Runs the command; exits with 1 when a check failed.
pub(super) async fn run(config: &Config, output: Output) -> Result<ExitCode> {
    let report = examine(config, Moment::Any).await;
    output.print(&report, ToString::to_string)?;
    Ok(if report.healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Checks what these settings describe.
pub(super) async fn examine(config: &Config, moment: Moment) -> Report {
    let mut checks = vec![
        local::data_directory(config),
        local::disk(config),
        local::keyring(config),
    ];
    checks.extend(local::database(config).await);
    checks.push(cache::cache(config).await);
    let bind = config.server.bind;
    let port = Port::look(bind).await;
    checks.push(port.check(bind));
    let awaited = moment == Moment::Setup && port != Port::Served;
    checks.extend(outside::public_address(config, awaited).await);
    let failed = |check: &Check| check.verdict == Verdict::Failed;
    Report {
        healthy: !checks.iter().any(failed),
        checks,
    }
}
