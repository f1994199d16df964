//! Markdown to HTML, and the one rule by which HTML may leave this server.
//!
//! Called where a text is written and where one arrives from another node. Nothing here
//! touches a database or the network, and no input makes it panic or loop.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::Builder;
use pulldown_cmark::{Event, Options, Parser, html};

use super::balance::balance;
use super::inline::{Dressing, Target};
use super::names::Name;
use super::tables::Tables;

/// The elements that a message may have, all others lose their tags and keep their text.
pub(super) const ELEMENTS: [&str; 32] = [
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
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
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
            ("code", HashSet::from(["class"])),
            ("ol", HashSet::from(["start"])),
        ]))
        .allowed_classes(HashMap::from([
            ("a", HashSet::from(["mention", "hashtag", "u-url"])),
            ("span", HashSet::from(["h-card", "mention", "spoiler"])),
        ]))
        .attribute_filter(|element, attribute, value| {
            let is_kept = (element, attribute) != ("code", "class") || is_language(value);
            is_kept.then_some(Cow::Borrowed(value))
        })
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .link_rel(Some("nofollow noopener noreferrer"));
    builder
});

/// The Markdown that is understood beside `CommonMark`.
pub(super) const OPTIONS: Options = Options::ENABLE_STRIKETHROUGH.union(Options::ENABLE_TABLES);

/// A text as HTML, and whom it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    /// Sanitised HTML.
    pub html: String,
    /// The names outside of code and links, each once.
    pub names: Vec<Name>,
}

/// Renders Markdown as sanitised HTML, with links in the place of the names that have a target.
///
/// Raw HTML is shown as the text it is, an image becomes a link to it (so that reading a message
/// fetches nothing), a line break is kept, bare `http(s)` addresses become links, and `||x||` is a
/// spoiler.
#[expect(
    clippy::implicit_hasher,
    reason = "the names of a message are looked up in one kind of map"
)]
pub fn compose(markdown: &str, targets: &HashMap<Name, Target>) -> Composed {
    let (events, names) = dress(markdown, targets);
    let mut rendered = String::with_capacity(markdown.len().saturating_mul(2));
    html::push_html(&mut rendered, events.into_iter());
    Composed {
        html: sanitise(&rendered),
        names,
    }
}

/// Renders Markdown as sanitised HTML in which nobody is mentioned.
pub fn render(markdown: &str) -> String {
    compose(markdown, &HashMap::new()).html
}

/// Whom a Markdown text names outside of code and links, each once.
pub fn names(markdown: &str) -> Vec<Name> {
    dress(markdown, &HashMap::new()).1
}

fn dress<'a>(markdown: &'a str, targets: &HashMap<Name, Target>) -> (Vec<Event<'a>>, Vec<Name>) {
    let mut tables = Tables::default();
    let mut dressing = Dressing::new(markdown, targets);
    for (event, range) in Parser::new_ext(markdown, OPTIONS).into_offset_iter() {
        for event in tables.pass(event).into_iter().flatten() {
            dressing.take(event, range.start);
        }
    }
    dressing.finish()
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

/// Whether a class names the language of some code.
fn is_language(class: &str) -> bool {
    let allowed = |letter: char| {
        letter.is_ascii_alphanumeric() || matches!(letter, '+' | '#' | '-' | '_' | '.')
    };
    let name = class.strip_prefix("language-").unwrap_or_default();
    (1..=32).contains(&name.len()) && name.chars().all(allowed)
}
