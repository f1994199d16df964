//! Many servers made of the real parts, in a network that loses, delays, doubles, falls apart and
//! crashes them: no activity is lost, none is applied twice, and each conversation keeps its order.
//!
//! The short form runs with the other tests. The long one takes its sizes from the environment:
//! `FOLKMOOT_SIMULATION_NODES`, `_ACTIVITIES`, `_SEEDS` (how many) and `_FIRST_SEED`; it is meant
//! for a release build.
//!
//! Every request is signed and every signature is verified, as between servers; the keys are of
//! Ed25519, which costs a third of RSA with 2048 bits, and are published as multibase. What is not
//! real is the network, the disks (memory that outlives a crash, each write with its time and its
//! chance to fail) and time itself. Half of what a run costs is the arithmetic of the signatures.
#![cfg(test)]

mod disk;
mod node;
mod plan;
mod queue;
mod record;
mod room;
mod run;

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::plan::{Plan, Sabotage};
use crate::run::{Report, run};

/// Runs each seed, as many at once as there are cores, and prints a line for each.
fn run_seeds(plan: &Plan, first: u64, count: u64) -> Vec<Report> {
    let next = AtomicU64::new(first);
    let reports = Mutex::new(Vec::new());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        break;
                    }
                    let report = run(plan, seed);
                    println!("{report}");
                    reports.lock().unwrap().push(report);
                }
            });
        }
    });
    let mut reports = reports.into_inner().unwrap();
    reports.sort_by_key(|report| report.seed);
    reports
}

fn assert_all_well(reports: &[Report]) {
    let failed: Vec<&Report> = reports
        .iter()
        .filter(|one| !one.faults.is_empty())
        .collect();
    let mut lines = String::new();
    for report in &failed {
        let _infallible = writeln!(lines, "{report}\n  {}", report.faults.join("\n  "));
    }
    assert!(failed.is_empty(), "{} seeds failed:\n{lines}", failed.len());
}

#[test]
fn nothing_is_lost_doubled_or_out_of_order() {
    let plan = Plan::short();
    let reports = run_seeds(&plan, 1, 4);
    assert_all_well(&reports);
    for report in &reports {
        assert!(
            report.crashes > 3 && report.partitions > 0,
            "no storm: {report}"
        );
        assert!(report.repeated > 0, "nothing came twice: {report}");
    }
}

#[test]
fn a_seed_repeats_its_run() {
    let plan = Plan::smallest();
    let first = run(&plan, 5);
    let again = run(&plan, 5);
    assert_eq!(first.hash, again.hash, "{first}\n{again}");
    assert_ne!(first.hash, run(&plan, 6).hash);
}

/// A simulation proves something only as far as it finds what is broken.
#[test]
fn finds_what_is_broken() {
    for (sabotage, symptom) in [
        (Sabotage::ForgetsRepetitions, "applied again"),
        (Sabotage::IgnoresOrder, "out of order"),
        (Sabotage::AnswersBeforeCommit, "never arrived"),
    ] {
        let plan = Plan {
            sabotage: Some(sabotage),
            ..Plan::smallest()
        };
        let found = (1..=5).any(|seed| {
            let faults = run(&plan, seed).faults;
            faults.iter().any(|fault| fault.contains(symptom))
        });
        assert!(found, "{sabotage:?} was not found");
    }
}

/// The long form, for `cargo xtask soak`.
#[test]
#[ignore = "takes minutes to hours; sizes from the environment"]
fn soak() {
    let (plan, first, count) = Plan::from_environment();
    let reports = run_seeds(&plan, first, count);
    let mut healing: Vec<u64> = reports
        .iter()
        .map(|one| one.converged_after.as_secs())
        .collect();
    healing.sort_unstable();
    let wall: f64 = reports.iter().map(|one| one.wall.as_secs_f64()).sum();
    let median = healing.get(healing.len() / 2).copied().unwrap_or(0);
    let longest = healing.last().copied().unwrap_or(0);
    println!(
        "{} seeds of {} nodes and {} activities: converged after healing in {median} s (median), \
         {longest} s (longest), virtual; {:.1} s of one core a seed",
        reports.len(),
        plan.nodes,
        plan.activities,
        wall / f64::from(u32::try_from(reports.len().max(1)).unwrap()),
    );
    assert_all_well(&reports);
}
