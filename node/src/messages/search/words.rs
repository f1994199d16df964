//! What counts as a word: the one reading of texts that the index, queries and excerpts share.
//!
//! Both databases get words that are made here, so they find the same (I12). A word is a run of
//! letters and digits, in lower case, without diacritics and in compatible forms (UAX #15 NFKD).
//! Scripts that put no spaces between words are read letter by letter, and a query in them is a
//! phrase: it finds any part of a text.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// Words of a text that are read at most; what follows them is not found.
const MOST_WORDS: usize = 4000;
/// Letters of a word that count.
const LONGEST: usize = 64;

/// A word, and where it stands in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// How it counts: folded.
    pub(super) text: String,
    /// The byte where it begins.
    pub(super) start: usize,
    /// The byte after it.
    pub(super) end: usize,
}

/// The words of a text, in order.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut open: Option<Word> = None;
    for (at, c) in text.char_indices() {
        if found.len() >= MOST_WORDS {
            return found;
        }
        let end = at.saturating_add(c.len_utf8());
        if stands_alone(c) {
            found.extend(open.take().filter(|word| !word.text.is_empty()));
            found.push(Word {
                text: c.to_string(),
                start: at,
                end,
            });
        } else if c.is_alphanumeric() {
            let word = open.get_or_insert_with(|| Word {
                text: String::new(),
                start: at,
                end,
            });
            fold(c, &mut word.text);
            word.end = end;
        } else if is_inside(c) {
            if let Some(word) = &mut open {
                word.end = end;
            }
        } else {
            found.extend(open.take().filter(|word| !word.text.is_empty()));
        }
    }
    found.extend(open.filter(|word| !word.text.is_empty()));
    found
}

/// Adds a letter in the form in which it counts, as long as there is room.
fn fold(c: char, word: &mut String) {
    if word.chars().count() >= LONGEST {
        return;
    }
    if c.is_ascii() {
        word.push(c.to_ascii_lowercase());
        return;
    }
    decompose_compatible(c, |part| {
        if part.is_alphanumeric() {
            let lower = part.to_lowercase().filter(|c| c.is_alphanumeric());
            // Sigma has a form of its own at the end of a word.
            word.extend(lower.map(|c| if c == 'ς' { 'σ' } else { c }));
        }
    });
}

/// Whether a letter is a word by itself: those of scripts without spaces, and pictures.
pub(super) fn stands_alone(c: char) -> bool {
    let is_letter = matches!(c,
        '\u{e00}'..='\u{eff}' // Thai, Lao
        | '\u{1000}'..='\u{109f}' // Burmese
        | '\u{1780}'..='\u{17ff}' // Khmer
        | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{30ff}' // Hiragana, Katakana
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' // Han
        | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}'
        | '\u{20000}'..='\u{3ffff}');
    let is_picture = matches!(c,
        '\u{2600}'..='\u{2767}' | '\u{2776}'..='\u{27bf}' | '\u{1f000}'..='\u{1f3fa}' | '\u{1f400}'..='\u{1faff}');
    (is_letter && c.is_alphanumeric()) || is_picture
}

/// Whether a character parts no word: marks on letters, joiners and soft hyphens.
fn is_inside(c: char) -> bool {
    is_combining_mark(c) || matches!(c, '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{2060}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_folded() {
        assert_eq!(read("**Hello**, Wörld! ÀÉÎ"), ["hello", "world", "aei"]);
        assert_eq!(read("e\u{301}te\u{301} naïve"), ["ete", "naive"]);
        assert_eq!(read("ΟΔΟΣ οδος ΐ"), ["οδοσ", "οδοσ", "ι"]);
        assert_eq!(read("ﬁne １２ Straße"), ["fine", "12", "straße"]);
        assert_eq!(
            read("don't example.org/a_b"),
            ["don", "t", "example", "org", "a", "b"]
        );
        assert_eq!(read("soft\u{ad}ly \u{301} - ''"), ["softly"]);
    }

    #[test]
    fn scripts_without_spaces_are_read_by_letter() {
        assert_eq!(read("東京へ行く"), ["東", "京", "へ", "行", "く"]);
        assert_eq!(read("Rust入門🎉🎉"), ["rust", "入", "門", "🎉", "🎉"]);
    }

    #[test]
    fn words_know_their_place() {
        let text = "Ä b́c 東";
        let found = words(text);
        let places: Vec<&str> = found
            .iter()
            .map(|word| text.get(word.start..word.end).unwrap())
            .collect();
        assert_eq!(places, ["Ä", "b́c", "東"]);
    }

    #[test]
    fn long_texts_and_words_are_bounded() {
        assert_eq!(words(&"a ".repeat(10_000)).len(), MOST_WORDS);
        assert_eq!(read(&"a".repeat(1000)), ["a".repeat(LONGEST)]);
    }

    proptest! {
        #[test]
        fn a_word_reads_alike_wherever_it_stands(text in "\\PC{0,60}") {
            for word in words(&text) {
                let alone = text.get(word.start..word.end);
                prop_assert_eq!(alone.map(read), Some(vec![word.text]));
            }
        }
    }
}
