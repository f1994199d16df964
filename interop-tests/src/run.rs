//! A run: pairs, several at a time; on each its scenarios, those that do not disturb each other side
//! by side; then the results.
#![expect(
    clippy::future_not_send,
    reason = "scenarios run beside each other on one thread; the servers have processes of their own"
)]

use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::ensure;
use futures_util::StreamExt as _;
use futures_util::stream;

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
const SCENARIO: Duration = Duration::from_mins(4);
/// How many scenarios of a pair run side by side.
const AT_ONCE: usize = 8;

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
    /// Whether no server is tried with itself.
    pub leave_out_itself: bool,
    /// How many pairs are run at the same time.
    pub pairs_at_once: usize,
    /// How pairs are started.
    pub options: Options,
}

/// What a run found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The lines of each subject, in the order of the subjects.
    pub lines: Vec<(String, Lines)>,
    /// Why a pair could not be run: something is missing, or a server does not start.
    pub faults: Vec<String>,
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

    /// Runs all of it, several pairs at a time.
    ///
    /// # Errors
    /// When a name fits no scenario; what keeps a pair from being run is in [`Found::faults`].
    pub async fn run(&self) -> Result<Found> {
        let wanted = self.scenarios()?;
        let all = self.subjects.iter().enumerate();
        let pairs = all.flat_map(|(place, subject)| {
            let fits = |peer: &&Description| !self.leave_out_itself || peer.name != subject.name;
            let with = move |peer| (place, subject, peer);
            self.peers.iter().filter(fits).map(with)
        });
        let wanted = &wanted;
        let runs = pairs.map(|(place, subject, peer)| async move {
            let lines = self.pair(subject, peer, wanted).await;
            (
                place,
                lines.with_context(|| format!("{} with {}", subject.name, peer.name)),
            )
        });
        let mut runs = stream::iter(runs).buffer_unordered(self.pairs_at_once.max(1));
        let nothing = |subject: &Description| (subject.name.clone(), Lines::new());
        let mut found = Found {
            lines: self.subjects.iter().map(nothing).collect(),
            faults: Vec::new(),
        };
        while let Some((place, lines)) = runs.next().await {
            match (lines, found.lines.get_mut(place)) {
                (Ok(lines), Some((_, all))) => all.extend(lines),
                (Ok(_), None) => {}
                (Err(error), _) => found.faults.push(format!("{error:#}")),
            }
        }
        found.faults.sort();
        Ok(found)
    }

    #[expect(
        clippy::print_stdout,
        reason = "who was tried with whom belongs to what a run shows"
    )]
    async fn pair(
        &self,
        subject: &Description,
        peer: &Description,
        wanted: &[&'static Scenario],
    ) -> Result<Lines> {
        let mut options = self.options.clone();
        options.raw |= self.record.is_some();
        let pair = Pair::start(subject, peer, &options).await?;
        let (tested, with) = (pair.subject.version.as_str(), version(&pair));
        println!("{} {tested} with {} {with}", subject.name, peer.name);
        let of = |scenario: &'static Scenario| {
            let pair = &pair;
            async move { (scenario.name, one(pair, peer, scenario).await) }
        };
        let (alone, beside): (Vec<_>, Vec<_>) = wanted.iter().partition(|one| one.alone);
        let beside = stream::iter(beside).map(of).buffer_unordered(AT_ONCE);
        let mut done: Vec<(&str, Line)> = beside.collect().await;
        for scenario in alone {
            done.push(of(scenario).await);
        }
        for (name, line) in &mut done {
            // What was still on its way when a scenario was over has arrived by now.
            if line.outcome == Verdict::Passed {
                line.evidence = evidence::taken(&Mark::default().exchanges(&pair, name));
            }
        }
        if let Some(folder) = &self.record {
            recorder::write(&pair, folder).await?;
        }
        let place = |name| Some((peer.name.clone(), results::place(name)?));
        let placed = done
            .into_iter()
            .filter_map(|(name, line)| Some((place(name)?, line)));
        Ok(placed.collect())
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
    pair.subject.proxy.heal(scenario.name);
    pair.peer.proxy.heal(scenario.name);
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
        let said = one.request.text();
        text = format!("{text}\n=== to {to}\n{request}{said}\n");
        if let Some(answer) = &one.answer {
            let head = String::from_utf8_lossy(&answer.head);
            text = format!("{text}--- answer\n{head}{}\n", answer.text());
        }
    }
    for server in [&pair.subject, &pair.peer] {
        let (name, log) = (server.name(), server.log_tail());
        text = format!("{text}\n=== log of {name}\n{log}\n");
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
