//! What went wrong, in one short line that is safe to store and to show.

use serde_json::Value;

use crate::fetch::OutboundResponse;

/// The longest text that is kept of an error, in bytes.
pub(super) const LONGEST_ERROR: usize = 512;
/// The longest text that is kept of a peer's own words, in bytes.
const LONGEST_DETAIL: usize = 300;
/// Answers beyond this are not looked at for an explanation.
const LARGEST_PROBLEM: usize = 16 * 1024;

/// One line of at most 512 bytes: what controls a terminal is a space, runs of spaces are one.
pub(super) fn excerpt(text: &str) -> String {
    shorten(text, LONGEST_ERROR)
}

/// What a peer says about its refusal, of a problem document (RFC 9457), of the `error` member
/// many servers answer with, or of plain text.
///
/// # Security
/// The peer chooses these words: they are short, in one line, and nothing is decided by them.
pub(crate) fn explanation(answer: &OutboundResponse) -> Option<String> {
    if answer.body.is_empty() || answer.body.len() > LARGEST_PROBLEM {
        return None;
    }
    let media_type = answer.content_type().unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let text = if media_type.ends_with("json") {
        let problem: Value = serde_json::from_slice(&answer.body).ok()?;
        let said = ["detail", "title", "error_description", "error", "message"]
            .iter()
            .find_map(|name| problem.get(name)?.as_str())?;
        shorten(said, LONGEST_DETAIL)
    } else if media_type == "text/plain" {
        shorten(std::str::from_utf8(&answer.body).ok()?, LONGEST_DETAIL)
    } else {
        return None;
    };
    (!text.is_empty()).then_some(text)
}

fn shorten(text: &str, longest: usize) -> String {
    let mut line = String::with_capacity(text.len().min(longest));
    let mut gap = false;
    for letter in text.chars() {
        if letter.is_whitespace() || letter.is_control() || is_invisible(letter) {
            gap = !line.is_empty();
            continue;
        }
        let needed = letter.len_utf8() + usize::from(gap) + '…'.len_utf8();
        if line.len() + needed > longest {
            line.push('…');
            break;
        }
        if gap {
            line.push(' ');
            gap = false;
        }
        line.push(letter);
    }
    line
}

/// Letters without a shape that turn the direction of text or hide in it.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};
    use url::Url;

    use super::*;

    fn answer(media_type: &str, body: impl Into<Bytes>) -> OutboundResponse {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", media_type.parse().unwrap());
        let url = Url::parse("https://a.example/inbox").unwrap();
        OutboundResponse::new(StatusCode::BAD_REQUEST, headers, body.into(), url)
    }

    #[test]
    fn a_problem_is_told_by_its_detail() {
        let problem = r#"{"type":"about:blank","title":"Bad","detail":"The key is unknown."}"#;
        let said = explanation(&answer("application/problem+json; charset=utf-8", problem));
        assert_eq!(said.as_deref(), Some("The key is unknown."));
        let said = explanation(&answer(
            "application/json",
            r#"{"error":"Request not signed"}"#,
        ));
        assert_eq!(said.as_deref(), Some("Request not signed"));
        let said = explanation(&answer("text/plain", "no\n\u{202e}such\u{7}  inbox\n"));
        assert_eq!(said.as_deref(), Some("no such inbox"));
    }

    #[test]
    fn what_is_no_explanation_is_left_out() {
        for (media_type, body) in [
            ("text/html", "<p>no</p>"),
            ("application/json", "[1]"),
            ("application/json", "{\"detail\":7}"),
            ("application/json", "{"),
            ("text/plain", " \n "),
            ("text/plain", ""),
        ] {
            assert_eq!(explanation(&answer(media_type, body)), None, "{body}");
        }
        let huge = vec![b'x'; LARGEST_PROBLEM + 1];
        assert_eq!(explanation(&answer("text/plain", huge)), None);
    }

    #[test]
    fn text_is_cut_at_a_letter() {
        let long = "ä".repeat(1000);
        let kept = excerpt(&long);
        assert!(kept.len() <= LONGEST_ERROR && kept.ends_with('…'), "{kept}");
        assert_eq!(excerpt("short"), "short");
    }
}
