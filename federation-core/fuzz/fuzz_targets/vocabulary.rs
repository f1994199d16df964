//! Documents: whatever is read is written so that it reads as the same again.
#![no_main]

use federation_core::discovery::NodeInfo;
use federation_core::vocab::{Activity, Actor, Collection, KeyDocument, Object, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = parse(bytes) else { return };
    let _ = NodeInfo::from_map(&document);
    let _ = KeyDocument::parse(bytes);
    if let Ok(activity) = Activity::parse(bytes) {
        let written = activity.to_value();
        let again = Activity::from_value(written.clone()).expect("what was written is read");
        assert_eq!(again.to_value(), written);
    }
    if let Ok(actor) = Actor::parse(bytes) {
        let written = actor.to_value();
        let again = Actor::from_value(written.clone()).expect("what was written is read");
        assert_eq!(again.to_value(), written);
    }
    if let Ok(object) = Object::parse(bytes) {
        let written = object.to_value();
        let again = Object::from_value(written.clone()).expect("what was written is read");
        assert_eq!(again.to_value(), written);
    }
    if let Ok(collection) = Collection::parse(bytes) {
        let written = collection.to_value();
        let again = Collection::from_value(written.clone()).expect("what was written is read");
        assert_eq!(again.to_value(), written);
    }
});
