//! Markdown and HTML of anybody: nothing panics, and no element is shown that a message may not have.
#![no_main]

use folkmoot::base::text;
use libfuzzer_sys::fuzz_target;

/// Elements that no clean HTML holds.
const BANNED: [&str; 9] = [
    "script", "img", "svg", "iframe", "form", "input", "style", "math", "object",
];

/// The names of the elements of some clean HTML, minding that a quoted attribute may hold anything.
fn elements(html: &str) -> Vec<String> {
    let (mut names, mut inside, mut quoted) = (Vec::new(), false, false);
    for (at, letter) in html.char_indices() {
        match letter {
            '<' if !inside => {
                inside = true;
                let name = html[at + 1..].trim_start_matches('/');
                let end = name.find(|letter: char| !letter.is_ascii_alphanumeric());
                names.push(name[..end.unwrap_or(name.len())].to_owned());
            }
            '"' if inside => quoted = !quoted,
            '>' if !quoted => inside = false,
            _ => {}
        }
    }
    names
}

fuzz_target!(|bytes: &[u8]| {
    let written = String::from_utf8_lossy(bytes);
    for html in [text::render(&written), text::sanitise(&written)] {
        for name in elements(&html) {
            assert!(!BANNED.contains(&name.as_str()), "{html}");
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
