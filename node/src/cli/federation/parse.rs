//! `folkmoot federation parse`: how a document is understood here, and what of it is not.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use federation_core::vocab::{
    Activity, ActivityKind, Actor, ActorKind, Collection, CollectionKind, Map, Object, Value,
    VocabError, parse,
};
use serde::Serialize;

use super::input;
use super::key::KeyReading;

/// Which document.
#[derive(Debug, Args)]
pub(in crate::cli) struct ParseArgs {
    /// The file with the JSON document; - reads standard input
    document: PathBuf,
}

/// Reads the document.
///
/// # Errors
/// The file cannot be read, or is not a document that the inbox would read.
pub(super) fn run(args: &ParseArgs) -> Result<Reading> {
    let bytes = input::read(&args.document)?;
    let shown = args.document.display();
    Reading::of(&bytes).with_context(|| format!("{shown} is refused"))
}

/// What a document was read as.
#[derive(Debug, Serialize)]
pub(super) struct Reading {
    /// Which of the four types reads it.
    read_as: &'static str,
    /// The document's own `type`.
    #[serde(rename = "type")]
    kind: String,
    /// The understood properties, as they would be written.
    known: Map<String, Value>,
    /// Paths of the properties that are kept but not understood.
    unknown: Vec<String>,
    /// The keys of an actor.
    keys: Vec<KeyReading>,
    /// Whether everybody may see it, where that is said.
    public: Option<bool>,
}

impl Reading {
    fn of(bytes: &[u8]) -> Result<Self, VocabError> {
        let map = parse(bytes)?;
        let names = type_names(&map);
        let any = |known: &dyn Fn(&str) -> bool| names.iter().any(|name| known(name));
        let has = |property| map.contains_key(property);
        let is_actor = any(&|name| ActorKind::from_name(name).is_known());
        let is_activity = any(&|name| ActivityKind::from_name(name).is_known());
        if is_activity || (has("actor") && has("object")) {
            let activity = Activity::from_value(Value::Object(map))?;
            return Ok(Self {
                public: Some(activity.is_public()),
                ..Self::new(
                    "activity",
                    activity.kind.as_str(),
                    activity.to_value(),
                    activity.unknown_fields(),
                )
            });
        }
        if is_actor || has("inbox") {
            let actor = Actor::from_value(Value::Object(map))?;
            let reading = Self::new(
                "actor",
                actor.kind.as_str(),
                actor.to_value(),
                actor.unknown_fields(),
            );
            return Ok(Self {
                keys: actor.public_keys.iter().map(KeyReading::of).collect(),
                ..reading
            });
        }
        if any(&|name| CollectionKind::from_name(name).is_known()) {
            let list = Collection::from_value(Value::Object(map))?;
            return Ok(Self::new(
                "collection",
                list.kind.as_str(),
                list.to_value(),
                list.unknown_fields(),
            ));
        }
        let object = Object::from_value(Value::Object(map))?;
        Ok(Self {
            public: Some(object.is_public()),
            ..Self::new(
                "object",
                object.kind.as_str(),
                object.to_value(),
                object.unknown_fields(),
            )
        })
    }

    fn new(read_as: &'static str, kind: &str, written: Value, unknown: Vec<String>) -> Self {
        let mut known = match written {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        known.shift_remove("@context");
        for path in &unknown {
            leave_out(&mut known, path);
        }
        Self {
            read_as,
            kind: kind.to_owned(),
            known,
            unknown,
            keys: Vec::new(),
            public: None,
        }
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{} {}", self.read_as, input::printable(&self.kind))?;
        print_map(out, &self.known, 1)?;
        match self.public {
            Some(true) => writeln!(out, "audience: everybody")?,
            Some(false) => writeln!(out, "audience: those it names")?,
            None => {}
        }
        for key in &self.keys {
            writeln!(out, "{key}")?;
        }
        if self.unknown.is_empty() {
            return write!(out, "unknown: nothing");
        }
        write!(out, "unknown, kept as it came:")?;
        for path in &self.unknown {
            write!(out, "\n  {}", input::printable(path))?;
        }
        Ok(())
    }
}

fn type_names(map: &Map<String, Value>) -> Vec<String> {
    let entries = match map.get("type") {
        Some(Value::Array(list)) => list.as_slice(),
        Some(single) => std::slice::from_ref(single),
        None => &[],
    };
    let texts = entries.iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// Removes a property by its path, where `object.name` is inside the embedded object.
fn leave_out(map: &mut Map<String, Value>, path: &str) {
    if map.shift_remove(path).is_some() {
        return;
    }
    if let Some(inner) = path.strip_prefix("object.")
        && let Some(Value::Object(object)) = map.get_mut("object")
    {
        object.shift_remove(inner);
    }
}

fn print_map(out: &mut fmt::Formatter<'_>, map: &Map<String, Value>, depth: usize) -> fmt::Result {
    let indent = "  ".repeat(depth);
    for (name, value) in map {
        let name = input::printable(name);
        match value {
            Value::Object(inner) => {
                writeln!(out, "{indent}{name}:")?;
                print_map(out, inner, depth + 1)?;
            }
            Value::Array(list) => {
                writeln!(out, "{indent}{name}:")?;
                for entry in list {
                    match entry {
                        Value::Object(inner) => {
                            writeln!(out, "{indent}  -")?;
                            print_map(out, inner, depth + 2)?;
                        }
                        single => writeln!(out, "{indent}  - {}", scalar(single))?,
                    }
                }
            }
            single => writeln!(out, "{indent}{name}: {}", scalar(single))?,
        }
    }
    Ok(())
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => input::printable(text),
        other => other.to_string(),
    }
}
