//! Documents: read strictly is read as JSON, and whatever is read is written so that it reads as
//! the same again.
#![no_main]

use federation_core::vocab::{
    Activity, Actor, Collection, Entity, KeyDocument, Object, Value, VocabError, parse,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = parse(bytes) else { return };
    let plain: Value = serde_json::from_slice(bytes).expect("strictly read is JSON");
    assert_eq!(Value::Object(document.clone()), plain);
    let _ = KeyDocument::from_map(&document);
    settled(bytes, Activity::parse, Activity::from_value, Activity::to_value);
    settled(bytes, Actor::parse, Actor::from_value, Actor::to_value);
    settled(bytes, Collection::parse, Collection::from_value, Collection::to_value);
    settled(bytes, Entity::parse, Entity::from_value, Entity::to_value);
    let object = settled(bytes, Object::parse, Object::from_value, Object::to_value);
    if let Some(object) = object {
        let languages = ["en", "de-AT"];
        let _ = (object.content_in(&languages), object.as_question());
        // Unknown properties are kept, whatever they are.
        let written = object.to_value();
        for (name, value) in &object.extra {
            assert_eq!(written.get(name), Some(value));
        }
    }
});

/// Reads, writes, reads again.
fn settled<T>(
    bytes: &[u8],
    parse: fn(&[u8]) -> Result<T, VocabError>,
    from_value: fn(Value) -> Result<T, VocabError>,
    to_value: fn(&T) -> Value,
) -> Option<T> {
    let read = match parse(bytes) {
        Ok(read) => read,
        Err(error) => {
            assert!(!error.is_retryable());
            return None;
        }
    };
    let written = to_value(&read);
    let again = from_value(written.clone()).expect("what was written is read");
    assert_eq!(to_value(&again), written);
    Some(read)
}
