//! Every document that real servers sent or served is read into types and written back without
//! loss.
#![cfg(test)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use federation_core::vocab::{
    self, Activity, ActivityKind, Actor, ActorKind, Collection, CollectionKind, Object, Value,
};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "http")
        {
            found.push(path);
        }
    }
}

/// The body of a recorded message when it is JSON.
fn json_body(message: &[u8]) -> Option<&[u8]> {
    let end = message
        .windows(4)
        .position(|window| window == b"\r\n\r\n")?;
    let body = message.get(end + 4..)?;
    body.starts_with(b"{").then_some(body)
}

/// Reads by type and writes again; `None` for documents that are not `ActivityStreams`.
fn round_trip(document: Value) -> Option<(String, Value)> {
    let kind = document.get("type")?.as_str()?.to_owned();
    let written = if ActivityKind::from_name(&kind).is_known() {
        Activity::from_value(document).unwrap().to_value()
    } else if ActorKind::from_name(&kind).is_known() {
        Actor::from_value(document).unwrap().to_value()
    } else if CollectionKind::from_name(&kind).is_known() {
        Collection::from_value(document).unwrap().to_value()
    } else {
        Object::from_value(document).unwrap().to_value()
    };
    Some((kind, written))
}

/// Whether both say the same: null is absent, a single value is a list of one, and the public
/// collection has several names.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let absent = Value::Null;
            let keys = one.keys().chain(other.keys());
            let value = |map: &vocab::Map<String, Value>, key: &String| {
                map.get(key).unwrap_or(&absent).clone()
            };
            keys.into_iter()
                .all(|key| same(&value(one, key), &value(other, key)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Array(list), single) | (single, Value::Array(list)) => match list.as_slice() {
            [] => single.is_null(),
            [entry] => same(entry, single),
            _ => false,
        },
        (Value::String(one), Value::String(other)) => {
            one == other || (vocab::is_public(one) && vocab::is_public(other))
        }
        _ => one == other,
    }
}

#[test]
fn every_recorded_document_is_read_typed_and_written_without_loss() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/captures");
    let mut paths = Vec::new();
    files(&root, &mut paths);
    let mut counts = BTreeMap::<String, usize>::new();
    for path in &paths {
        let message = std::fs::read(path).unwrap();
        let Some(body) = json_body(&message) else {
            continue;
        };
        let document = Value::Object(vocab::parse(body).unwrap());
        let plain: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(document, plain, "{}", path.display());
        let Some((kind, written)) = round_trip(document.clone()) else {
            continue;
        };
        assert!(
            same(&document, &written),
            "{}:\n{document:#}\n{written:#}",
            path.display()
        );
        *counts.entry(kind).or_default() += 1;
    }
    println!("{counts:?}");
    let documents: usize = counts.values().sum();
    assert!(
        documents > 130,
        "only {documents} documents in {}",
        root.display()
    );
}
