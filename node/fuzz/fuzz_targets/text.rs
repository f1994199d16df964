//! Markdown and HTML of anybody: nothing panics, and no element is shown that a message may not have.
#![no_main]

use folkmoot::base::text;
use libfuzzer_sys::fuzz_target;

/// What no clean HTML holds.
const BANNED: [&str; 8] = [
    "<script", "<img", "<svg", "<iframe", "<form", "<input", "<style", "<math",
];

fuzz_target!(|bytes: &[u8]| {
    let written = String::from_utf8_lossy(bytes);
    for html in [text::render(&written), text::sanitise(&written)] {
        for banned in BANNED {
            assert!(!html.contains(banned), "{html}");
        }
        let _ = text::read(&html);
        let _ = text::plain(&html);
        assert!(text::excerpt(&html, 20).chars().count() <= 21);
    }
    for name in text::names(&written) {
        if let text::Name::Word(word) = name {
            assert!(!word.is_empty());
        }
    }
});
