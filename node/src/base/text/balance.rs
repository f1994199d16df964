//! Makes the tags of hostile HTML match before a tree is built from them.
//!
//! A tree builder walks its stack of open elements, and its list of unclosed formatting, at many
//! tags; ten thousand of them left open would cost a hundred million steps. After this one pass no
//! more than a fixed number of elements is ever open, and each is closed. It judges nothing:
//! `markup::sanitise` does, on the tree.

use super::markup::{DROPPED, ELEMENTS};

/// Elements nested deeper than this lose their tags and keep their text.
const MAX_DEPTH: usize = 24;

/// Keeps the tags of known elements, matched and at most [`MAX_DEPTH`] deep; drops all others.
pub(super) fn balance(html: &str) -> String {
    let mut output = Balanced {
        text: String::with_capacity(html.len()),
        open: Vec::new(),
    };
    let mut rest = html;
    while let Some((text, tagged)) = rest.find('<').and_then(|at| rest.split_at_checked(at)) {
        output.say(text);
        let Some((tag, after)) = split_tag(tagged) else {
            let (bracket, after) = tagged.split_at_checked(1).unwrap_or((tagged, ""));
            debug_assert_eq!(bracket, "<");
            output.say("&lt;");
            rest = after;
            continue;
        };
        output.take(tag);
        rest = after;
    }
    output.say(rest);
    output.close_down_to(0);
    output.text
}

/// `<…>` and what follows; `None` when this bracket opens no tag.
fn split_tag(tagged: &str) -> Option<(&str, &str)> {
    let second = tagged.chars().nth(1)?;
    if !(second.is_ascii_alphabetic() || matches!(second, '/' | '!' | '?')) {
        return None;
    }
    let end = tagged.find('>')?;
    tagged.split_at_checked(end.checked_add(1)?)
}

struct Balanced {
    text: String,
    open: Vec<&'static str>,
}

/// Where parts of a table may stand; `None` for what may stand anywhere but between its cells.
fn parents(name: &str) -> Option<&'static [&'static str]> {
    match name {
        "td" | "th" => Some(&["tr"]),
        "tr" => Some(&["table", "tbody", "thead"]),
        "tbody" | "thead" => Some(&["table"]),
        _ => None,
    }
}

impl Balanced {
    fn say(&mut self, text: &str) {
        if !text.trim_ascii().is_empty() {
            self.leave_table();
        }
        self.text.push_str(text);
    }

    /// Closes the table, unless a cell of it is open.
    fn leave_table(&mut self) {
        while let Some("table" | "tbody" | "thead" | "tr") = self.open.last().copied() {
            self.close_down_to(self.open.len().saturating_sub(1));
        }
    }

    /// Makes room for an element; whether it may stand here.
    fn admit(&mut self, name: &str) -> bool {
        if let Some(parents) = parents(name) {
            let parent = self.open.iter().rposition(|open| parents.contains(open));
            if let Some(parent) = parent {
                self.close_down_to(parent.saturating_add(1));
            }
            return parent.is_some();
        }
        self.leave_table();
        name != "table" || !self.open.contains(&"table")
    }

    fn take(&mut self, tag: &str) {
        let body = tag.trim_start_matches('<');
        if let Some(closing) = body.strip_prefix('/') {
            let Some(name) = known(closing) else { return };
            if let Some(depth) = self.open.iter().rposition(|open| *open == name) {
                self.close_down_to(depth);
            }
            return;
        }
        match known(body) {
            Some("br" | "hr") => {
                self.leave_table();
                self.text.push_str(tag);
            }
            Some(name) if self.admit(name) && self.open.len() < MAX_DEPTH => {
                self.text.push_str(tag);
                self.open.push(name);
            }
            _ => {}
        }
    }

    fn close_down_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            let Some(name) = self.open.pop() else { return };
            self.text.push_str("</");
            self.text.push_str(name);
            self.text.push('>');
        }
    }
}

fn known(body: &str) -> Option<&'static str> {
    let end = body
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(body.len());
    let name = body.get(..end)?;
    ELEMENTS
        .iter()
        .chain(&DROPPED)
        .copied()
        .find(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::balance;

    #[test]
    fn closes_what_is_open_and_drops_what_is_not() {
        let cases = [
            ("<p>a<b>b</p>c", "<p>a<b>b</b></p>c"),
            ("</p>a", "a"),
            ("<table><td>a</td></table>", "<table></table>a"),
            (
                "<table><tr><td>a<td>b<tr><td>c</table>",
                "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>",
            ),
            (
                "<table> <tr>x<td>a<table><tr><td>b",
                "<table> <tr></tr></table>xa<table><tr><td>b</td></tr></table>",
            ),
            (
                "<table><tr><td><table>a",
                "<table><tr><td>a</td></tr></table>",
            ),
            ("a < b <3 <", "a &lt; b &lt;3 &lt;"),
            ("<p>a<br/>b", "<p>a<br/>b</p>"),
            ("<P CLASS=x>a</P>", "<P CLASS=x>a</p>"),
            ("<!-- <b> -->x", " -->x"),
        ];
        for (html, expected) in cases {
            assert_eq!(balance(html), expected, "{html}");
        }
    }

    #[test]
    fn cuts_depth() {
        let deep = balance(&"<b>".repeat(1000));
        assert_eq!(deep.matches("<b>").count(), 24);
        assert_eq!(deep.matches("</b>").count(), 24);
    }
}
