//! What sanitised HTML says, as Markdown: the `content` of a message that came as HTML.
//!
//! Reads only what `markup::sanitise` wrote (balanced tags, escaped attributes), in one pass.

/// Reads sanitised HTML as Markdown or, where there is no markup, as the plain text it is.
pub fn read(html: &str) -> String {
    let mut reading = Reading::default();
    let mut rest = html;
    while let Some((text, tagged)) = rest.find('<').and_then(|at| rest.split_at_checked(at)) {
        reading.text(text);
        let Some((tag, after)) = split_tag(tagged) else {
            rest = tagged;
            break;
        };
        reading.tag(tag);
        rest = after;
    }
    reading.text(rest);
    reading.finish()
}

/// Reads sanitised HTML as text alone, wherever its links lead.
pub fn plain(html: &str) -> String {
    let mut output = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((text, tagged)) = rest.find('<').and_then(|at| rest.split_at_checked(at)) {
        output.push_str(text);
        let Some((_, after)) = split_tag(tagged) else {
            rest = tagged;
            break;
        };
        rest = after;
    }
    output.push_str(rest);
    unescape(&output)
}

/// The elements that stand within a line.
const INLINE: [&str; 12] = [
    "a", "b", "code", "del", "em", "i", "s", "span", "strong", "sub", "sup", "u",
];

/// The beginning of what sanitised HTML says, on one line; what a spoiler hides stays hidden.
pub fn excerpt(html: &str, limit: usize) -> String {
    let mut output = String::new();
    // For each open span, whether it hides.
    let mut spans: Vec<bool> = Vec::new();
    let mut rest = html;
    // A letter is four bytes at most, and five where it is escaped.
    let enough = limit.saturating_mul(5);
    while let Some((text, tagged)) = rest.find('<').and_then(|at| rest.split_at_checked(at)) {
        if !spans.contains(&true) {
            output.push_str(text);
        }
        rest = "";
        let Some((tag, after)) = split_tag(tagged).filter(|_| output.len() <= enough) else {
            break;
        };
        rest = after;
        let inner = tag.trim_matches(['<', '>']);
        let name = inner.trim_start_matches('/').split_whitespace().next();
        match (name.unwrap_or_default(), inner.starts_with('/')) {
            ("span", true) => {
                spans.pop();
            }
            ("span", false) => {
                let hides = is_spoiler(inner);
                if hides && !spans.contains(&true) {
                    output.push('…');
                }
                spans.push(hides);
            }
            (name, _) if !INLINE.contains(&name) => output.push(' '),
            _ => {}
        }
    }
    output.push_str(rest);
    let words = unescape(&output);
    let words: Vec<&str> = words.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default().trim_end()),
        None => line,
    }
}

/// `<…>` and what follows, minding that a quoted attribute may hold `>`.
pub(super) fn split_tag(tagged: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let end = tagged.char_indices().find_map(|(at, c)| {
        quoted ^= c == '"';
        (c == '>' && !quoted).then_some(at)
    })?;
    tagged.split_at_checked(end.checked_add(1)?)
}

#[derive(Default)]
struct Reading {
    output: String,
    /// Where the text of each open link began, and where it leads.
    links: Vec<(usize, String)>,
    preformatted: usize,
    /// For each open span, whether it is a spoiler.
    spans: Vec<bool>,
}

impl Reading {
    fn text(&mut self, escaped: &str) {
        let text = unescape(escaped);
        if self.preformatted > 0 {
            self.output.push_str(&text);
            return;
        }
        for c in text.chars() {
            if !c.is_whitespace() || c == '\u{a0}' {
                self.output.push(c);
            } else if !self.output.is_empty() && !self.output.ends_with(char::is_whitespace) {
                self.output.push(' ');
            }
        }
    }

    fn tag(&mut self, tag: &str) {
        let inner = tag.trim_matches(['<', '>']);
        let (closing, name) = match inner.strip_prefix('/') {
            Some(name) => (true, name),
            None => (false, inner.split_whitespace().next().unwrap_or_default()),
        };
        match (name, closing) {
            ("br", _) | ("tr", false) => self.line_break(),
            (
                "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "blockquote" | "hr"
                | "table",
                _,
            ) => {
                self.paragraph();
                if name == "blockquote" && !closing {
                    self.output.push_str("> ");
                }
            }
            ("pre", closing) => {
                self.paragraph();
                self.output.push_str("```\n");
                self.preformatted = if closing {
                    self.preformatted.saturating_sub(1)
                } else {
                    self.preformatted + 1
                };
            }
            ("li", false) => {
                self.line_break();
                self.output.push_str("- ");
            }
            ("strong" | "b", _) => self.output.push_str("**"),
            ("em" | "i", _) => self.output.push('*'),
            ("del" | "s", _) => self.output.push_str("~~"),
            ("code", _) if self.preformatted == 0 => self.output.push('`'),
            ("code", false) => self.language(inner),
            ("td" | "th", false) => self.cell(),
            ("span", false) => {
                let is_spoiler = is_spoiler(inner);
                self.spans.push(is_spoiler);
                if is_spoiler {
                    self.output.push_str("||");
                }
            }
            ("span", true) if self.spans.pop() == Some(true) => self.output.push_str("||"),
            ("a", false) => self.links.push((self.output.len(), href(inner))),
            ("a", true) => self.close_link(),
            _ => {}
        }
    }

