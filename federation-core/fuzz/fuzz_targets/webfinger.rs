//! Handles, queries and JRD documents: read as they are written, within their bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use webfinger::{Handle, Jrd, Query, Resource, Scheme, lookup_url};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(document) = Jrd::from_slice(bytes) {
        if let Ok(actor) = document.self_link() {
            assert!(matches!(actor.scheme(), "http" | "https"));
        }
        let written = serde_json::to_vec(&document).expect("a document");
        if let Ok(again) = Jrd::from_slice(&written) {
            assert_eq!(again, document);
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(query) = Query::parse(text) {
        assert!(query.rels.len() <= 32);
    }
    if let Ok(handle) = text.parse::<Handle>() {
        let again = Handle::from_acct(&handle.acct()).expect("a URI reads as written");
        assert_eq!(again, handle);
        assert!(handle.is_same_account(&handle.to_canonical()));
        let resource = Resource::parse(&handle.acct());
        assert!(matches!(resource, Ok(Resource::Account(read)) if read == handle));
        if let Ok(url) = lookup_url(&handle, Scheme::Https) {
            assert_eq!(url.scheme(), "https");
            assert_eq!(url.path(), webfinger::PATH);
        }
    }
});
