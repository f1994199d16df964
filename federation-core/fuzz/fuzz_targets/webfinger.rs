//! Handles, queries and JRD documents.
#![no_main]

use libfuzzer_sys::fuzz_target;
use webfinger::{Handle, Jrd, Query};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(document) = Jrd::from_slice(bytes) {
        let _ = document.self_link();
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = Query::parse(text);
    if let Ok(handle) = text.parse::<Handle>() {
        let again = Handle::from_acct(&handle.acct()).expect("a URI reads as written");
        assert_eq!(again, handle);
    }
});
