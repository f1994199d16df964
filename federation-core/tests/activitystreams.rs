//! Documents in every shape that the `ActivityStreams` specifications allow are read and written
//! back without loss; those that they forbid are an error, or read as stated here.
#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};

use federation_core::vocab::{Entity, Value, VocabError, is_public};
use serde_json::json;

fn kind_of(entity: &Entity) -> &'static str {
    match entity {
        Entity::Activity(_) => "activity",
        Entity::Actor(_) => "actor",
        Entity::Collection(_) => "collection",
        Entity::Link(_) => "link",
        Entity::Object(_) => "object",
        _ => "untyped",
    }
}

/// Whether both say the same: null is absent, one value is a list of one, an empty collection may
/// say so, the context may be ours where there was none, and everybody has several names.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let keys = one.keys().chain(other.keys());
            keys.filter(|key| *key != "@context").all(|key| {
                let (one, other) = (&one.get(key), &other.get(key));
                same(one.unwrap_or(&Value::Null), other.unwrap_or(&Value::Null))
            })
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Array(list), single) | (single, Value::Array(list)) => match list.as_slice() {
            [] => single.is_null(),
            [entry] => same(entry, single),
            _ => false,
        },
        (Value::String(one), Value::String(other)) => {
            one == other || (is_public(one) && is_public(other))
        }
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

/// Reads, writes, reads again; gives what the document was read as.
fn round_trip(document: &Value) -> Result<&'static str, VocabError> {
    let read = Entity::parse(document.to_string().as_bytes())?;
    let written = read.to_value();
    assert!(same(document, &written), "{document:#}\n{written:#}");
    let again = Entity::from_value(written.clone())?;
    assert_eq!(again.to_value(), written);
    Ok(kind_of(&read))
}

