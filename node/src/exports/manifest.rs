//! `manifest.yml`: what is in the archive and whose it is (FEP-6fcd). Written as JSON, which is YAML
//! (YAML 1.2 s1.3).

use serde_json::{Map, Value, json};

use super::archive::{About, Archive, Listed};
use crate::config::Origin;

/// The path of the list in the archive.
pub(super) const NAME: &str = "manifest.yml";
/// The version of the layout.
const VERSION: &str = "0.1";
/// Where the list itself is described.
const DESCRIBED: &str = "https://w3id.org/fep/6fcd#manifest-file";

/// The list as an entry.
pub(super) fn entry() -> Listed {
    Listed {
        name: NAME.to_owned(),
        about: About::Url(DESCRIBED),
        records: None,
    }
}

/// The list of all that was sent, and of itself.
pub(super) fn write(
    archive: &Archive,
    actor: &str,
    origin: &Origin,
) -> Result<String, serde_json::Error> {
    let mut contents = Map::new();
    let own = entry();
    for listed in std::iter::once(&own).chain(archive.listed()) {
        put(&mut contents, &listed.name, describe(listed));
    }
    let manifest = json!({
        "ubc-version": VERSION,
        "meta": {
            "created": archive.made_at(),
            "createdBy": {
                "controller": actor,
                "client": {
                    "name": concat!("Folkmoot ", env!("CARGO_PKG_VERSION")),
                    "url": origin.as_str(),
                },
            },
        },
        "contents": contents,
    });
    serde_json::to_string_pretty(&manifest)
}

/// Puts a file into the folders that its path names.
fn put(contents: &mut Map<String, Value>, path: &str, about: Value) {
    let Some((folder, rest)) = path.split_once('/') else {
        contents.insert(path.to_owned(), about);
        return;
    };
    let folder = contents
        .entry(folder)
        .or_insert_with(|| json!({"contents": {}}));
    if let Some(Value::Object(inner)) = folder.get_mut("contents") {
        put(inner, rest, about);
    }
}

fn describe(listed: &Listed) -> Value {
    let mut about = match listed.about {
        About::Url(url) => Map::from_iter([("url".to_owned(), Value::from(url))]),
        About::Text(text) => Map::from_iter([("description".to_owned(), Value::from(text))]),
    };
    if let Some(records) = listed.records {
        about.insert("records".to_owned(), Value::from(records));
    }
    Value::Object(about)
}

#[cfg(test)]
mod tests {
    use federation_core::Timestamp;
    use futures_util::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn lists_every_entry_in_its_folder() {
        let (mut archive, body) = Archive::open(Timestamp::from_millis(0));
        let mut body = body.into_data_stream();
        for (name, about, records) in [
            (
                "activitypub/actor.json",
                About::Url("https://x.example"),
                None,
            ),
            ("activitypub/outbox.json", About::Text("sent"), Some(2)),
            ("audit.jsonl", About::Text("acts"), Some(0)),
        ] {
            let name = name.to_owned();
            let entry = Listed {
                name,
                about,
                records,
            };
            archive.add(entry, b"{}").await.unwrap();
            assert!(body.next().await.unwrap().is_ok());
        }
        let origin = Origin::new(&"https://here.example".parse().unwrap());
        let actor = "https://here.example/users/alice";
        let text = write(&archive, actor, &origin).unwrap();
        let manifest: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(manifest["ubc-version"], "0.1");
        assert_eq!(manifest["meta"]["createdBy"]["controller"], actor);
        let contents = &manifest["contents"];
        assert_eq!(contents[NAME]["url"], DESCRIBED);
        let folder = &contents["activitypub"]["contents"];
        assert_eq!(folder["actor.json"]["url"], "https://x.example");
        assert_eq!(folder["outbox.json"]["records"], 2);
        assert_eq!(contents["audit.jsonl"]["description"], "acts");
    }
}
