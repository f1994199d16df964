//! Texts that people write and read: Markdown in, sanitised HTML out, and HTML read as text.

mod balance;
mod head;
#[cfg(test)]
mod head_tests;
mod inline;
mod links;
mod markup;
mod names;
mod reading;
mod tables;
#[cfg(test)]
mod tests;

pub use head::{DESCRIPTION, Head, SITE_NAME, TITLE, head};
pub use inline::Target;
pub use links::{bracketed, links};
pub use markup::{Composed, compose, names, render, sanitise};
pub use names::Name;
pub use reading::{excerpt, plain, read};

/// The first `limit` characters of a text, without control characters other than line breaks and
/// tabs, and without spaces around it.
///
/// PostgreSQL refuses U+0000 in texts, so this is for all that comes from other servers.
pub fn clean(text: &str, limit: usize) -> String {
    let kept = text
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'));
    let kept: String = kept.take(limit).collect();
    kept.trim().to_owned()
}

#[cfg(test)]
mod bounds {
    use super::clean;

    #[test]
    fn clean_bounds_and_drops_controls() {
        assert_eq!(clean(" a\0b\u{7}\nc ", 10), "ab\nc");
        assert_eq!(clean(&"ä".repeat(20), 5), "äääää");
    }
}
