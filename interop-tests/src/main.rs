//! `interop`: tries a server with others. `docs/interop.md` says how to test your own.
#![expect(
    clippy::print_stdout,
    reason = "a command-line program talks to its terminal"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use anyhow::bail;
use clap::Parser;
use interop_tests::adapter::Description;
use interop_tests::adapter::container;
use interop_tests::pair::Options;
use interop_tests::place;
use interop_tests::results;
use interop_tests::results::Verdict;
use interop_tests::results::matrix;
use interop_tests::run::Plan;
use interop_tests::scenarios::THEMES;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

/// Tries a server with others, over the wire alone.
#[derive(Debug, Parser)]
#[command(name = "interop")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
struct Arguments {
    /// A subject by name, or the path of its TOML file; all that come along by default
    #[arg(long, value_name = "NAME|FILE")]
    subject: Vec<String>,
    /// A peer by name, or the path of its TOML file; all that have control routes by default
    #[arg(long, value_name = "NAME|FILE")]
    peer: Vec<String>,
    /// A scenario, or how the names of several begin
    #[arg(long, value_name = "NAME")]
    scenario: Vec<String>,
    /// Only the short form
    #[arg(long)]
    short: bool,
    /// Write the exchanges into this folder as fixtures
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Where the results are
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
    /// Compare with the results and do not write them
    #[arg(long)]
    check: bool,
    /// Also those that come as container images, which need podman or docker
    #[arg(long)]
    containers: bool,
    /// How many pairs are run at the same time
    #[arg(long, value_name = "N", default_value_t = 3)]
    pairs_at_once: usize,
    /// Show the scenarios
    #[arg(long)]
    list: bool,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if arguments.list {
        list();
        return Ok(ExitCode::SUCCESS);
    }
    let folder = arguments.results.clone();
    let folder = folder.unwrap_or_else(|| place::package().join("results"));
    let mut subjects = chosen(&arguments.subject, Use::Subject)?;
    if arguments.containers {
        subjects.extend(Description::containers()?);
    }
    let plan = Plan {
        subjects,
        peers: chosen(&arguments.peer, Use::Peer)?,
        scenarios: arguments.scenario.clone(),
        short: arguments.short,
        record: arguments.record.clone(),
        leave_out_itself: arguments.subject.is_empty() || arguments.peer.is_empty(),
        pairs_at_once: arguments.pairs_at_once,
        options: Options::default(),
    };
    let mut worse = Vec::new();
    let mut counts = [0_usize; 3];
    let found = tokio::select! {
        found = plan.run() => found?,
        // What the run started ends with it.
        signal = stopped() => bail!("stopped by {}", signal?),
    };
    for (subject, now) in found.lines {
        let before = results::read(&folder, &subject)?;
        worse.extend(results::regressions(&before, &now));
        for line in now.values() {
            let place = match line.outcome {
                Verdict::Passed => 0,
                Verdict::Failed => 1,
                Verdict::NotApplicable => 2,
            };
            if let Some(count) = counts.get_mut(place) {
                *count += 1;
            }
        }
        if !arguments.check {
            let mut all = before;
            all.extend(now);
            results::write(&folder, &subject, &all)?;
        }
    }
    if !arguments.check {
        matrix::write(&folder)?;
    }
    let [passed, failed, lacking] = counts;
    println!("\n{passed} passed, {failed} failed, {lacking} not applicable");
    println!("results: {}", folder.display());
    for line in &worse {
        println!("WORSE: {line}");
    }
    if !arguments.containers {
        let names: Vec<String> = Description::containers()?
            .into_iter()
            .map(|one| one.name)
            .collect();
        let why = match container::engine().await {
            Some(_) => "not asked for; --containers does",
            None => "no container engine",
        };
        println!("not run: {} ({why})", names.join(", "));
    }
    for fault in &found.faults {
        println!("NOT RUN: {fault}");
    }
    Ok(if worse.is_empty() && found.faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The signal that asks this program to stop, once it comes.
async fn stopped() -> Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| "SIGINT").map_err(Into::into),
        _ = terminate.recv() => Ok("SIGTERM"),
    }
}

/// On which side of a pair a server stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Subject,
    Peer,
}

fn chosen(names: &[String], side: Use) -> Result<Vec<Description>> {
    let fits = |one: &Description| match side {
        Use::Subject => !one.actions.is_empty(),
        Use::Peer => one.control.is_some(),
    };
    if names.is_empty() {
        return Ok(Description::all()?.into_iter().filter(fits).collect());
    }
    let mut found = Vec::new();
    for name in names {
        let one = Description::find(name)?;
        match side {
            Use::Subject if !fits(&one) => bail!("{name} has no actions, so it cannot be tested"),
            Use::Peer if !fits(&one) => {
                bail!("{name} has no control routes, so it cannot be a peer");
            }
            _ => {}
        }
        found.push(one);
    }
    Ok(found)
}

fn list() {
    for theme in THEMES {
        println!("{}", theme.name);
        for one in theme.scenarios {
            let short = if one.short { "*" } else { " " };
            println!("  {short} {:<26} {} ({})", one.name, one.shows, one.source);
        }
    }
    println!("\n* part of the short form");
}
