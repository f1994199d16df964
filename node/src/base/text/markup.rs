//! Markdown to HTML, and the one rule by which HTML may leave this server.
//!
//! Called where a text is written and where one arrives from another node. Nothing here
//! touches a database or the network, and no input makes it panic or loop.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::Builder;
use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd, TextMergeStream, html};

use super::balance::balance;

/// The elements that a message may have, all others lose their tags and keep their text.
pub(super) const ELEMENTS: [&str; 26] = [
    "a",
    "b",
    "blockquote",
    "br",
    "code",
    "del",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "span",
    "strong",
    "sub",
    "sup",
    "u",
    "ul",
];

/// The elements that go with all that is in them.
pub(super) const DROPPED: [&str; 2] = ["script", "style"];

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder
        .tags(HashSet::from(ELEMENTS))
        .clean_content_tags(HashSet::from(DROPPED))
        .tag_attributes(HashMap::from([
            ("a", HashSet::from(["href"])),
            ("ol", HashSet::from(["start"])),
        ]))
        .allowed_classes(HashMap::from([
            ("a", HashSet::from(["mention", "hashtag", "u-url"])),
            ("span", HashSet::from(["h-card", "mention"])),
        ]))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .link_rel(Some("nofollow noopener noreferrer"));
    builder
});

/// Renders Markdown as sanitised HTML.
///
/// Raw HTML is shown as the text it is, an image becomes a link to it (so that reading a message
/// fetches nothing), a line break is kept, and bare `http(s)` addresses become links.
pub fn render(markdown: &str) -> String {
    let mut rendered = String::with_capacity(markdown.len().saturating_mul(2));
    let parser = Parser::new_ext(markdown, Options::ENABLE_STRIKETHROUGH);
    let merged = TextMergeStream::new(parser.map(as_chat));
    let mut linked = 0_usize;
    let events = merged.flat_map(move |event| {
        match &event {
            Event::Start(Tag::Link { .. } | Tag::CodeBlock(_)) => linked += 1,
            Event::End(TagEnd::Link | TagEnd::CodeBlock) => linked = linked.saturating_sub(1),
            _ => {}
        }
        match event {
            Event::Text(text) if linked == 0 && has_address(&text) => link_addresses(&text),
            other => vec![other],
        }
    });
    html::push_html(&mut rendered, events);
    sanitise(&rendered)
}

/// Keeps of some HTML only what a message may carry.
///
/// # Security
/// The input may come from anybody. No script, style, event handler, form, image, frame or
/// relative link survives. Tags are balanced and cut to a fixed depth before a tree is built, so
/// that the work stays linear in the length of the input.
pub fn sanitise(html: &str) -> String {
    SANITISER
        .clean(&balance(html))
        .to_string()
        .trim_end()
        .to_owned()
}

fn as_chat(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(raw) | Event::InlineHtml(raw) => Event::Text(raw),
        Event::SoftBreak => Event::HardBreak,
        Event::Start(Tag::Image {
            link_type,
            dest_url,
            title,
            id,
        }) => Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }),
        Event::End(TagEnd::Image) => Event::End(TagEnd::Link),
        other => other,
    }
}

fn has_address(text: &str) -> bool {
    text.contains("https://") || text.contains("http://")
}

/// Splits a run of text into text and links at each bare address.
fn link_addresses(text: &str) -> Vec<Event<'static>> {
    let mut events = Vec::new();
    let mut rest = text;
    while let Some((before, address, after)) = next_address(rest) {
        events.push(Event::Text(before.to_owned().into()));
        let link = || address.to_owned().into();
        events.push(Event::Start(Tag::Link {
            link_type: LinkType::Autolink,
            dest_url: link(),
            title: "".into(),
            id: "".into(),
        }));
        events.push(Event::Text(link()));
        events.push(Event::End(TagEnd::Link));
        rest = after;
    }
    events.push(Event::Text(rest.to_owned().into()));
    events
}

fn next_address(text: &str) -> Option<(&str, &str, &str)> {
    let start = ["https://", "http://"]
        .iter()
        .filter_map(|scheme| text.find(scheme))
        .min()?;
    let (before, found) = text.split_at_checked(start)?;
    let end = found
        .find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"'))
        .unwrap_or(found.len());
    let address = found
        .get(..end)?
        .trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', ')', ']', '*', '_']);
    let after = found.get(address.len()..)?;
    Some((before, address, after))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{render, sanitise};

    #[test]
    fn renders_the_markdown_of_a_chat() {
        let cases = [
            ("hello", "<p>hello</p>"),
            (
                "**a** _b_ ~~c~~ `d`",
                "<p><strong>a</strong> <em>b</em> <del>c</del> <code>d</code></p>",
            ),
            ("one\ntwo", "<p>one<br>\ntwo</p>"),
            ("1 < 2 && 3 > 2", "<p>1 &lt; 2 &amp;&amp; 3 &gt; 2</p>"),
            (
                "see https://a.example/b_c_d?x=1, ok",
                "<p>see <a href=\"https://a.example/b_c_d?x=1\" rel=\"nofollow noopener noreferrer\">\
                 https://a.example/b_c_d?x=1</a>, ok</p>",
            ),
            (
                "`https://a.example`",
                "<p><code>https://a.example</code></p>",
            ),
        ];
        for (markdown, expected) in cases {
            assert_eq!(render(markdown), expected, "{markdown}");
        }
    }

    #[test]
    fn shows_raw_html_and_loads_no_image() {
        assert_eq!(
            render("<b onclick=x>hi</b>"),
            "<p>&lt;b onclick=x&gt;hi&lt;/b&gt;</p>"
        );
        let image = render("![alt](https://a.example/i.png)");
        assert!(
            image.contains("<a href=") && !image.contains("<img"),
            "{image}"
        );
    }

    #[test]
    fn sanitise_leaves_nothing_that_runs_or_fetches() {
        let hostile = [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "<a href=\"javascript:alert(1)\">x</a>",
            "<a href=\"JaVaScRiPt&colon;alert(1)\">x</a>",
            "<p style=\"background:url(https://a.example)\" onclick=alert(1)>x</p>",
            "<svg><script>alert(1)</script></svg>",
            "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
            "<iframe src=https://a.example></iframe>",
            "<form action=https://a.example><input name=x></form>",
            "<a href=\"data:text/html,<script>alert(1)</script>\">x</a>",
            "<a title=\"><script>alert(1)</script>\">x</a>",
            "<!--><img src=x onerror=alert(1)>-->",
        ];
        for html in hostile {
            let clean = sanitise(html);
            for banned in [
                "<script",
                "<img",
                "<svg",
                "<iframe",
                "<form",
                "<input",
                "<style",
                "href=\"java",
                "href=\"data",
                "onclick=\"",
                "<p style",
            ] {
                assert!(!clean.contains(banned), "{html} gave {clean}");
            }
        }
    }

    #[test]
    fn hostile_nesting_takes_linear_time() {
        let began = Instant::now();
        for unit in [
            "<b>",
            "<div><b x=1>",
            "<p><b>",
            "<b></i>",
            "<a><a>",
            "<ul><li>",
            "<",
            "<p><i></p>",
        ] {
            let clean = sanitise(&unit.repeat(65_536 / unit.len()));
            assert!(clean.len() < 400_000, "{unit} grew to {}", clean.len());
        }
        for unit in [">", "*a", "[", "![", "- ", "`", "~~", "<a", "_*"] {
            render(&unit.repeat(8_000 / unit.len()));
        }
        let took = began.elapsed();
        assert!(took.as_secs() < 10, "took {took:?}");
    }
}
