//! Texts as rules compare them: capitals, wide and fancy letters and unseen characters folded away.

use federation_core::fetch::canonical_host;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Bytes of a folded text that are looked at; what comes behind is not.
const MAX_BYTES: usize = 128 * 1024;
/// Names of hosts in one text that are looked at.
const MAX_HOSTS: usize = 500;
/// The ideographic full stop, which browsers take for a dot in the name of a host (UTS #46 s4).
const FULL_STOP: char = '\u{3002}';

/// A text as rules compare it: NFKC (UAX #15) without what nobody sees, without regard to case, runs
/// of white space as one space.
///
/// Letters of different scripts that look alike stay apart, and so do digits that stand for letters
/// and letters with spaces in between: those are matters for expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// Folds a text.
    pub fn new(text: &str) -> Self {
        let seen = text.chars().filter(|letter| !is_unseen(*letter));
        let seen = seen.nfkc().filter(|letter| !is_unseen(*letter));
        // Up and down again: that folds sharp s, final sigma and ligatures as well.
        let folded = seen
            .flat_map(char::to_uppercase)
            .flat_map(char::to_lowercase);
        let mut kept = String::with_capacity(text.len().min(MAX_BYTES));
        let mut after_space = true;
        for letter in folded.nfkc() {
            if kept.len() >= MAX_BYTES {
                break;
            }
            let is_space = letter.is_whitespace() || letter.is_control();
            if !is_space {
                kept.push(letter);
            } else if !after_space {
                kept.push(' ');
            }
            after_space = is_space;
        }
        if kept.ends_with(' ') {
            kept.pop();
        }
        Self(kept)
    }

    /// The folded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its words.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        let words = self.0.split(|letter: char| !is_of_word(letter));
        words.filter(|word| !word.is_empty())
    }

    /// How many people it mentions: names behind an `@` that stands in front of them.
    pub fn mentions(&self) -> usize {
        let mut letters = self.0.chars().peekable();
        let mut before = ' ';
        let mut found: usize = 0;
        while let Some(letter) = letters.next() {
            let begins = letter == '@' && !is_of_word(before);
            if begins && letters.peek().is_some_and(|next| is_of_word(*next)) {
                found = found.saturating_add(1);
            }
            before = letter;
        }
        found
    }

    /// The names of hosts in it, linked or not, in their one spelling.
    pub fn hosts(&self) -> impl Iterator<Item = String> {
        let of_host = |letter: char| is_of_word(letter) || matches!(letter, '.' | '-' | FULL_STOP);
        let dots = ['.', FULL_STOP];
        self.0
            .split(move |letter: char| !of_host(letter))
            .map(move |token| token.trim_matches(dots))
            .filter(move |token| token.contains(dots))
            .take(MAX_HOSTS)
            .map(canonical_host)
    }
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || is_combining_mark(letter)
}

/// Whether a character shows nothing by itself: it joins, directs, varies or fills.
const fn is_unseen(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}
