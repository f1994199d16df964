//! Puts the layers of the configuration on top of each other, leaf by leaf, so that every wrong
//! one is found and named with the place it came from.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::Config;
use super::fault::Fault;

/// The file that is read when it exists and no other is named.
const DEFAULT_FILE: &str = "folkmoot.toml";
/// How the names of variables that set something start.
const PREFIX: &str = "FOLKMOOT_";
/// Variables of this name space belong to the test runs of the project.
const TEST_PREFIX: &str = "FOLKMOOT_TEST_";

/// Where to read settings from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file named on the command line; it must exist.
    pub file: Option<PathBuf>,
    /// Environment variables; only those that start with `FOLKMOOT_` are looked at.
    pub variables: Vec<(OsString, OsString)>,
    /// Settings given by flags: key and value as text.
    pub flags: Vec<(String, String)>,
}

impl Sources {
    /// The environment of this process, beside the given file and flags.
    pub fn of_process(file: Option<PathBuf>, flags: Vec<(String, String)>) -> Self {
        Self {
            file,
            variables: std::env::vars_os().collect(),
            flags,
        }
    }
}

/// One value with the place it came from.
#[derive(Debug)]
struct Leaf {
    /// Readings of the value, to be tried in this order.
    readings: Vec<Value>,
    source: String,
}

/// The configuration as far as it can be read, and what of it cannot.
pub(super) fn read(sources: &Sources) -> (Config, Vec<Fault>) {
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    let mut faults = Vec::new();
    let mut leaves = BTreeMap::new();
    read_file(sources.file.as_deref(), &defaults, &mut leaves, &mut faults);
    read_variables(&sources.variables, &mut leaves, &mut faults);
    for (key, text) in &sources.flags {
        insert_text(key.clone(), text, "command line".to_owned(), &mut leaves);
    }
    let mut merged = defaults.clone();
    for (key, leaf) in leaves {
        match accept(&defaults, &key, &leaf) {
            Ok(value) => set(&mut merged, &key, value),
            Err(fault) => faults.push(fault.from_source(leaf.source)),
        }
    }
    let config = Config::deserialize(merged).unwrap_or_else(|error| {
        faults.push(Fault::new(
            "",
            error.to_string(),
            "see docs/folkmoot.sample.toml",
        ));
        Config::default()
    });
    (config, faults)
}

fn read_file(
    named: Option<&Path>,
    defaults: &Value,
    leaves: &mut BTreeMap<String, Leaf>,
    faults: &mut Vec<Fault>,
) {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    let source = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => return,
        Err(error) => {
            let fault = Fault::new(
                "",
                format!("cannot be read: {error}"),
                "name a readable file",
            );
            faults.push(fault.from_source(source));
            return;
        }
    };
    match toml::from_str::<Value>(&text) {
        Ok(value) => flatten(String::new(), value, defaults, &source, leaves),
        Err(error) => {
            let line = error.span().map_or(1, |span| {
                text.bytes()
                    .take(span.start)
                    .filter(|byte| *byte == b'\n')
                    .count()
                    + 1
            });
            let problem = format!("line {line} is not TOML: {}", error.message());
            faults.push(Fault::new("", problem, "correct that line").from_source(source));
        }
    }
}

/// Takes the values of `value` apart down to settings; `schema` tells a section from a setting.
fn flatten(
    key: String,
    value: Value,
    schema: &Value,
    source: &str,
    leaves: &mut BTreeMap<String, Leaf>,
) {
    match (value, schema) {
        (Value::Object(entries), Value::Object(known)) => {
            for (name, inner) in entries {
                let path = if key.is_empty() {
                    name.clone()
                } else {
                    format!("{key}.{name}")
                };
                let schema = known.get(&name).unwrap_or(&Value::Null);
                flatten(path, inner, schema, source, leaves);
            }
        }
        (value, _) => {
            let leaf = Leaf {
                readings: vec![value],
                source: source.to_owned(),
            };
            leaves.insert(key, leaf);
        }
    }
}

fn read_variables(
    variables: &[(OsString, OsString)],
    leaves: &mut BTreeMap<String, Leaf>,
    faults: &mut Vec<Fault>,
) {
    for (name, value) in variables {
        let Some(name) = name.to_str() else { continue };
        let Some(path) = name.strip_prefix(PREFIX) else {
            continue;
        };
        if name.starts_with(TEST_PREFIX) {
            continue;
        }
        let key = path.to_ascii_lowercase().replace("__", ".");
        match value.to_str() {
            Some(text) => insert_text(key, text, name.to_owned(), leaves),
            None => faults.push(
                Fault::new(&key, "the value is not UTF-8", "write it in UTF-8").from_source(name),
            ),
        }
    }
}

/// Takes in a value written as text: as TOML when it reads as that and fits, else as a string.
fn insert_text(key: String, text: &str, source: String, leaves: &mut BTreeMap<String, Leaf>) {
    let plain = Value::String(text.to_owned());
    let parsed = toml::from_str::<Value>(&format!("value = {text}"))
        .ok()
        .and_then(|table| table.get("value").cloned());
    let readings = parsed.into_iter().chain([plain]).collect();
    leaves.insert(key, Leaf { readings, source });
}

/// The reading of a setting that its type accepts when all else is default.
fn accept(defaults: &Value, key: &str, leaf: &Leaf) -> Result<Value, Fault> {
    match find(defaults, key) {
        None => return Err(unknown(defaults, key)),
        Some(Value::Object(_)) => {
            return Err(Fault::new(
                key,
                "this is a section",
                "put it as a table in the file",
            ));
        }
        Some(_) => {}
    }
    let mut problem = String::new();
    for reading in &leaf.readings {
        let mut candidate = defaults.clone();
        set(&mut candidate, key, reading.clone());
        match Config::deserialize(candidate) {
            Ok(_) => return Ok(reading.clone()),
            Err(error) => problem = error.to_string(),
        }
    }
    Err(Fault::new(
        key,
        problem,
        "docs/folkmoot.sample.toml shows what it takes",
    ))
}

fn unknown(defaults: &Value, key: &str) -> Fault {
    let mut known = Vec::new();
    list(String::new(), defaults, &mut known);
    let nearest = known.iter().map(|name| (distance(name, key), name)).min();
    let way_out = match nearest {
        Some((steps, name)) if steps <= 4 => format!("did you mean {name}?"),
        _ => "remove it; docs/folkmoot.sample.toml lists every setting".to_owned(),
    };
    Fault::new(key, "there is no such setting", way_out)
}

/// Writes every setting of `value` into `into`, by its full name.
pub(super) fn list(key: String, value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            for (name, inner) in entries {
                let path = if key.is_empty() {
                    name.clone()
                } else {
                    format!("{key}.{name}")
                };
                list(path, inner, into);
            }
        }
        _ => into.push(key),
    }
}

fn find<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    key.split('.')
        .try_fold(value, |inner, name| inner.get(name))
}

fn set(value: &mut Value, key: &str, new: Value) {
    let slot = key
        .split('.')
        .try_fold(value, |inner, name| inner.get_mut(name));
    if let Some(slot) = slot {
        *slot = new;
    }
}

/// How many letters must be added, removed or changed to come from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (line, left) in from.chars().enumerate() {
        let mut diagonal = line;
        let mut previous = line + 1;
        for (cell, right) in row.iter_mut().skip(1).zip(to.chars()) {
            let change = diagonal + usize::from(left != right);
            diagonal = *cell;
            *cell = change.min(previous + 1).min(diagonal + 1);
            previous = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}
