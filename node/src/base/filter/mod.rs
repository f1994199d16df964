//! Rules over texts: what a rule looks for, sets of them that are ready to match, and matching; no IO.
//!
//! A text is folded first ([`Text`]), so that capitals, wide letters and characters that nobody sees
//! change nothing. Matching takes time linear in the length of the text: expressions are those of the
//! `regex` crate, which never backtracks, and are bounded in size.

mod fold;
mod set;
#[cfg(test)]
mod tests;

pub use self::fold::Text;
use self::set::regex_of;
pub use self::set::{FilterSet, Repetition};
use super::words::words;
use federation_core::fetch::canonical_host;

/// Characters of a word, phrase, domain or expression at most.
pub const MAX_PATTERN: usize = 500;
/// Rules in one set at most.
pub const MAX_RULES: usize = 100;
/// Expressions in one set at most: they cost more than the rest.
pub const MAX_EXPRESSIONS: usize = 20;
/// Messages that are compared for repetitions at most.
pub const MAX_TIMES: u32 = 20;
/// Seconds within which repetitions are looked for at most.
pub const MAX_SECONDS: u32 = 24 * 60 * 60;
/// Mentions that a rule can ask for at most.
const MAX_MENTIONS: u32 = 100;

words! {
    /// What a rule looks for.
    pub enum PatternKind {
        /// A word on its own.
        Word = "word",
        /// A text anywhere, within words too.
        Phrase = "phrase",
        /// A regular expression.
        Regex = "regex",
        /// A domain, with everything below it.
        LinkDomain = "link_domain",
        /// A number of mentions.
        Mentions = "mentions",
        /// The same text again and again.
        Repeated = "repeated",
    }
}

/// What a rule looks for, held against its bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// A word on its own, folded.
    Word(String),
    /// A text anywhere, folded.
    Phrase(String),
    /// A regular expression over the folded text.
    Regex(String),
    /// A domain in its one spelling.
    LinkDomain(String),
    /// As many mentions, or more.
    Mentions(u32),
    /// The same text for the `times`-th time within `seconds`.
    Repeated {
        /// How often.
        times: u32,
        /// Within how long.
        seconds: u32,
    },
}

/// What a rule looks for, as a request or a row says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Of which kind.
    pub kind: PatternKind,
    /// The word, phrase, expression or domain.
    pub pattern: &'a str,
    /// How many mentions, or how often.
    pub times: Option<u32>,
    /// Within how many seconds.
    pub seconds: Option<u32>,
}

/// Why a rule cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// The text is empty, or nothing is left of it once folded.
    #[error("Say what to look for.")]
    Empty,
    /// The text is too long, or holds control characters.
    #[error("A pattern has at most 500 characters and no control characters.")]
    Unreadable,
    /// A word has something in it that words do not have.
    #[error("A word has letters, digits and _ alone; take a phrase.")]
    NotAWord,
    /// A domain is not one.
    #[error("Write a domain such as example.org.")]
    NotADomain,
    /// The expression cannot be read, or is too large.
    #[error("The expression cannot be taken: {0}")]
    NotAnExpression(String),
    /// A number is missing or out of bounds.
    #[error("{0}")]
    OutOfBounds(&'static str),
    /// There are too many expressions.
    #[error("At most 20 rules can be expressions.")]
    TooManyExpressions,
}

impl Pattern {
    /// Holds what is wanted against its bounds.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(wanted: &Wanted<'_>) -> Result<Self, InvalidPattern> {
        let text = wanted.pattern.trim();
        let has_text = !matches!(wanted.kind, PatternKind::Mentions | PatternKind::Repeated);
        if has_text && text.is_empty() {
            return Err(InvalidPattern::Empty);
        }
        if text.chars().count() > MAX_PATTERN || text.chars().any(char::is_control) {
            return Err(InvalidPattern::Unreadable);
        }
        match wanted.kind {
            PatternKind::Word => word(text),
            PatternKind::Phrase => {
                let folded = Text::new(text);
                if folded.as_str().is_empty() {
                    return Err(InvalidPattern::Empty);
                }
                Ok(Self::Phrase(folded.as_str().to_owned()))
            }
            PatternKind::Regex => {
                let expression = regex_of(text)?;
                // One that matches nothing at all matches everything.
                if expression.is_match("") {
                    let why = "it matches the empty text, and so everything";
                    return Err(InvalidPattern::NotAnExpression(why.to_owned()));
                }
                Ok(Self::Regex(text.to_owned()))
            }
            PatternKind::LinkDomain => domain(text),
            PatternKind::Mentions => within(wanted.times, 1, MAX_MENTIONS)
                .map(Self::Mentions)
                .ok_or(InvalidPattern::OutOfBounds(
                    "Say from how many mentions on, 1 to 100, as times.",
                )),
            PatternKind::Repeated => {
                let times = within(wanted.times, 2, MAX_TIMES);
                let seconds = within(wanted.seconds, 1, MAX_SECONDS);
                match (times, seconds) {
                    (Some(times), Some(seconds)) => Ok(Self::Repeated { times, seconds }),
                    _ => Err(InvalidPattern::OutOfBounds(
                        "Say how often, 2 to 20, as times, and within how long, up to a day, as seconds.",
                    )),
                }
            }
        }
    }

    /// Of which kind it is.
    pub const fn kind(&self) -> PatternKind {
        match self {
            Self::Word(_) => PatternKind::Word,
            Self::Phrase(_) => PatternKind::Phrase,
            Self::Regex(_) => PatternKind::Regex,
            Self::LinkDomain(_) => PatternKind::LinkDomain,
            Self::Mentions(_) => PatternKind::Mentions,
            Self::Repeated { .. } => PatternKind::Repeated,
        }
    }
}

fn within(value: Option<u32>, least: u32, most: u32) -> Option<u32> {
    value.filter(|value| (least..=most).contains(value))
}

fn word(text: &str) -> Result<Pattern, InvalidPattern> {
    let folded = Text::new(text);
    let mut words = folded.words();
    match (words.next(), words.next()) {
        (Some(word), None) if word == folded.as_str() => Ok(Pattern::Word(word.to_owned())),
        (None, _) if folded.as_str().is_empty() => Err(InvalidPattern::Empty),
        _ => Err(InvalidPattern::NotAWord),
    }
}

fn domain(text: &str) -> Result<Pattern, InvalidPattern> {
    let bare = text.strip_prefix("*.").unwrap_or(text);
    let host = canonical_host(bare);
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    if host.contains('.') && host.chars().all(fits) {
        Ok(Pattern::LinkDomain(host))
    } else {
        Err(InvalidPattern::NotADomain)
    }
}
