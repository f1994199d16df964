//! The head of a page of anybody: nothing panics, and what comes out is short, plain and on one line.
#![no_main]

use folkmoot::base::text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let found = text::head(&String::from_utf8_lossy(bytes));
    for (text, limit) in [
        (found.title, text::TITLE),
        (found.description, text::DESCRIPTION),
        (found.site_name, text::SITE_NAME),
    ] {
        let Some(text) = text else { continue };
        assert!(!text.is_empty() && text.chars().count() <= limit, "{text}");
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
    let html = text::sanitise(&String::from_utf8_lossy(bytes));
    let _ = text::links(&html);
    let _ = text::bracketed(&String::from_utf8_lossy(bytes));
});
