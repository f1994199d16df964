//! What went over the wire, in words that are the same in every run.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::case::status;
use crate::pair::Pair;
use crate::proxy::Exchange;
use crate::proxy::mentions;

/// The most lines that a failure shows.
const MOST: usize = 12;
/// The most of an answer's text that a failure shows.
const ANSWER: usize = 160;

/// Where each proxy stood when a scenario began; by default when the pair was started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark {
    subject: usize,
    peer: usize,
}

impl Mark {
    /// Now.
    pub fn now(pair: &Pair) -> Self {
        Self {
            subject: pair.subject.proxy.mark(),
            peer: pair.peer.proxy.mark(),
        }
    }

    /// The exchanges since then that have to do with a scenario, as `(to, exchange)`.
    pub fn exchanges(self, pair: &Pair, scenario: &str) -> Vec<(&'static str, Exchange)> {
        let own = |one: &Exchange| {
            mentions(&one.said, scenario) || mentions(&one.request.target(), scenario)
        };
        let subject = &pair.subject.proxy;
        let to_subject = subject.those(|one| one.number >= self.subject && own(one));
        let peer = &pair.peer.proxy;
        let to_peer = peer.those(|one| one.number >= self.peer && own(one));
        let to_subject = to_subject.into_iter().map(|one| ("subject", one));
        to_subject
            .chain(to_peer.into_iter().map(|one| ("peer", one)))
            .collect()
    }
}

/// The activities that were taken, each kind once per direction, for a scenario that passed.
pub fn taken(exchanges: &[(&'static str, Exchange)]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for (to, one) in exchanges {
        let status = status(one);
        if one.request.method() == "POST" && (200..300).contains(&status) {
            found.insert(format!("{} to {to}", kind(one)));
        }
    }
    found.into_iter().collect()
}

/// Every exchange, the same ones once, in the order of the first, for a scenario that failed.
pub fn all(pair: &Pair, exchanges: &[(&'static str, Exchange)]) -> Vec<String> {
    let mut lines = Vec::new();
    for (to, one) in exchanges
        .iter()
        .filter(|(_, one)| one.request.method() == "POST")
    {
        let answer = one.answer.clone().unwrap_or_default();
        let mut line = format!(
            "{} to {to}, {}: {}",
            kind(one),
            scheme(one),
            answer.status()
        );
        if let Some(fault) = one.fault {
            line = format!("{line}, {} by the proxy", fault.name());
        }
        if !(200..300).contains(&answer.status()) && !answer.body.is_empty() {
            let text: String = answer.text().chars().take(ANSWER).collect();
            line = format!("{line} {text}");
        }
        let line = stable(pair, &line);
        // Tries are as many as there is time for.
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.truncate(MOST);
    lines
}

/// The type of the activity in a request, and of the object within it.
pub fn kind(one: &Exchange) -> String {
    let name = |value: &Value| value["type"].as_str().map(str::to_owned);
    match (name(&one.document), name(&one.document["object"])) {
        (Some(activity), Some(object)) => format!("{activity} of {object}"),
        (Some(activity), None) => activity,
        _ => "no activity".to_owned(),
    }
}

/// How a request is signed.
pub fn scheme(one: &Exchange) -> &'static str {
    let has = |name: &str| one.request.header(name).is_some();
    match (has("signature-input"), has("signature")) {
        (true, true) => "RFC 9421",
        (false, true) => "draft-cavage",
        _ => "unsigned",
    }
}

/// A text without what changes from run to run: origins, ids, times.
pub fn stable(pair: &Pair, text: &str) -> String {
    let mut text = text.replace(['\n', '\r', '\t'], " ");
    for (from, to) in [
        (pair.subject.origin(), "{subject}"),
        (pair.peer.origin(), "{peer}"),
        (pair.subject.authority(), "{subject}"),
        (pair.peer.authority(), "{peer}"),
    ] {
        text = text.replace(&from, to);
    }
    without_ids(&without_numbers(&text))
}

/// Puts `{numbers}` for a list of numbers, which says what arrived and in which order.
fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        let (inside, after) = after.split_once(']').unwrap_or((after, ""));
        let list = inside
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, ',' | ' '));
        out.push_str(before);
        if list {
            out.push_str("{numbers}");
        } else {
            out.extend(["[", inside, "]"]);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Puts `{id}` for words that are made by chance, and `{n}` for long numbers and times.
fn without_ids(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.') {
            word.push(c);
            continue;
        }
        out.push_str(&named(&word));
        word.clear();
        out.push(c);
    }
    out.push_str(&named(&word));
    out
}

fn named(word: &str) -> String {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let hexadecimal = word.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let address = ["127.0.0.", "localhost:"]
        .iter()
        .any(|start| word.starts_with(start))
        && word.contains(':');
    let time = digits >= 10 && word.contains(':') && !address;
    let mixed = word.chars().any(|c| c.is_ascii_uppercase())
        && word.chars().any(|c| c.is_ascii_lowercase());
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric());
    if address {
        "{host}".to_owned()
    } else if time || (digits >= 6 && digits == word.len()) {
        "{n}".to_owned()
    } else if word.len() >= 16 && (hexadecimal || (plain && mixed && digits >= 3)) {
        "{id}".to_owned()
    } else {
        word.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_times_go_and_words_stay() {
        for (text, stable) in [
            (
                "/notes/0b6ff6de-4a34-4b02-9b6d-1d2f2fbd9d3a is",
                "/notes/{id} is",
            ),
            ("at 2026-11-20T16:31:53Z.", "at {n}"),
            ("https://127.0.0.4:40111/x", "https://{host}/x"),
            ("https://localhost:40111/x", "https://{host}/x"),
            ("port 123456 and 401", "port {n} and 401"),
            (
                "FollowRequest of follow-out: 401",
                "FollowRequest of follow-out: 401",
            ),
        ] {
            assert_eq!(without_ids(text), stable);
        }
    }

    #[test]
    fn the_exchanges_of_a_scenario_are_not_those_of_another() {
        for (text, own) in [
            ("/users/a_follow_in/inbox", true),
            ("<p>words of follow-in</p>", true),
            ("/users/a_unfollow_in/inbox", false),
            ("<p>words of unfollow-in</p>", false),
            ("/users/a_follow_info", false),
        ] {
            assert_eq!(mentions(text, "follow-in"), own, "{text}");
        }
    }
}
