//! The JSON-LD context that this crate writes. Documents are read as plain compacted JSON: no
//! context of another server is ever loaded or applied (`ActivityPub` s3, FEP-2277).

use serde_json::{Map, Value, json};

/// The property that holds the context.
pub(super) const KEY: &str = "@context";

/// The `ActivityStreams` context.
pub const ACTIVITY_STREAMS: &str = "https://www.w3.org/ns/activitystreams";

/// The context that `publicKey` is defined in.
pub const SECURITY: &str = "https://w3id.org/security/v1";

/// The context that `Multikey` is defined in (FEP-521a).
pub const MULTIKEY: &str = "https://w3id.org/security/multikey/v1";

/// The context for a document: `ActivityStreams`, the security terms when it shows keys, and the
/// extension terms that it uses.
pub(super) fn for_document(map: &Map<String, Value>) -> Value {
    let mut contexts = vec![json!(ACTIVITY_STREAMS)];
    let embedded = map.get("object");
    let shows = |key: &str| {
        map.contains_key(key) || embedded.is_some_and(|object| object.get(key).is_some())
    };
    if shows("publicKey") {
        contexts.push(json!(SECURITY));
    }
    if shows("assertionMethod") {
        contexts.push(json!("https://www.w3.org/ns/did/v1"));
        contexts.push(json!(MULTIKEY));
    }
    let mut terms = Map::new();
    for (term, definition, used_by) in TERMS {
        if used_by.iter().any(|key| shows(key)) {
            terms.insert((*term).to_owned(), json!(definition));
        }
    }
    if shows("alsoKnownAs") {
        let links = json!({"@id": "as:alsoKnownAs", "@type": "@id"});
        terms.insert("alsoKnownAs".to_owned(), links);
    }
    let fields = |value: &Value| value.get("attachment").is_some_and(shows_fields);
    if map.get("attachment").is_some_and(shows_fields) || embedded.is_some_and(fields) {
        terms.insert("schema".to_owned(), json!("http://schema.org#"));
        terms.insert("PropertyValue".to_owned(), json!("schema:PropertyValue"));
        terms.insert("value".to_owned(), json!("schema:value"));
    }
    if !terms.is_empty() {
        contexts.push(Value::Object(terms));
    }
    match contexts.as_slice() {
        [single] => single.clone(),
        _ => Value::Array(contexts),
    }
}

/// Whether attachments are the name and value pairs that actors show.
fn shows_fields(attachments: &Value) -> bool {
    let is_field = |entry: &Value| {
        entry
            .get("type")
            .is_some_and(|kind| kind == "PropertyValue")
    };
    match attachments {
        Value::Array(entries) => entries.iter().any(is_field),
        entry => is_field(entry),
    }
}

/// Term, definition, and the properties whose presence asks for it.
const TERMS: &[(&str, &str, &[&str])] = &[
    (
        "manuallyApprovesFollowers",
        "as:manuallyApprovesFollowers",
        &["manuallyApprovesFollowers"],
    ),
    (
        "toot",
        "http://joinmastodon.org/ns#",
        &["tag", "discoverable", "featured", "votersCount"],
    ),
    ("ostatus", "http://ostatus.org#", &["conversation"]),
    ("conversation", "ostatus:conversation", &["conversation"]),
    ("discoverable", "toot:discoverable", &["discoverable"]),
    ("featured", "toot:featured", &["featured"]),
    ("votersCount", "toot:votersCount", &["votersCount"]),
    ("Emoji", "toot:Emoji", &["tag"]),
    ("Hashtag", "as:Hashtag", &["tag"]),
    ("sensitive", "as:sensitive", &["sensitive"]),
    (
        "webfinger",
        "https://purl.archive.org/socialweb/webfinger#webfinger",
        &["webfinger"],
    ),
];