/// One document of every type of the vocabulary, and of every shape that its properties can have.
#[expect(clippy::too_many_lines, reason = "a table")]
fn documents() -> Vec<(&'static str, Value)> {
    let (alice, bob) = ("https://a.example/alice", "https://b.example/bob");
    let context = "https://www.w3.org/ns/activitystreams";
    let extended = json!([context, {"moot": "https://a.example/ns#", "@language": "en"}]);
    let note = json!({"type": "Note", "id": "https://a.example/1", "content": "Hi"});
    let mut all = vec![
        (
            "object",
            json!({"@context": context, "type": "Object", "id": "https://a.example/o", "name": "A thing"}),
        ),
        (
            "object",
            json!({"@context": extended, "type": "moot:Stone", "moot:weight": 1.5, "name": "Ours"}),
        ),
        (
            "object",
            json!({"type": ["Note", "moot:Whisper"], "content": "psst"}),
        ),
        (
            "object",
            json!({"type": ["moot:Spot", "Place"], "name": "Here"}),
        ),
        (
            "link",
            json!({"@context": {"@vocab": context}, "type": "Link", "href": "https://a.example/x", "hreflang": "en", "mediaType": "text/html", "rel": ["alternate", "self"], "width": 100, "height": 50, "name": "X"}),
        ),
        (
            "link",
            json!({"type": "Mention", "href": bob, "name": "@bob@b.example"}),
        ),
        (
            "link",
            json!({"type": "Link", "href": "relative/path", "nameMap": {"en": "X"}}),
        ),
        (
            "untyped",
            json!({"@context": context, "name": "Without a type", "actor": {"name": "?"}}),
        ),
        (
            "object",
            json!({"type": "Note", "nameMap": {"en": "Title", "de": "Titel"}, "contentMap": {"en": "Hi", "de": "Hallo"}, "summaryMap": {"en": null}}),
        ),
        (
            "object",
            json!({"type": "Place", "name": "Moot hill", "latitude": 51.5, "longitude": -0.12, "altitude": 15.0, "accuracy": 94.5, "radius": 5, "units": "km"}),
        ),
        (
            "object",
            json!({"type": "Question", "name": "When?", "oneOf": [{"type": "Note", "name": "Now", "replies": {"type": "Collection", "totalItems": 2}}, {"type": "Note", "name": "Later"}], "endTime": "2026-11-20T12:00:00Z", "votersCount": 2}),
        ),
        (
            "object",
            json!({"type": "Question", "name": "Which?", "anyOf": [{"name": "no type", "type": "Note"}], "closed": "2026-11-20T12:00:00Z"}),
        ),
        (
            "object",
            json!({"type": "Tombstone", "formerType": ["Note", "moot:Whisper"], "id": "https://a.example/gone", "deleted": "2026-11-20T12:00:00Z"}),
        ),
        (
            "object",
            json!({"type": "Relationship", "subject": {"type": "Person", "name": "Alice"}, "relationship": "https://a.example/ns#knows", "object": bob}),
        ),
        (
            "object",
            json!({"type": "Profile", "describes": {"type": "Person", "name": "Alice"}, "summary": "Her"}),
        ),
        (
            "object",
            json!({"type": "Event", "startTime": "2026-11-20T12:00:00-08:00", "endTime": "2026-11-20T13:00:00", "duration": "PT1H", "location": {"type": "Place", "name": "Hill"}}),
        ),
        (
            "object",
            json!({"type": "Video", "url": [{"type": "Link", "href": "https://a.example/v.webm", "mediaType": "video/webm"}, {"type": "Link", "href": "https://a.example/v.mp4"}], "duration": "PT2H30M", "preview": {"type": "Video", "url": {"type": "Link", "href": "https://a.example/t.webm"}}}),
        ),
        (
            "object",
            json!({"type": "Image", "url": {"type": "Link", "href": "https://a.example/i.png", "rel": "thumbnail"}, "icon": [{"type": "Image", "url": "https://a.example/16", "width": 16}, {"type": "Image", "url": "https://a.example/32"}], "image": "https://a.example/i"}),
        ),
        (
            "object",
            json!({"type": "Document", "attachment": [{"type": "Image", "content": "odd", "url": "https://a.example/i"}, "https://a.example/file", {"name": "no type"}]}),
        ),
        (
            "object",
            json!({"type": "Note", "tag": {"type": "Person", "id": alice, "name": "Alice"}, "inReplyTo": {"type": "Note", "summary": "before", "content": "?"}, "replies": {"type": "Collection", "totalItems": 1, "items": [note]}}),
        ),
        (
            "object",
            json!({"type": "Note", "to": [bob, "as:Public"], "cc": alice, "bto": [bob], "bcc": null, "audience": {"type": "Group", "name": "Moot", "id": "https://a.example/moot"}}),
        ),
        (
            "object",
            json!({"type": "Note", "generator": {"type": "Application", "name": "X"}, "context": "https://a.example/c", "source": {"content": "*Hi*", "mediaType": "text/markdown"}, "mediaType": "text/html", "published": "2026-11-20T12:00:00.123456Z", "updated": "2026-11-20T12:00:00+02:00"}),
        ),
        (
            "object",
            json!({"type": "Note", "id": "https://A.example:443/odd/../spelling", "url": ["https://a.example/1"], "attributedTo": [{"type": "Person", "id": alice, "name": "Alice"}, bob]}),
        ),
        (
            "object",
            json!({"type": "Like", "actor": {"type": "Person", "name": "Alice"}, "object": note}),
        ),
        (
            "object",
            json!({"type": "Person", "name": "Without an inbox", "id": alice}),
        ),
        (
            "object",
            json!({"type": "Activity", "summary": "Somebody did something", "instrument": {"type": "Service", "name": "Tool"}, "result": {"type": "Note", "content": "?"}, "actor": alice}),
        ),
        (
            "activity",
            json!({"id": "https://a.example/a/1", "type": "Activity", "actor": {"type": "Person", "id": alice, "name": "Alice"}, "object": [note, "https://a.example/2"], "target": {"type": "Collection", "name": "Album", "id": "https://a.example/album"}, "origin": "https://a.example/from"}),
        ),
        (
            "activity",
            json!({"id": "https://a.example/a/2", "type": ["Like", "moot:Cheer"], "actor": [alice], "object": {"type": "Link", "href": "https://a.example/1"}}),
        ),
        (
            "activity",
            json!({"id": "https://a.example/a/3", "type": "Arrive", "actor": alice, "location": {"type": "Place", "name": "Work"}, "origin": {"type": "Place", "name": "Home"}}),
        ),
        (
            "activity",
            json!({"id": "https://a.example/a/4", "type": "Offer", "actor": alice, "object": {"id": "https://a.example/f", "type": "Follow", "actor": alice, "object": bob, "moot:why": {"deep": [1, {"deeper": null}]}}, "target": bob}),
        ),
        (
            "actor",
            json!({"id": alice, "type": "Person", "inbox": "https://a.example/inbox", "preferredUsername": "alice", "nameMap": {"en": "Alice"}, "streams": [], "endpoints": {"sharedInbox": "https://a.example/inbox", "oauthTokenEndpoint": "https://a.example/token"}, "icon": [{"type": "Image", "url": "https://a.example/1"}, {"type": "Image", "url": "https://a.example/2"}]}),
        ),
        ("collection", json!({"type": "Collection", "totalItems": 0})),
        (
            "collection",
            json!({"type": "OrderedCollection", "id": "https://a.example/c", "totalItems": 2, "orderedItems": [note, {"type": "Note", "name": "Anonymous"}], "summary": "Two"}),
        ),
        (
            "collection",
            json!({"type": "Collection", "id": "https://a.example/c", "totalItems": 10, "first": {"type": "Link", "href": "https://a.example/c?1", "name": "first"}, "last": "https://a.example/c?9", "current": {"type": "Link", "href": "https://a.example/c?5"}}),
        ),
        (
            "collection",
            json!({"type": "CollectionPage", "partOf": {"type": "Link", "href": "https://a.example/c"}, "next": {"type": "Link", "name": "Next", "href": "https://a.example/c?2"}, "prev": "https://a.example/c?0", "startIndex": 3, "items": ["https://a.example/1"]}),
        ),
        (
            "collection",
            json!({"type": "OrderedCollection", "first": {"type": "OrderedCollectionPage", "id": "https://a.example/c?1", "next": "https://a.example/c?2", "orderedItems": note}}),
        ),
    ];
    for kind in [
        "Accept",
        "Add",
        "Announce",
        "Block",
        "Create",
        "Delete",
        "Dislike",
        "Flag",
        "Follow",
        "Ignore",
        "Invite",
        "Join",
        "Leave",
        "Listen",
        "Move",
        "Read",
        "Reject",
        "Remove",
        "TentativeAccept",
        "TentativeReject",
        "Travel",
        "Undo",
        "Update",
        "View",
    ] {
        let id = format!("https://a.example/{kind}");
        all.push(("activity", json!({"@context": context, "id": id, "type": kind, "actor": alice, "object": note, "summary": "Done"})));
        all.push(("object", json!({"@context": context, "type": kind, "actor": {"type": "Person", "name": "Alice"}, "object": {"type": "Note", "name": "A note"}})));
    }
    for kind in ["Article", "Audio", "Page"] {
        all.push(("object", json!({"type": kind, "name": kind, "url": {"type": "Link", "href": "https://a.example/f", "mediaType": "x/y"}, "attributedTo": alice})));
    }
    for kind in ["Application", "Group", "Organization", "Service"] {
        all.push((
            "actor",
            json!({"type": kind, "id": alice, "inbox": "https://a.example/i", "name": kind}),
        ));
    }
    all
}

