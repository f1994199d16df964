//! Queries as the two databases read them: an FTS5 expression, a `tsquery`.
//!
//! # Security
//! Every word stands in quotes, and quotes inside are doubled, although no word holds any: what a
//! member types cannot become an operator.

use super::query::{Query, Term};

/// Letters of the beginnings that the index holds as marks; of longer ones there are few words.
pub(super) const BEGINNINGS: std::ops::RangeInclusive<usize> = 2..=8;

/// What entries are found by, beside what they say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// One of each of these lists.
    pub(super) any_of: Vec<Vec<String>>,
    /// None of these.
    pub(super) none: Vec<String>,
}

/// The mark of words that begin like this.
pub(super) fn beginning(letters: &str) -> String {
    format!("<{letters}")
}

/// The mark of what is in a channel.
pub(super) fn channel(id: &str) -> String {
    mark('c', id)
}

/// The mark of what somebody wrote.
pub(super) fn author(id: &str) -> String {
    mark('a', id)
}

/// The mark of what has files.
pub(super) fn files() -> String {
    "=f".to_owned()
}

/// The mark of what was written in a span of 2^`level` milliseconds, the `number`th of them.
pub(super) fn span(level: u32, number: i64) -> String {
    format!("=t{level}x{number}")
}

fn mark(kind: char, id: &str) -> String {
    format!("={kind}{}", id.replace('-', ""))
}

/// The operators of a language of queries.
struct Language {
    and: &'static str,
    or: &'static str,
    /// Between the words of a phrase.
    next: &'static str,
    /// After the beginning of a word.
    goes_on: &'static str,
    quote: fn(&str) -> String,
}

const FTS5: Language = Language {
    and: " AND ",
    or: " OR ",
    next: " + ",
    goes_on: " *",
    quote: |word| format!("\"{}\"", word.replace('"', "\"\"")),
};

const TSQUERY: Language = Language {
    and: " & ",
    or: " | ",
    next: " <-> ",
    goes_on: ":*",
    quote: |word| format!("'{}'", word.replace('\\', "\\\\").replace('\'', "''")),
};

/// A word as it stands in the text of a `tsvector`.
pub(super) fn lexeme(word: &str) -> String {
    (TSQUERY.quote)(word)
}

/// The expression for `MATCH` (FTS5).
pub(super) fn fts5(query: &Query, marks: &Marks) -> String {
    let (all, none) = FTS5.parts(query, marks);
    if none.is_empty() {
        return all;
    }
    format!("({all}) NOT ({})", none.join(FTS5.or))
}

/// The text of a `tsquery`.
pub(super) fn tsquery(query: &Query, marks: &Marks) -> String {
    let (mut text, none) = TSQUERY.parts(query, marks);
    for excluded in none {
        text.push_str(" & !");
        text.push_str(&excluded);
    }
    text
}

impl Language {
    /// What must be there, as one expression, and what must not.
    fn parts(&self, query: &Query, marks: &Marks) -> (String, Vec<String>) {
        let terms = query.all.iter().map(|term| self.term(term));
        let marked = marks.any_of.iter().map(|any| self.any(any));
        let all: Vec<String> = terms.chain(marked).collect();
        let said = query.none.iter().map(|term| self.term(term));
        let unmarked = marks.none.iter().map(|mark| self.word(mark));
        (all.join(self.and), said.chain(unmarked).collect())
    }

    fn term(&self, term: &Term) -> String {
        match term {
            Term::Word(word) => self.word(word),
            Term::Phrase(words) => self.joined(words, self.next),
            Term::Beginning(letters) if BEGINNINGS.contains(&letters.chars().count()) => {
                self.any(&[letters.clone(), beginning(letters)])
            }
            Term::Beginning(letters) => format!("({}{})", (self.quote)(letters), self.goes_on),
        }
    }

    fn any(&self, words: &[String]) -> String {
        self.joined(words, self.or)
    }

    fn word(&self, word: &str) -> String {
        format!("({})", (self.quote)(word))
    }

    fn joined(&self, words: &[String], between: &str) -> String {
        let words: Vec<String> = words.iter().map(|word| (self.quote)(word)).collect();
        format!("({})", words.join(between))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_say_the_same() {
        let query = Query::parse("tea \"good morning\" -bad -\"a b\" wor").unwrap();
        let marks = Marks {
            any_of: vec![vec![channel("1-2"), channel("3")]],
            none: vec![files()],
        };
        assert_eq!(
            fts5(&query, &marks),
            "((\"tea\") AND (\"good\" + \"morning\") AND (\"wor\" OR \"<wor\") AND \
             (\"=c12\" OR \"=c3\")) NOT ((\"bad\") OR (\"a\" + \"b\") OR (\"=f\"))"
        );
        assert_eq!(
            tsquery(&query, &marks),
            "('tea') & ('good' <-> 'morning') & ('wor' | '<wor') & ('=c12' | '=c3') & \
             !('bad') & !('a' <-> 'b') & !('=f')"
        );
        let long = Query::parse("constantinople").unwrap();
        assert_eq!(fts5(&long, &Marks::default()), "(\"constantinople\" *)");
        assert_eq!(tsquery(&long, &Marks::default()), "('constantinople':*)");
    }

    #[test]
    fn quotes_stay_inside() {
        let query = Query {
            all: vec![Term::Word("a'\\\"b".to_owned())],
            none: Vec::new(),
        };
        assert_eq!(fts5(&query, &Marks::default()), "(\"a'\\\"\"b\")");
        assert_eq!(tsquery(&query, &Marks::default()), "('a''\\\\\"b')");
    }
}
