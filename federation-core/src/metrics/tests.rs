//! What is recorded is what is listed, and what is listed is what is documented.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ::metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    with_local_recorder,
};

use super::*;

/// Remembers the names, kinds and labels that were used.
#[derive(Clone, Debug, Default)]
struct Seen(Arc<Mutex<Series>>);

/// Kind and labels of each metric.
type Series = BTreeMap<String, (Kind, BTreeSet<String>)>;

impl Seen {
    fn note(&self, key: &Key, kind: Kind) {
        let labels: BTreeSet<String> = key.labels().map(|label| label.key().to_owned()).collect();
        let mut seen = self.0.lock().unwrap();
        let before = seen.insert(key.name().to_owned(), (kind, labels.clone()));
        // One metric always has the same labels.
        assert!(before.is_none_or(|before| before == (kind, labels)));
    }
}

impl Recorder for Seen {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.note(key, Kind::Counter);
        Counter::noop()
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.note(key, Kind::Gauge);
        Gauge::noop()
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.note(key, Kind::Histogram);
        Histogram::noop()
    }
}

/// Adds up counters, by their name and the values of their labels.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted(Arc<Mutex<Totals>>);

type Totals = BTreeMap<(String, Vec<String>), Arc<AtomicU64>>;

impl Counted {
    /// What was counted under this name with these values of the labels, in the labels' order.
    pub(crate) fn of(&self, name: &str, labels: &[&str]) -> u64 {
        let labels = labels.iter().map(ToString::to_string).collect();
        let totals = self.0.lock().unwrap();
        let total = totals.get(&(name.to_owned(), labels));
        total.map_or(0, |total| total.load(Ordering::Relaxed))
    }

    /// What was counted under this name, whatever the labels.
    pub(crate) fn all(&self, name: &str) -> u64 {
        let totals = self.0.lock().unwrap();
        let named = totals.iter().filter(|((of, _), _)| of == name);
        named.map(|(_, total)| total.load(Ordering::Relaxed)).sum()
    }
}

impl Recorder for Counted {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels = key.labels().map(|label| label.value().to_owned());
        let key = (key.name().to_owned(), labels.collect());
        let mut totals = self.0.lock().unwrap();
        Counter::from_arc(Arc::clone(totals.entry(key).or_default()))
    }
    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// The code below a folder, without its tests and without the module of the metrics itself.
fn code_below(folder: &Path) -> String {
    let mut code = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !matches!(name, "metrics" | "tests" | "testing") {
                code.push_str(&code_below(&path));
            }
        } else if name != "tests.rs" {
            let text = fs::read_to_string(&path).unwrap();
            let before_tests = text.split("#[cfg(test)]\nmod tests {").next();
            code.push_str(before_tests.unwrap());
        }
    }
    code
}

/// Each metric is recorded by a function, and each such function is called where things happen.
#[test]
fn what_is_listed_is_recorded_by_the_code() {
    let names = include_str!("names.rs");
    let code = code_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let module = include_str!("mod.rs");
    let functions: Vec<(&str, &str)> = module
        .split("\npub ")
        .filter_map(|part| part.trim_start_matches("async ").strip_prefix("fn "))
        .filter_map(|part| part.split_once('('))
        .collect();
    let mut called: Vec<&str> = Vec::new();
    for (name, body) in &functions {
        if code.contains(&format!("metrics::{name}(")) {
            called.push(body);
        }
    }
    for metric in ALL {
        let name = format!("\"{}\"", metric.name);
        let line = names.lines().find(|line| line.contains(&name)).unwrap();
        let constant = line.trim().split(':').next().unwrap();
        let constant = format!("names::{constant}");
        let uses = |body: &str| {
            let after = body.split(constant.as_str()).skip(1);
            let mut after = after.map(|rest| rest.chars().next());
            after.any(|next| next.is_none_or(|next| !next.is_alphanumeric() && next != '_'))
        };
        let recorded = called.iter().any(|body| {
            let through =
                |(name, inner): &(&str, &str)| body.contains(&format!(" {name}(")) && uses(inner);
            uses(body) || functions.iter().any(through)
        });
        assert!(recorded, "nothing records {}", metric.name);
    }
}

#[test]
fn what_is_recorded_is_what_is_listed() {
    let seen = Seen::default();
    with_local_recorder(&seen, || {
        let took = Stopwatch::start().elapsed();
        describe();
        signature_verified("cavage", true, took);
        inbox_answered("accepted", took);
        looked_up(Source::Memory);
        fetched(Outcome::of(&Err::<(), _>("gone"), |_| false), took);
        delivery_attempted("retry", took);
        delivery_settled("dead", took);
        delivery_settled("delivered", took);
        delivery_turned(took, 3);
        queue_seen(&QueueFigures::default());
        database_committed(3, took);
        drop(stream_opened(Side::Holder));
        stream_frame(Direction::In, "activity");
        handshake_answered("verify", "ok");
    });
    let seen = seen.0.lock().unwrap().clone();
    let listed: Series = ALL
        .iter()
        .map(|metric| {
            let labels = metric.labels.iter().map(ToString::to_string).collect();
            (metric.name.to_owned(), (metric.kind, labels))
        })
        .collect();
    assert_eq!(seen, listed);
}

#[test]
fn names_follow_the_rules() {
    for metric in ALL {
        let name = metric.name;
        assert!(name.starts_with("federation_"), "{name}");
        assert_eq!(
            name.ends_with("_total"),
            metric.kind == Kind::Counter,
            "{name}"
        );
        if metric.kind == Kind::Histogram {
            assert!(name.ends_with("_seconds"), "{name}");
        }
        assert!(metric.labels.is_sorted(), "{name}");
        for label in metric.labels {
            assert!(
                !["host", "peer", "domain", "actor", "url"].contains(label),
                "{name}: others would choose the values of {label}"
            );
        }
    }
}

#[test]
fn the_documentation_has_the_same_table() {
    let document = include_str!("../../../docs/metrics.md");
    let documented: Vec<&str> = document
        .lines()
        .filter(|line| line.starts_with("| `federation_"))
        .collect();
    let wanted: Vec<String> = ALL
        .iter()
        .map(|metric| {
            let labels: Vec<String> = metric.labels.iter().map(|l| format!("`{l}`")).collect();
            let labels = if labels.is_empty() {
                "-".to_owned()
            } else {
                labels.join(", ")
            };
            let (name, kind, help) = (metric.name, metric.kind.as_str(), metric.help);
            format!("| `{name}` | {kind} | {labels} | {help} |")
        })
        .collect();
    assert_eq!(documented, wanted, "\nwanted:\n{}\n", wanted.join("\n"));
}
