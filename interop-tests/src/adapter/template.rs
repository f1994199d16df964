//! Placeholders in the texts of a description: `{name}`, `{name/pointer}`, `{encoded:name}`,
//! `{env:NAME}`; `{{` and `}}` for braces.

use std::collections::BTreeMap;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::utf8_percent_encode;
use serde_json::Value;

/// What placeholders stand for.
pub type Values = BTreeMap<String, Value>;

/// Puts values in the place of placeholders.
///
/// # Errors
/// When one is not known, or a brace is not closed.
pub fn fill(text: &str, values: &Values) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        if let Some(after) = after.strip_prefix('{') {
            out.push_str(&before.replace("}}", "}"));
            out.push('{');
            rest = after;
            continue;
        }
        let (name, after) = after
            .split_once('}')
            .with_context(|| format!("a brace is not closed in {text:?}"))?;
        out.push_str(&before.replace("}}", "}"));
        out.push_str(&word(name, values).with_context(|| format!("in {text:?}"))?);
        rest = after;
    }
    out.push_str(&rest.replace("}}", "}"));
    Ok(out)
}

/// As [`fill`], for a JSON document: a string that is one placeholder becomes the value itself,
/// so that lists and numbers stay what they are. Members whose value is null are left out.
///
/// # Errors
/// As [`fill`].
pub fn fill_document(document: &Value, values: &Values) -> Result<Value> {
    Ok(match document {
        Value::String(text) => match whole(text) {
            Some(name) => find(name, values)?,
            None => Value::String(fill(text, values)?),
        },
        Value::Array(list) => {
            let filled = list.iter().map(|entry| fill_document(entry, values));
            Value::Array(filled.collect::<Result<_>>()?)
        }
        Value::Object(members) => {
            let mut filled = serde_json::Map::new();
            for (name, value) in members {
                let value = fill_document(value, values)?;
                if !value.is_null() {
                    filled.insert(fill(name, values)?, value);
                }
            }
            Value::Object(filled)
        }
        other => other.clone(),
    })
}

fn whole(text: &str) -> Option<&str> {
    let name = text.strip_prefix('{')?.strip_suffix('}')?;
    (!name.contains(['{', '}', ':'])).then_some(name)
}

fn word(name: &str, values: &Values) -> Result<String> {
    if let Some(name) = name.strip_prefix("encoded:") {
        return Ok(utf8_percent_encode(&word(name, values)?, NON_ALPHANUMERIC).to_string());
    }
    if let Some(name) = name.strip_prefix("env:") {
        let value = std::env::var_os(name).and_then(|value| value.into_string().ok());
        return value.with_context(|| format!("the environment variable {name} is not set"));
    }
    Ok(match find(name, values)? {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    })
}

fn find(name: &str, values: &Values) -> Result<Value> {
    let (name, pointer) = name.split_at(name.find('/').unwrap_or(name.len()));
    let Some(value) = values.get(name) else {
        let known: Vec<&str> = values.keys().map(String::as_str).collect();
        bail!(
            "{name:?} stands for nothing here; known are {}",
            known.join(", ")
        );
    };
    let found = value.pointer(pointer);
    found
        .cloned()
        .with_context(|| format!("{name:?} has nothing at {pointer:?}: {value}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values() -> Values {
        let pairs = [
            ("name", json!("alice")),
            ("list", json!(["a", 1])),
            ("item", json!({ "id": 7, "deep": { "er": "x/y" } })),
            ("nothing", Value::Null),
        ];
        pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    #[test]
    fn texts_and_documents_are_filled() -> Result<()> {
        let values = values();
        assert_eq!(fill("/u/{name}/{item/id}", &values)?, "/u/alice/7");
        assert_eq!(fill("{{1, {name}}} }}", &values)?, "{1, alice} }");
        assert_eq!(fill("?q={encoded:item/deep/er}", &values)?, "?q=x%2Fy");
        let document = json!({ "to": "{list}", "who": ["@{name}"], "gone": "{nothing}" });
        let filled = json!({ "to": ["a", 1], "who": ["@alice"] });
        assert_eq!(fill_document(&document, &values)?, filled);
        Ok(())
    }

    #[test]
    fn what_stands_for_nothing_is_named() {
        for (text, part) in [
            ("{nmae}", "nmae"),
            ("{item/none}", "/none"),
            ("{name", "not closed"),
            (
                "{env:THERE_IS_NO_SUCH_VARIABLE}",
                "THERE_IS_NO_SUCH_VARIABLE",
            ),
        ] {
            let error = format!("{:#}", fill(text, &values()).unwrap_err());
            assert!(error.contains(part), "{error}");
        }
    }
}
