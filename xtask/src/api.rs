//! The public names of the libraries, held against the lists in `docs/api`.
//!
//! They are read from what rustdoc knows (its JSON output, which the compiler in use offers under
//! `RUSTC_BOOTSTRAP` alone; hence a target folder of its own). A change of the list is a change of
//! what others build on: it is made on purpose, by `cargo xtask check --write-api`.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::Context as _;
use anyhow::Result;
use serde_json::Value;

use crate::place;
use crate::steps::Steps;
use crate::steps::cargo;

const LIBRARIES: &[&str] = &["webfinger", "federation-core"];

/// Compares the lists, or writes them.
///
/// # Errors
/// When cargo cannot be started, or a file not be read or written.
pub(crate) fn check(steps: &mut Steps, is_written: bool) -> Result<()> {
    let target = place::target().join("api");
    for library in LIBRARIES {
        let mut rustdoc = Command::new(cargo());
        rustdoc
            .args(["rustdoc", "--quiet", "-p", library, "--all-features"])
            .args(["--", "-Z", "unstable-options", "--output-format", "json"])
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_DIR", &target);
        if !steps.command(&format!("public names of {library}"), &mut rustdoc)? {
            continue;
        }
        let file = format!("{}.json", library.replace('-', "_"));
        let json =
            fs::read(target.join("doc").join(&file)).with_context(|| format!("no {file}"))?;
        let found = list(&serde_json::from_slice(&json)?);
        let kept = place::root().join(format!("docs/api/{library}.txt"));
        if is_written {
            fs::write(&kept, &found)?;
            continue;
        }
        let known = fs::read_to_string(&kept).unwrap_or_default();
        let fault = difference(&known, &found);
        let name = format!("public names of {library} are those of docs/api");
        steps.note(&name, fault.as_deref());
    }
    Ok(())
}

/// What is new and what is gone, `None` when nothing is.
fn difference(known: &str, found: &str) -> Option<String> {
    let (known, found): (BTreeSet<&str>, BTreeSet<&str>) =
        (known.lines().collect(), found.lines().collect());
    let new = found.difference(&known).map(|name| format!("+ {name}"));
    let gone = known.difference(&found).map(|name| format!("- {name}"));
    let all: Vec<String> = new.chain(gone).collect();
    let how = "if that is meant: cargo xtask check --write-api";
    (!all.is_empty()).then(|| format!("{}\n{how}", all.join("\n")))
}

/// Every public name, one a line, sorted.
fn list(crate_: &Value) -> String {
    let mut names = BTreeSet::new();
    let root = part(crate_, "/root");
    let name = part(item(crate_, root), "/name");
    let name = name.as_str().unwrap_or_default();
    walk(crate_, root, name, &mut names);
    let mut text: String = names.into_iter().collect::<Vec<_>>().join("\n");
    text.push('\n');
    text
}

fn item<'a>(crate_: &'a Value, id: &Value) -> &'a Value {
    part(crate_, &format!("/index/{id}"))
}

/// What a JSON pointer (RFC 6901) leads to; nothing when it leads nowhere.
fn part<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

/// Adds what lies in the item `id`, which is called `path`.
fn walk(crate_: &Value, id: &Value, path: &str, names: &mut BTreeSet<String>) {
    let Some((kind, inner)) = kind(item(crate_, id)) else {
        return;
    };
    let lists: &[&str] = match kind {
        "module" | "trait" => &["/items"],
        "struct" => &["/kind/plain/fields", "/impls"],
        "enum" => &["/variants", "/impls"],
        // Only what the type itself offers; traits show at their own place.
        "impl" if part(inner, "/trait").is_null() => &["/items"],
        _ => &[],
    };
    let lists = lists.iter().map(|pointer| part(inner, pointer));
    for child in lists.filter_map(Value::as_array).flatten() {
        add(crate_, child, path, kind, names);
    }
}

fn add(crate_: &Value, id: &Value, path: &str, inside: &str, names: &mut BTreeSet<String>) {
    let child = item(crate_, id);
    let Some((kind, inner)) = kind(child) else {
        return;
    };
    // Items of traits and variants of enums are as public as what they are in.
    let is_public = part(child, "/visibility") == "public" || matches!(inside, "trait" | "enum");
    match kind {
        "impl" => walk(crate_, id, path, names),
        "use" if is_public => {
            let name = part(inner, "/name").as_str().unwrap_or_default();
            let at = format!("{path}::{name}");
            match self::kind(item(crate_, part(inner, "/id"))) {
                Some((kind, _)) => {
                    names.insert(format!("{at} ({kind})"));
                    walk(crate_, part(inner, "/id"), &at, names);
                }
                None => {
                    names.insert(format!("{at} (of another crate)"));
                }
            }
        }
        _ if is_public => {
            let Some(name) = part(child, "/name").as_str() else {
                return;
            };
            let at = format!("{path}::{name}");
            names.insert(format!("{at} ({kind})"));
            walk(crate_, id, &at, names);
        }
        _ => {}
    }
}

/// What sort of item it is, and what is known of it.
fn kind(item: &Value) -> Option<(&str, &Value)> {
    let (kind, inner) = part(item, "/inner").as_object()?.iter().next()?;
    Some((kind.as_str(), inner))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{difference, list};

    #[test]
    fn lists_what_others_can_name() {
        let module = |items: &[u32]| json!({"module": {"items": items}});
        let found = list(&json!({"root": 0, "index": {
            "0": {"name": "a", "visibility": "public", "inner": module(&[1, 2, 3])},
            "1": {"name": "hidden", "visibility": "default", "inner": module(&[4])},
            "2": {"name": null, "visibility": "public",
                "inner": {"use": {"name": "Thing", "id": 4}}},
            "3": {"name": null, "visibility": "public",
                "inner": {"use": {"name": "Url", "id": 99}}},
            "4": {"name": "Thing", "visibility": "public", "inner": {"struct": {
                "kind": {"plain": {"fields": [5, 6]}}, "impls": [7, 9]}}},
            "5": {"name": "open", "visibility": "public", "inner": {"struct_field": {}}},
            "6": {"name": "shut", "visibility": "default", "inner": {"struct_field": {}}},
            "7": {"name": null, "visibility": "default",
                "inner": {"impl": {"trait": null, "items": [8]}}},
            "8": {"name": "new", "visibility": "public", "inner": {"function": {}}},
            "9": {"name": null, "visibility": "default",
                "inner": {"impl": {"trait": {"path": "Clone"}, "items": [8]}}},
        }}));
        let expected = "a::Thing (struct)\na::Thing::new (function)\n\
            a::Thing::open (struct_field)\na::Url (of another crate)\n";
        assert_eq!(found, expected);
        assert_eq!(difference(expected, &found), None);
        let told = difference("a::Gone (struct)\n", "a::New (struct)\n").unwrap();
        assert!(
            told.starts_with("+ a::New (struct)\n- a::Gone (struct)\n"),
            "{told}"
        );
    }
}
