//! A run: pairs, one after the other; on each its scenarios; then the results.

use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::ensure;
use serde_json::Value;

use crate::adapter::Description;
use crate::case::Case;
use crate::outcome::Stop;
use crate::pair::Options;
use crate::pair::Pair;
use crate::place;
use crate::recorder;
use crate::results;
use crate::results::Line;
use crate::results::Lines;
use crate::results::Verdict;
use crate::results::evidence;
use crate::results::evidence::Mark;
use crate::scenarios;
use crate::scenarios::Scenario;

/// The longest that one scenario may take.
const SCENARIO: Duration = Duration::from_mins(2);

/// What to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The subjects.
    pub subjects: Vec<Description>,
    /// The peers.
    pub peers: Vec<Description>,
    /// The names of scenarios, or the starts of names; all when empty.
    pub scenarios: Vec<String>,
    /// Only those of the short form.
    pub short: bool,
    /// Where the exchanges are kept as fixtures.
    pub record: Option<PathBuf>,
    /// How pairs are started.
    pub options: Options,
}

impl Plan {
    /// The scenarios of this plan.
    ///
    /// # Errors
    /// When a name fits none.
    pub fn scenarios(&self) -> Result<Vec<&'static Scenario>> {
        for name in &self.scenarios {
            ensure!(
                scenarios::all().any(|one| one.name.starts_with(name.as_str())),
                "no scenario is called {name:?}; `--list` shows them"
            );
        }
        let wanted = |one: &&Scenario| {
            let named = self
                .scenarios
                .iter()
                .any(|name| one.name.starts_with(name.as_str()));
            named || (self.scenarios.is_empty() && (one.short || !self.short))
        };
        Ok(scenarios::all().filter(wanted).collect())
    }

    /// Runs all of it; gives the lines of each subject, in the order of the subjects.
    ///
    /// # Errors
    /// When a server cannot be started, or something is missing; never because a scenario fails.
    pub async fn run(&self) -> Result<Vec<(String, Lines)>> {
        let wanted = self.scenarios()?;
        let mut found = Vec::new();
        for subject in &self.subjects {
            let mut lines = Lines::new();
            for peer in &self.peers {
                let pair = self.pair(subject, peer, &wanted).await;
                lines.extend(pair.with_context(|| format!("{} with {}", subject.name, peer.name))?);
            }
            found.push((subject.name.clone(), lines));
        }
        Ok(found)
    }

    async fn pair(
        &self,
        subject: &Description,
        peer: &Description,
        wanted: &[&'static Scenario],
    ) -> Result<Lines> {
        let mut options = self.options.clone();
        options.raw |= self.record.is_some();
        let pair = Pair::start(subject, peer, &options).await?;
        let mut lines = Lines::new();
        for scenario in wanted {
            let line = one(&pair, peer, scenario).await;
            if let Some(place) = results::place(scenario.name) {
                lines.insert((peer.name.clone(), place), line);
            }
        }
        if let Some(folder) = &self.record {
            recorder::write(&pair, folder).await?;
        }
        Ok(lines)
    }
}

/// Runs one scenario; gives its line, and says so on the terminal. Rules that the proxies have are
/// taken away at the end.
#[expect(
    clippy::print_stdout,
    reason = "a run of minutes has to show that it goes on"
)]
pub async fn one(pair: &Pair, peer: &Description, scenario: &'static Scenario) -> Line {
    let start = Instant::now();
    let mark = Mark::now(pair);
    let case = Case {
        pair,
        name: scenario.name,
    };
    let exempt = pair.subject.description.exempt.get(scenario.name);
    let outcome = match exempt {
        Some(reason) => Err(Stop::lacks(pair.subject.name(), reason)),
        None => match tokio::time::timeout(SCENARIO, (scenario.run)(&case)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(anyhow::anyhow!("it was not over after {SCENARIO:?}").into()),
        },
    };
    pair.subject.proxy.heal();
    pair.peer.proxy.heal();
    let exchanges = mark.exchanges(pair, scenario.name);
    let (outcome, reason, evidence) = match outcome {
        Ok(()) => (Verdict::Passed, String::new(), evidence::taken(&exchanges)),
        Err(Stop::NotApplicable(reason)) => (Verdict::NotApplicable, reason, Vec::new()),
        Err(Stop::Failed(error)) => {
            let evidence = evidence::all(pair, &exchanges);
            keep(pair, scenario, &format!("{error:#}"), &exchanges);
            (Verdict::Failed, format!("{error:#}"), evidence)
        }
    };
    let reason = evidence::stable(pair, &reason);
    println!(
        "{:>7.1} s  {:<14} {} with {}: {} {reason}",
        start.elapsed().as_secs_f64(),
        outcome.name(),
        pair.subject.name(),
        peer.name,
        scenario.name,
    );
    Line {
        subject: pair.subject.name().to_owned(),
        peer: peer.name.clone(),
        scenario: scenario.name.to_owned(),
        outcome,
        reason,
        evidence,
        subject_version: pair.subject.version.clone(),
        peer_version: version(pair),
    }
}

fn version(pair: &Pair) -> String {
    let said = |name: &str| pair.ready[name].as_str().map(str::to_owned);
    said("version")
        .or_else(|| said("library"))
        .unwrap_or_else(|| pair.peer.version.clone())
}

/// Keeps the whole of what went over the wire in a failed scenario, for whoever looks into it.
fn keep(
    pair: &Pair,
    scenario: &Scenario,
    reason: &str,
    exchanges: &[(&'static str, crate::proxy::Exchange)],
) {
    let mut text = format!("{}: {reason}\n", scenario.name);
    for (to, one) in exchanges {
        let request = String::from_utf8_lossy(&one.request.head);
        text.push_str(&format!("\n=== to {to}\n{request}{}\n", one.request.text()));
        if let Some(answer) = &one.answer {
            let head = String::from_utf8_lossy(&answer.head);
            text.push_str(&format!("--- answer\n{head}{}\n", answer.text()));
        }
    }
    for server in [&pair.subject, &pair.peer] {
        text.push_str(&format!(
            "\n=== log of {}\n{}\n",
            server.name(),
            server.log_tail()
        ));
    }
    let folder = place::target().join("interop");
    let name = format!(
        "{}_{}_{}.txt",
        pair.subject.name(),
        pair.peer.name(),
        scenario.name
    );
    // It only helps to understand a failure that is reported anyway.
    drop(std::fs::create_dir_all(&folder));
    drop(std::fs::write(folder.join(name), text));
}

/// Whether a ready answer says that a peer supports something, as far as it says.
pub fn supports(ready: &Value, what: &str) -> bool {
    let list = ready["supports"].as_array();
    list.is_none_or(|list| list.iter().any(|one| one == what))
}
