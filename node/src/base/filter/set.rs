//! [`FilterSet`]: many patterns that are looked for at once.

use std::collections::{BTreeSet, HashMap};

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::{InvalidPattern, MAX_EXPRESSIONS, Pattern, Text};

/// Bytes that one compiled expression may take.
const MAX_SIZE: usize = 128 * 1024;
/// Bytes that the remembered states of a search may take.
const MAX_STATES: usize = 8 * 1024 * 1024;
/// Bytes that all expressions of one set take: with room for their states, matching is one step a byte.
const MAX_SIZE_OF_ALL: usize = 256 * 1024;
/// How deep expressions may be nested.
const MAX_DEPTH: u32 = 50;
/// Bytes of a folded text that expressions look at.
const LOOKED_AT: usize = 32 * 1024;

/// Patterns by their number in the list that they were made of, ready to match.
#[derive(Debug, Default)]
pub struct FilterSet {
    words: HashMap<String, Vec<usize>>,
    phrases: Vec<(String, usize)>,
    domains: HashMap<String, Vec<usize>>,
    expressions: Option<RegexSet>,
    /// The number of each expression of the set.
    numbers: Vec<usize>,
    mentions: Vec<(usize, usize)>,
    repetitions: Vec<Repetition>,
}

/// A pattern that compares a text with those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repetition {
    /// The number of the pattern.
    pub number: usize,
    /// For the how many-th time.
    pub times: u32,
    /// Within how many seconds.
    pub seconds: u32,
}

impl FilterSet {
    /// Makes a set of patterns; they are numbered as they come.
    ///
    /// # Errors
    /// The expressions are too many, or too large together.
    pub fn new<'a>(
        patterns: impl IntoIterator<Item = &'a Pattern>,
    ) -> Result<Self, InvalidPattern> {
        let mut set = Self::default();
        let mut expressions: Vec<&str> = Vec::new();
        for (number, pattern) in patterns.into_iter().enumerate() {
            match pattern {
                Pattern::Word(word) => set.words.entry(word.clone()).or_default().push(number),
                Pattern::Phrase(phrase) => set.phrases.push((phrase.clone(), number)),
                Pattern::LinkDomain(domain) => {
                    set.domains.entry(domain.clone()).or_default().push(number);
                }
                Pattern::Regex(expression) => {
                    expressions.push(expression);
                    set.numbers.push(number);
                }
                Pattern::Mentions(least) => {
                    let least = usize::try_from(*least).unwrap_or(usize::MAX);
                    set.mentions.push((least, number));
                }
                Pattern::Repeated { times, seconds } => set.repetitions.push(Repetition {
                    number,
                    times: *times,
                    seconds: *seconds,
                }),
            }
        }
        if expressions.len() > MAX_EXPRESSIONS {
            return Err(InvalidPattern::TooManyExpressions);
        }
        if !expressions.is_empty() {
            let built = RegexSetBuilder::new(expressions)
                .case_insensitive(true)
                .size_limit(MAX_SIZE_OF_ALL)
                .dfa_size_limit(MAX_STATES)
                .nest_limit(MAX_DEPTH)
                .build();
            set.expressions = Some(built.map_err(|why| unreadable(&why))?);
        }
        Ok(set)
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
            && self.phrases.is_empty()
            && self.domains.is_empty()
            && self.numbers.is_empty()
            && self.mentions.is_empty()
            && self.repetitions.is_empty()
    }

    /// The patterns that compare a text with those before it, which a text alone does not decide.
    pub fn repetitions(&self) -> &[Repetition] {
        &self.repetitions
    }

    /// The numbers of the patterns that a text has in it, in order.
    pub fn find(&self, text: &Text) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        if !self.words.is_empty() {
            let hits = text.words().filter_map(|word| self.words.get(word));
            found.extend(hits.flatten());
        }
        let phrases = self.phrases.iter();
        let hits = phrases.filter(|(phrase, _)| text.as_str().contains(phrase.as_str()));
        found.extend(hits.map(|(_, number)| *number));
        if !self.domains.is_empty() {
            for host in text.hosts() {
                self.find_host(&host, &mut found);
            }
        }
        if let Some(expressions) = &self.expressions {
            let hits = expressions.matches(start_of(text.as_str()));
            let numbers = hits.iter().filter_map(|at| self.numbers.get(at));
            found.extend(numbers);
        }
        if !self.mentions.is_empty() {
            let mentioned = text.mentions();
            let hits = self
                .mentions
                .iter()
                .filter(|(least, _)| mentioned >= *least);
            found.extend(hits.map(|(_, number)| *number));
        }
        found
    }

    /// The domain itself, and each that it lies below.
    fn find_host(&self, host: &str, found: &mut BTreeSet<usize>) {
        let mut rest = Some(host);
        while let Some(domain) = rest {
            found.extend(self.domains.get(domain).into_iter().flatten());
            rest = domain.split_once('.').map(|(_, parent)| parent);
        }
    }
}

/// An expression within its bounds.
pub(super) fn regex_of(text: &str) -> Result<Regex, InvalidPattern> {
    RegexBuilder::new(text)
        .case_insensitive(true)
        .size_limit(MAX_SIZE)
        .dfa_size_limit(MAX_STATES)
        .nest_limit(MAX_DEPTH)
        .build()
        .map_err(|why| unreadable(&why))
}

fn unreadable(why: &regex::Error) -> InvalidPattern {
    let text = match why {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        // The last line says what is wrong; those before it draw it.
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        }
    };
    InvalidPattern::NotAnExpression(text)
}

/// As much of a text as expressions look at.
fn start_of(text: &str) -> &str {
    let end = text.floor_char_boundary(LOOKED_AT);
    text.split_at_checked(end).map_or(text, |(start, _)| start)
}
