//! What a search asks for, read from what a member typed.
//!
//! Nothing of the text reaches a database but words as `words` makes them.

use super::words::{Word, stands_alone, words};

/// Characters of a query at most.
pub const MOST_CHARACTERS: usize = 200;
/// Terms of a query at most.
pub const MOST_TERMS: usize = 10;

/// What a message must say, and what it must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Every one of these.
    pub all: Vec<Term>,
    /// None of these.
    pub none: Vec<Term>,
}

/// One thing that a message says or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// A word.
    Word(String),
    /// A word that begins like this.
    Beginning(String),
    /// Words that follow each other; there are two or more.
    Phrase(Vec<String>),
}

/// Why a query is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// It has too many characters.
    #[error("A search has at most {MOST_CHARACTERS} characters.")]
    TooLong,
    /// It has too many terms.
    #[error("A search has at most {MOST_TERMS} words and phrases.")]
    TooManyTerms,
    /// It names nothing that is to be found.
    #[error("Write a word to search for.")]
    NothingToFind,
}

impl Query {
    /// Reads a query: words that must all be there, the last one by its beginning; a `"phrase"` in
    /// quotes; what a `-` stands before must not be there.
    ///
    /// # Errors
    /// It is too long, or asks for nothing or for too much.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if text.chars().count() > MOST_CHARACTERS {
            return Err(QueryError::TooLong);
        }
        let (mut all, mut none) = (Vec::new(), Vec::new());
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (piece, after) = Piece::first(rest);
            rest = after.trim_start();
            let is_last = rest.is_empty();
            let Some(term) = piece.term(is_last) else {
                continue;
            };
            if piece.is_excluded {
                none.push(term);
            } else {
                all.push(term);
            }
            if all.len().saturating_add(none.len()) > MOST_TERMS {
                return Err(QueryError::TooManyTerms);
            }
        }
        if all.is_empty() {
            return Err(QueryError::NothingToFind);
        }
        Ok(Self { all, none })
    }
}

/// A part of what was typed.
struct Piece<'a> {
    text: &'a str,
    is_excluded: bool,
    is_quoted: bool,
}

impl<'a> Piece<'a> {
    /// The first piece of what is not empty, and what follows.
    fn first(text: &'a str) -> (Self, &'a str) {
        let (is_excluded, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (is_quoted, (text, rest)) = if let Some(quoted) = text.strip_prefix('"') {
            (true, quoted.split_once('"').unwrap_or((quoted, "")))
        } else {
            let ends = |c: char| c.is_whitespace() || c == '"';
            let end = text.find(ends).unwrap_or(text.len());
            (false, text.split_at_checked(end).unwrap_or((text, "")))
        };
        let piece = Self {
            text,
            is_excluded,
            is_quoted,
        };
        (piece, rest)
    }

    /// What it asks for; `None` when there is no word in it.
    fn term(&self, is_last: bool) -> Option<Term> {
        let mut found: Vec<String> = words(self.text).into_iter().map(text_of).collect();
        if found.len() > 1 {
            return Some(Term::Phrase(found));
        }
        let word = found.pop()?;
        let may_go_on = is_last && !self.is_quoted && !self.is_excluded;
        let is_long_enough = word.chars().nth(1).is_some();
        let is_spaced = !word.chars().any(stands_alone);
        Some(if may_go_on && is_long_enough && is_spaced {
            Term::Beginning(word)
        } else {
            Term::Word(word)
        })
    }
}

fn text_of(word: Word) -> String {
    word.text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn word(text: &str) -> Term {
        Term::Word(text.to_owned())
    }

    fn beginning(text: &str) -> Term {
        Term::Beginning(text.to_owned())
    }

    fn phrase(texts: &[&str]) -> Term {
        Term::Phrase(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn reads_words_phrases_and_exclusions() {
        let read = |text| Query::parse(text).unwrap();
        assert_eq!(read("Hello wor").all, [word("hello"), beginning("wor")]);
        assert_eq!(read("hello a").all, [word("hello"), word("a")]);
        let both = read("\"Good Morning\" -bad tea");
        assert_eq!(both.all, [phrase(&["good", "morning"]), beginning("tea")]);
        assert_eq!(both.none, [word("bad")]);
        assert_eq!(read("one \"two\"").all, [word("one"), word("two")]);
        assert_eq!(read("x -\"a b\" don't").none, [phrase(&["a", "b"])]);
        assert_eq!(read("don't").all, [phrase(&["don", "t"])]);
        assert_eq!(read("東京").all, [phrase(&["東", "京"])]);
        assert_eq!(
            read("a \"open end").all,
            [word("a"), phrase(&["open", "end"])]
        );
    }

    #[test]
    fn queries_are_bounded() {
        let fault = |text: &str| Query::parse(text).unwrap_err();
        for nothing in ["", "  ", "-", "\"\"", "-word", "* ( ) : ^", "--"] {
            assert_eq!(fault(nothing), QueryError::NothingToFind, "{nothing}");
        }
        assert_eq!(fault(&"a".repeat(201)), QueryError::TooLong);
        assert_eq!(fault(&"a ".repeat(11)), QueryError::TooManyTerms);
        assert!(Query::parse(&"a ".repeat(10)).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,220}") {
            if let Ok(query) = Query::parse(&text) {
                prop_assert!(!query.all.is_empty());
                prop_assert!(query.all.len() + query.none.len() <= MOST_TERMS);
            }
        }
    }
}