#[test]
fn every_shape_of_the_vocabulary_is_read_and_written_without_loss() {
    for (expected, document) in documents() {
        let read = round_trip(&document);
        assert_eq!(read.unwrap(), expected, "{document:#}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_the_specifications_forbid_is_refused_or_read_as_stated() {
    for (document, expected) in [
        // Never read: nobody could say what these are, or whose.
        ("[]", None),
        ("[{\"type\": \"Note\"}]", None),
        ("\"text\"", None),
        ("7", None),
        ("{\"type\": 16, \"id\": \"https://a.example/1\"}", None),
        ("{\"type\": \"Note\", \"id\": 4}", None),
        ("{\"type\": \"Note\", \"id\": \"notes/1\"}", None),
        (
            "{\"type\": \"Collection\", \"first\": {\"type\": \"Create\"}}",
            None,
        ),
        ("{\"type\": \"OrderedCollection\", \"first\": 7}", None),
        (
            "{\"type\": \"Note\", \"attributedTo\": {\"type\": \"Person\", \"name\": \"?\"}}",
            None,
        ),
        (
            "{\"type\": \"Note\", \"attributedTo\": \"acct:alice@a.example\"}",
            None,
        ),
        (
            "{\"type\": \"Offer\", \"id\": \"https://a.example/1\", \"actor\": 90}",
            None,
        ),
        (
            "{\"type\": \"Offer\", \"id\": \"https://a.example/1\", \"actor\": \"https://a.example/a\", \"object\": 23}",
            None,
        ),
        (
            "{\"type\": \"Person\", \"id\": \"https://a.example/1\", \"inbox\": 1}",
            None,
        ),
        // Read: what is odd carries no authority, is kept as it came, and is left out of the
        // typed form.
        ("{\"@context\": 3}", Some("untyped")),
        (
            "{\"@context\": \"http://schema.org\", \"@type\": \"Person\"}",
            Some("untyped"),
        ),
        (
            "{\"type\": \"Object\", \"nameMap\": \"no map\"}",
            Some("object"),
        ),
        (
            "{\"type\": \"Object\", \"name\": {\"en\": \"a map\"}}",
            Some("object"),
        ),
        (
            "{\"type\": \"Note\", \"name\": 1, \"content\": 42}",
            Some("object"),
        ),
        (
            "{\"type\": \"Note\", \"contentMap\": {\"not a tag!\": \"x\"}}",
            Some("object"),
        ),
        (
            "{\"type\": \"Image\", \"url\": \"images/relative.jpg\"}",
            Some("object"),
        ),
        (
            "{\"type\": \"Offer\", \"actor\": 90, \"object\": \"https://a.example/1\"}",
            Some("object"),
        ),
    ] {
        match (Entity::parse(document.as_bytes()), expected) {
            (Ok(read), Some(expected)) => {
                assert_eq!(kind_of(&read), expected, "{document}");
                round_trip(&serde_json::from_str(document).unwrap()).unwrap();
            }
            (Err(_), None) => {}
            (outcome, _) => panic!("{document}: {outcome:?}"),
        }
    }
    // Under the other name of the property: the entries are read, and written under their own.
    for (kind, wrong, right) in [
        ("OrderedCollection", "items", "orderedItems"),
        ("Collection", "orderedItems", "items"),
    ] {
        let document = json!({"type": kind, "totalItems": 1, wrong: ["https://a.example/1"]});
        let written = Entity::from_value(document).unwrap().to_value();
        assert_eq!(written[right], json!(["https://a.example/1"]), "{kind}");
        assert_eq!(written.get(wrong), None, "{kind}");
    }
    assert!(Entity::parse(b"{\"type\": \"Note\", \"contentMap\": {\"eo\": \"\xc8iuj\"}}").is_err());
}

/// The documents of the W3C (<https://github.com/w3c/activitystreams>, folder `test`), which are
/// not part of this repository: `ACTIVITYSTREAMS_TEST_DOCUMENTS` names the folder.
#[test]
#[ignore = "needs the W3C test documents"]
fn the_w3c_test_documents_are_read_and_written_without_loss() {
    let folder = std::env::var_os("ACTIVITYSTREAMS_TEST_DOCUMENTS").unwrap();
    let folder = PathBuf::from(folder);
    // Two with an owner that has no id, one that calls actors `acct:`, one that is not JSON.
    let refused = [
        "vocabulary-ex187-jsonld",
        "vocabulary-ex196-jsonld",
        "vocabulary-ex65-jsonld",
        "vocabulary-ex66-jsonld",
    ];
    let mut read = 0;
    let mut not_read = Vec::new();
    for (name, bytes) in json_files(&folder) {
        let document = serde_json::from_slice::<Value>(&bytes);
        match document.map(|document| round_trip(&document)) {
            Ok(Ok(_)) => read += 1,
            Ok(Err(_)) | Err(_) => not_read.push(name),
        }
    }
    println!("{read} read and written without loss; refused: {not_read:?}");
    assert!(read >= 208);
    assert_eq!(not_read, refused);

    let bad = json_files(&folder.join("fail"));
    let outcomes = bad.iter().map(|(name, bytes)| (name, Entity::parse(bytes)));
    let (tolerated, refused): (Vec<_>, Vec<_>) = outcomes.partition(|(_, read)| read.is_ok());
    let names = |list: &[(&String, Result<Entity, VocabError>)]| {
        let names: Vec<_> = list.iter().map(|(name, _)| (*name).clone()).collect();
        names.join(", ")
    };
    println!("bad, refused: {}", names(&refused));
    println!("bad, read tolerantly: {}", names(&tolerated));
    assert_eq!((refused.len(), tolerated.len()), (8, 12));
}

fn json_files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    paths.sort();
    let name = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    paths
        .iter()
        .map(|path| (name(path), fs::read(path).unwrap()))
        .collect()
}
