//! The part of a message that answers a query, as HTML with the answer marked.

use super::words::Word;

/// Characters before the first mark at most.
const BEFORE: usize = 60;
/// Characters of the text in an excerpt at most.
const LONGEST: usize = 240;
/// Places that are looked at for the best part of a text.
const MOST_PLACES: usize = 64;

/// The part of a text with most of the places, in which they are marked.
///
/// # Security
/// The text is escaped; `<mark>` is the only tag.
pub(super) fn excerpt(content: &str, said: &[Word], places: &[(usize, usize)]) -> String {
    let range = |(first, last): &(usize, usize)| {
        let start = said.get(*first)?.start;
        Some((start, said.get(*last)?.end))
    };
    let ranges: Vec<(usize, usize)> = places.iter().filter_map(range).collect();
    let start = start_of(content, said, best(&ranges));
    let end = end_of(content, said, start);
    let mut html = String::new();
    if start > 0 {
        html.push('…');
    }
    let mut at = start;
    for (from, to) in ranges {
        let (from, to) = (from.max(at), to.min(end));
        if from >= to {
            continue;
        }
        escape(content.get(at..from).unwrap_or_default(), &mut html);
        html.push_str("<mark>");
        escape(content.get(from..to).unwrap_or_default(), &mut html);
        html.push_str("</mark>");
        at = to;
    }
    escape(content.get(at..end).unwrap_or_default(), &mut html);
    if end < content.len() {
        html.push('…');
    }
    html
}

/// The byte where the place begins that is followed by most others.
fn best(ranges: &[(usize, usize)]) -> usize {
    let some = ranges.get(..MOST_PLACES).unwrap_or(ranges);
    let others = |(start, _): &(usize, usize)| {
        let reach = start.saturating_add(LONGEST - BEFORE);
        some.iter()
            .filter(|(from, to)| from >= start && *to <= reach)
            .count()
    };
    // Of equal ones the first counts.
    let best = some.iter().rev().max_by_key(|range| others(range));
    best.map_or(0, |(start, _)| *start)
}

/// A little before `place`, at the beginning of a word.
fn start_of(content: &str, said: &[Word], place: usize) -> usize {
    let before = content.get(..place).unwrap_or_default();
    let back = before.char_indices().rev().nth(BEFORE.saturating_sub(1));
    let Some((earliest, _)) = back.filter(|(at, _)| *at > 0) else {
        return 0;
    };
    let word = said
        .iter()
        .map(|word| word.start)
        .find(|start| *start >= earliest);
    word.unwrap_or(place).min(place)
}

/// As far from `start` as an excerpt goes, at the end of a word.
fn end_of(content: &str, said: &[Word], start: usize) -> usize {
    let rest = content.get(start..).unwrap_or_default();
    let Some((length, _)) = rest.char_indices().nth(LONGEST) else {
        return content.len();
    };
    let latest = start.saturating_add(length);
    let ends = said.iter().map(|word| word.end);
    let last = ends.filter(|end| (start..=latest).contains(end)).max();
    last.unwrap_or(latest)
}

fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::messages::search::query::Query;
    use crate::messages::search::rank::judge;
    use crate::messages::search::words::words;

    fn show(query: &str, text: &str) -> Option<String> {
        let said = words(text);
        let answer = judge(&Query::parse(query).ok()?, &said)?;
        Some(excerpt(text, &said, &answer.places))
    }

    #[test]
    fn answers_are_marked_and_the_rest_is_escaped() {
        assert_eq!(
            show("\"green tea\" cu", "<b>Green tea</b> & 2 Cups").unwrap(),
            "&lt;b&gt;<mark>Green tea</mark>&lt;/b&gt; &amp; 2 <mark>Cups</mark>"
        );
        assert_eq!(
            show("resume", "My Résumé").unwrap(),
            "My <mark>Résumé</mark>"
        );
        assert_eq!(show("京都", "東京都").unwrap(), "東<mark>京都</mark>");
    }

    #[test]
    fn long_texts_are_cut_at_words() {
        let text = format!("{}needle{}", "straw ".repeat(100), " straw".repeat(100));
        let html = show("needle", &text).unwrap();
        assert!(html.starts_with("…straw "), "{html}");
        assert!(html.ends_with(" straw…"), "{html}");
        assert!(html.contains(" <mark>needle</mark> "), "{html}");
        assert!(html.chars().count() < 280, "{html}");
    }

    proptest! {
        #[test]
        fn no_text_gets_a_tag_in(text in "\\PC{0,300}", word in "[a-z<>&\"']{1,4}") {
            let text = format!("{text} {word}<script>{text}");
            if let Some(html) = show(&word, &text) {
                let bare = html.replace("<mark>", "").replace("</mark>", "");
                prop_assert!(!bare.contains(['<', '>', '"']), "{}", html);
            }
        }
    }
}
