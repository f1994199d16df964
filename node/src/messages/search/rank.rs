//! How well a message answers a query, judged alike whatever the database.
//!
//! The weight of a word grows with how often it is said and falls with the length of the message
//! (as in BM25, with an average length that is fixed, so that a message always has one score).

use super::query::{Query, Term};
use super::words::Word;

/// How a message answers a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// More is better.
    pub(super) score: u32,
    /// Where it says what is asked for: the first and the last word of each place, in order.
    pub(super) places: Vec<(usize, usize)>,
}

/// What a word said once in a short message weighs, roughly.
const WEIGHT: u64 = 1000;
/// What it adds when terms stand beside each other as they do in the query.
const NEARNESS: u64 = 500;
/// How many words may be between such terms.
const NEAR: usize = 2;

/// How what was said answers a query; `None` when it does not.
pub(super) fn judge(query: &Query, said: &[Word]) -> Option<Answer> {
    if query.none.iter().any(|term| !places(term, said).is_empty()) {
        return None;
    }
    let length = u64::try_from(said.len()).unwrap_or(u64::MAX);
    let mut score: u64 = 0;
    let mut all: Vec<(usize, usize)> = Vec::new();
    let mut before: Option<Vec<(usize, usize)>> = None;
    for term in &query.all {
        let found = places(term, said);
        if found.is_empty() {
            return None;
        }
        score = score.saturating_add(weight(halves(term, said, &found), length));
        if before.is_some_and(|before| are_near(&before, &found)) {
            score = score.saturating_add(NEARNESS);
        }
        all.extend(&found);
        before = Some(found);
    }
    all.sort_unstable();
    all.dedup();
    Some(Answer {
        score: u32::try_from(score).unwrap_or(u32::MAX),
        places: all,
    })
}

/// Where a term is said.
fn places(term: &Term, said: &[Word]) -> Vec<(usize, usize)> {
    let one = |is_it: &dyn Fn(&str) -> bool| {
        let words = said.iter().enumerate();
        let found = words.filter(|(_, word)| is_it(&word.text));
        found.map(|(at, _)| (at, at)).collect()
    };
    match term {
        Term::Word(asked) => one(&|word| word == asked),
        Term::Beginning(asked) => one(&|word| word.starts_with(asked.as_str())),
        Term::Phrase(asked) => {
            let length = asked.len().max(1);
            let said = said.windows(length).enumerate();
            let found = said.filter(|(_, words)| {
                let words = words.iter().map(|word| &word.text);
                words.eq(asked.iter())
            });
            let last = length.saturating_sub(1);
            found.map(|(at, _)| (at, at.saturating_add(last))).collect()
        }
    }
}

/// How often a term is said, in halves: a word that only begins like it counts half.
fn halves(term: &Term, said: &[Word], found: &[(usize, usize)]) -> u64 {
    let is_whole = |(at, _): &(usize, usize)| match term {
        Term::Beginning(asked) => said.get(*at).is_some_and(|word| &word.text == asked),
        Term::Word(_) | Term::Phrase(_) => true,
    };
    let each = found
        .iter()
        .map(|place| if is_whole(place) { 2_u64 } else { 1 });
    each.sum()
}

/// BM25 with k1 = 1.2, b = 0.75 and an average of 20 words, in whole numbers.
fn weight(halves: u64, length: u64) -> u64 {
    let normal = length.saturating_mul(450).saturating_add(3000) / 1000;
    let said = halves.saturating_mul(10);
    let weighed = halves.saturating_mul(22).saturating_mul(WEIGHT);
    let below = said.saturating_add(normal.saturating_mul(2)).max(1);
    weighed / below
}

fn are_near(before: &[(usize, usize)], after: &[(usize, usize)]) -> bool {
    // Both are in order: the first place after each end is the nearest.
    before.iter().any(|(_, end)| {
        let next = after.partition_point(|(start, _)| start <= end);
        let next = after.get(next);
        next.is_some_and(|(start, _)| start.saturating_sub(*end) <= NEAR.saturating_add(1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::search::words::words;

    fn score(query: &str, text: &str) -> Option<u32> {
        let query = Query::parse(query).unwrap();
        judge(&query, &words(text)).map(|answer| answer.score)
    }

    #[test]
    fn better_answers_score_higher() {
        let better = |query, one, other| {
            let (one, other) = (score(query, one).unwrap(), score(query, other).unwrap());
            assert!(one > other, "{query}: {one} <= {other}");
        };
        better("tea", "tea", "tea and much more than that");
        better("tea", "tea, tea", "tea, cup");
        better("tea", "tea here", "teapot here");
        better(
            "green tea",
            "green tea, and two cups",
            "tea, and two cups, green",
        );
        assert_eq!(score("tea", "coffee"), None);
        assert_eq!(score("tea -cup", "tea in a cup"), None);
        assert_eq!(score("\"green tea\"", "green, black tea"), None);
    }

    #[test]
    fn places_are_in_order() {
        let query = Query::parse("\"b c\" a").unwrap();
        let answer = judge(&query, &words("a b c, a b")).unwrap();
        assert_eq!(answer.places, [(0, 0), (1, 2), (3, 3)]);
    }
}
