//! What stands between the marks of Markdown: spoilers, bare addresses and names.

use std::collections::{HashMap, HashSet};

use pulldown_cmark::{Event, LinkType, Tag, TagEnd};

use super::names::{Name, Piece, pieces};

/// What opens a spoiler, and what closes it.
const SPOILER: (&str, &str) = ("<span class=\"spoiler\">", "</span>");

/// Whom a name stands for, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What is shown.
    pub text: String,
    /// The page or actor of the person; none where several are meant.
    pub href: Option<String>,
}

impl Target {
    /// The microformat that servers of the fediverse give mentions (h-card).
    fn html(&self) -> String {
        let text = escape(&self.text);
        match &self.href {
            Some(href) => format!(
                "<span class=\"h-card\"><a href=\"{}\" class=\"u-url mention\">{text}</a></span>",
                escape(href)
            ),
            None => format!("<span class=\"mention\">{text}</span>"),
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Turns the events of a Markdown text into those that are shown.
pub(super) struct Dressing<'a, 't> {
    markdown: &'a str,
    targets: &'t HashMap<Name, Target>,
    events: Vec<Event<'a>>,
    /// Neighbouring text, which is read as one.
    text: String,
    /// For each open inline element, where its last unmatched bars are among the events.
    bars: Vec<Option<usize>>,
    /// Open links and code blocks, in which nothing is read.
    closed: usize,
    names: Vec<Name>,
    known: HashSet<Name>,
}

impl<'a, 't> Dressing<'a, 't> {
    pub(super) fn new(markdown: &'a str, targets: &'t HashMap<Name, Target>) -> Self {
        Self {
            markdown,
            targets,
            events: Vec::new(),
            text: String::new(),
            bars: vec![None],
            closed: 0,
            names: Vec::new(),
            known: HashSet::new(),
        }
    }

    /// Takes the next event, which begins at this byte of the text.
    pub(super) fn take(&mut self, event: Event<'a>, at: usize) {
        match event {
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => {
                if self.closed > 0 {
                    self.events.push(Event::Text(text));
                } else {
                    self.read(&text, at);
                }
            }
            Event::SoftBreak => self.push(Event::HardBreak),
            // Reading a message fetches nothing, so a picture is a link to it.
            Event::Start(Tag::Image {
                link_type,
                dest_url,
                title,
                id,
            }) => self.start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            }),
            Event::End(TagEnd::Image) => self.end(TagEnd::Link),
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            other => self.push(other),
        }
    }

    /// What is shown, and whom it names, each once.
    pub(super) fn finish(mut self) -> (Vec<Event<'a>>, Vec<Name>) {
        self.flush();
        (self.events, self.names)
    }

    fn push(&mut self, event: Event<'a>) {
        self.flush();
        self.events.push(event);
    }

    fn start(&mut self, tag: Tag<'a>) {
        self.flush();
        if matches!(tag, Tag::Link { .. } | Tag::CodeBlock(_)) {
            self.closed = self.closed.saturating_add(1);
        }
        if is_inline(tag.to_end()) {
            self.bars.push(None);
        } else {
            self.bars = vec![None];
        }
        self.events.push(Event::Start(tag));
    }

    fn end(&mut self, tag: TagEnd) {
        self.flush();
        if matches!(tag, TagEnd::Link | TagEnd::CodeBlock) {
            self.closed = self.closed.saturating_sub(1);
        }
        if is_inline(tag) {
            self.bars.pop();
        } else {
            self.bars = vec![None];
        }
        self.events.push(Event::End(tag));
    }

    /// A letter behind a backslash means nothing but itself.
    fn read(&mut self, text: &str, at: usize) {
        let before = at.checked_sub(1);
        let before = before.and_then(|before| self.markdown.as_bytes().get(before));
        let escaped = text.starts_with(['@', '|', '<']) && before == Some(&b'\\');
        match text.split_at_checked(1).filter(|_| escaped) {
            Some((letter, rest)) => {
                self.push(Event::Text(letter.to_owned().into()));
                self.text.push_str(rest);
            }
            None => self.text.push_str(text),
        }
    }

    fn flush(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let text = std::mem::take(&mut self.text);
        for piece in pieces(&text) {
            match piece {
                Piece::Text(text) => self.events.push(Event::Text(text.to_owned().into())),
                Piece::Address(address) => self.link(address),
                Piece::Named(name, written) => self.name(name, written),
                Piece::Bars => self.spoiler(),
            }
        }
    }

    fn link(&mut self, address: &str) {
        let tag = Tag::Link {
            link_type: LinkType::Autolink,
            dest_url: address.to_owned().into(),
            title: "".into(),
            id: "".into(),
        };
        self.events.push(Event::Start(tag));
        self.events.push(Event::Text(address.to_owned().into()));
        self.events.push(Event::End(TagEnd::Link));
    }

    fn name(&mut self, name: Name, written: &str) {
        self.events.push(match self.targets.get(&name) {
            Some(target) => Event::InlineHtml(target.html().into()),
            None => Event::Text(written.to_owned().into()),
        });
        if self.known.insert(name.clone()) {
            self.names.push(name);
        }
    }

    /// Closes the spoiler that is open in this element, or opens one that may be closed later.
    fn spoiler(&mut self) {
        let next = self.events.len();
        let open = self.bars.last().copied().flatten();
        // What is empty hides nothing.
        let open = open.filter(|open| open.saturating_add(1) < next);
        let opening = open.and_then(|open| self.events.get_mut(open));
        let is_closed = opening.is_some();
        if let Some(event) = opening {
            *event = Event::InlineHtml(SPOILER.0.into());
        }
        self.events.push(if is_closed {
            Event::InlineHtml(SPOILER.1.into())
        } else {
            Event::Text("||".into())
        });
        if let Some(bars) = self.bars.last_mut() {
            *bars = (!is_closed).then_some(next);
        }
    }
}

/// Whether an element stands within a line, so that a spoiler may go around it.
fn is_inline(tag: TagEnd) -> bool {
    matches!(
        tag,
        TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::Link
    )
}
