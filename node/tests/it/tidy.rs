//! Layout rules that no lint can hold: length, headers and the direction of imports.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines in a file at most, blank ones and comments included.
const LONGEST: usize = 400;
/// Lines in a file of tests or benchmarks at most.
const LONGEST_TEST: usize = 600;
/// Folders of the workspace that hold code.
const CRATES: [&str; 6] = [
    "webfinger",
    "federation-core",
    "node",
    "interop-tests",
    "xtask",
    "examples",
];
/// The modules of the server, lowest first: each uses only those on the lines above its own,
/// and those of one line may use each other.
const ORDER: [&[&str]; 23] = [
    &["base"],
    &["config"],
    &["platform"],
    &["accounts"],
    &["auth"],
    &["admin"],
    &["roles"],
    &["members"],
    &["oauth", "oidc"],
    &["media"],
    &["blocks", "follows", "notifications"],
    &["peers"],
    &["delivery"],
    &["groups"],
    &["communities"],
    &["channels"],
    &["moderation"],
    &["messages"],
    &["dms"],
    &["attention", "departures", "exports", "presence"],
    &["about", "federation", "gateway", "nodes", "openapi", "web"],
    &["lab"],
    &["app", "cli", "router", "telemetry", "workers"],
];

struct Source {
    /// From the root of the workspace.
    path: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = Vec::new();
    for folder in CRATES {
        collect(&root.join(folder), &mut found);
    }
    let read = |path: PathBuf| Source {
        text: fs::read_to_string(&path).unwrap(),
        path: path
            .strip_prefix(root)
            .unwrap()
            .to_string_lossy()
            .into_owned(),
    };
    let sources: Vec<Source> = found.into_iter().map(read).collect();
    assert!(sources.len() > 50, "the sources were not found");
    sources
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let entry = entry.unwrap();
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        let name = entry.file_name().to_string_lossy().into_owned();
        if kind.is_dir() && name != "target" && name != "node_modules" {
            collect(&path, found);
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn is_test(path: &str) -> bool {
    ["/tests/", "/benches/"]
        .iter()
        .any(|folder| path.contains(folder))
        || path.ends_with("/tests.rs")
}

/// Fails with every offence at once.
#[track_caller]
fn none(offences: &[String]) {
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}

#[test]
fn files_are_short() {
    let long = |source: &Source| {
        let (lines, limit) = match source.text.lines().count() {
            lines if is_test(&source.path) => (lines, LONGEST_TEST),
            lines => (lines, LONGEST),
        };
        let excepted = source.path.ends_with("/schema.rs");
        (lines > limit && !excepted)
            .then(|| format!("{}: {lines} lines, at most {limit}", source.path))
    };
    none(&sources().iter().filter_map(long).collect::<Vec<_>>());
}

#[test]
fn files_say_what_they_are() {
    let silent = |source: &Source| {
        (!source.text.starts_with("//! ")).then(|| format!("{}: no //! first", source.path))
    };
    none(&sources().iter().filter_map(silent).collect::<Vec<_>>());
}

#[test]
fn imports_are_one_path_each() {
    let grouped = concat!("use crate", "::{");
    let twice_up = concat!("super", "::super");
    let mut offences = Vec::new();
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            let is_code = !line.trim_start().starts_with("//");
            if is_code && (line.contains(grouped) || line.contains(twice_up)) {
                offences.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    none(&offences);
}

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|line| line.contains(&module))
}

#[test]
fn modules_use_only_what_is_below_them() {
    let mut offences = Vec::new();
    for source in sources() {
        let Some(inner) = source.path.strip_prefix("node/src/") else {
            continue;
        };
        let module = inner.split(['/', '.']).next().unwrap();
        if matches!(module, "lib" | "main") {
            continue;
        }
        let Some(own) = rank(module) else {
            offences.push(format!(
                "{}: {module} is not in the list of modules",
                source.path
            ));
            continue;
        };
        for (number, line) in source.text.lines().enumerate() {
            for (_, rest) in line
                .match_indices("crate::")
                .map(|(at, _)| line.split_at(at))
            {
                let name = |letter: char| letter.is_alphanumeric() || letter == '_';
                let used = rest.trim_start_matches("crate::");
                let used = used.split(|letter| !name(letter)).next().unwrap();
                if rank(used).is_some_and(|other| other > own) {
                    offences.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
                }
            }
        }
    }
    none(&offences);
}