    /// A link is written `[text](target)` unless its text is the target, a handle or a hashtag.
    fn close_link(&mut self) {
        let Some((start, target)) = self.links.pop() else {
            return;
        };
        let label = self
            .output
            .get(start..)
            .unwrap_or_default()
            .trim()
            .to_owned();
        let bare = target.trim_end_matches('/');
        let says_itself = label.is_empty()
            || label.starts_with(['@', '#'])
            || bare.ends_with(label.trim_end_matches('/'));
        if target.is_empty() || (says_itself && !label.is_empty() && label.starts_with(['@', '#']))
        {
            return;
        }
        self.output.truncate(start);
        if says_itself {
            self.output.push_str(&target);
        } else {
            self.output.extend(["[", &label, "](", &target, ")"]);
        }
    }

    /// The language of some code stands behind what opens it.
    fn language(&mut self, inner: &str) {
        let mut classes = classes(inner);
        let language = classes.find_map(|class| class.strip_prefix("language-"));
        if let Some(language) = language.filter(|_| self.output.ends_with("```\n")) {
            self.output.pop();
            self.output.push_str(&unescape(language));
            self.output.push('\n');
        }
    }

    fn cell(&mut self) {
        self.trim_spaces();
        if !self.output.is_empty() && !self.output.ends_with('\n') {
            self.output.push_str(" | ");
        }
    }

    fn line_break(&mut self) {
        self.trim_spaces();
        if !self.output.is_empty() {
            self.output.push('\n');
        }
    }

    fn paragraph(&mut self) {
        self.trim_spaces();
        if self.output.is_empty() || self.output.ends_with("\n\n") || self.output.ends_with("> ") {
            return;
        }
        self.output.push_str(if self.output.ends_with('\n') {
            "\n"
        } else {
            "\n\n"
        });
    }

    fn trim_spaces(&mut self) {
        if !self.output.ends_with("> ") && !self.output.ends_with("- ") {
            let kept = self.output.trim_end_matches(' ').len();
            self.output.truncate(kept);
        }
    }

    fn finish(self) -> String {
        self.output.trim().to_owned()
    }
}

pub(super) fn is_spoiler(inner: &str) -> bool {
    classes(inner).any(|class| class == "spoiler")
}

pub(super) fn classes(inner: &str) -> impl Iterator<Item = &str> {
    let value = inner
        .split_once("class=\"")
        .and_then(|(_, rest)| rest.split_once('"'));
    let value = value.map_or("", |(value, _)| value);
    value.split_whitespace()
}

pub(super) fn href(inner: &str) -> String {
    inner
        .split_once("href=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(target, _)| unescape(target))
        .unwrap_or_default()
}

/// Undoes the five escapes that the HTML serialiser writes.
fn unescape(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&nbsp;", "\u{a0}")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::{plain, read};

    #[test]
    fn plain_text_keeps_no_link() {
        for (html, text) in [
            (
                "<a href=\"https://x.example/?a&gt;b\">one &amp;lt; two</a>",
                "one &lt; two",
            ),
            (
                "<a href=\"https://x.example\"><span class=\"invisible\">https://</span>x.example</a>",
                "https://x.example",
            ),
            ("a <b", "a <b"),
            ("", ""),
        ] {
            assert_eq!(plain(html), text);
        }
    }

    #[test]
    fn reads_the_shapes_that_servers_send() {
        let cases = [
            ("secret from bovine", "secret from bovine"),
            ("<p>one</p><p>two<br>three</p>", "one\n\ntwo\nthree"),
            (
                "<p><span class=\"h-card\"><a class=\"u-url mention\" href=\"https://a.example/users/alice\" \
                 rel=\"x\">@alice</a></span> secret</p>",
                "@alice secret",
            ),
            ("<p>a &lt;b&gt; &amp;amp; c</p>", "a <b> &amp; c"),
            (
                "<p><strong>x</strong> and <code>y</code></p>",
                "**x** and `y`",
            ),
            (
                "<a href=\"https://a.example/?a=1&amp;b=2\">here</a>",
                "[here](https://a.example/?a=1&b=2)",
            ),
            (
                "<a href=\"https://a.example/\">https://a.example</a>",
                "https://a.example/",
            ),
            ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
            ("<blockquote><p>q</p></blockquote><p>r</p>", "> q\n\nr"),
            (
                "<p>a <span class=\"spoiler\">b <span>c</span></span></p>",
                "a ||b c||",
            ),
            (
                "<pre><code class=\"language-rust\">let x;\n</code></pre>",
                "```rust\nlet x;\n\n```",
            ),
            ("", ""),
        ];
        for (html, expected) in cases {
            assert_eq!(read(html), expected, "{html}");
        }
    }
}
