//! What a page of anybody says of itself: its title, what it is about, and the name of its site.
//!
//! Reads Open Graph (<https://ogp.me/>), the cards of Twitter, and what HTML itself has for it
//! (HTML s4.2), with the tokenizer of html5ever and no tree.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

/// Bytes that the tokenizer gets at once.
const PIECE: usize = 1024;
/// Bytes of one tag or comment at most: looking for attributes that come twice takes a time that
/// grows with the square of their number.
const LONGEST_TOKEN: usize = 16 * 1024;
/// Tags that are looked at.
const MOST_TAGS: usize = 5_000;
/// Bytes of one text that are read.
const MOST_BYTES: usize = 16 * 1024;

/// Characters of a title at most.
pub const TITLE: usize = 300;
/// Characters of a description at most.
pub const DESCRIPTION: usize = 500;
/// Characters of the name of a site at most.
pub const SITE_NAME: usize = 100;

/// The names of `meta` elements that are read.
const NAMES: [&str; 6] = [
    "og:title",
    "twitter:title",
    "og:description",
    "twitter:description",
    "description",
    "og:site_name",
];

/// What a page says of itself: plain texts on one line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Its title.
    pub title: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// The name of the site.
    pub site_name: Option<String>,
}

/// Reads the head of an HTML page.
///
/// # Security
/// The input may come from anybody, and be cut anywhere. The work is bounded by its length: reading
/// ends with the head, at a tag that is too long, and after a number of tags. The texts that come out
/// are no HTML: they are to be escaped where they are shown.
pub fn head(html: &str) -> Head {
    let tokenizer = Tokenizer::new(Reader::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    let (mut rest, mut since_token) = (html, 0_usize);
    while let Some((piece, after)) = split(rest) {
        let before = tokenizer.sink.tokens.get();
        input.push_back(StrTendril::from_slice(piece));
        // The reader never asks for a pause.
        let _done = tokenizer.feed(&input);
        if tokenizer.sink.is_done.get() {
            break;
        }
        since_token = if tokenizer.sink.tokens.get() == before {
            since_token.saturating_add(piece.len())
        } else {
            0
        };
        if since_token > LONGEST_TOKEN {
            break;
        }
        rest = after;
    }
    tokenizer.sink.head()
}

/// The next piece of a text, and what follows it; `None` at the end.
fn split(text: &str) -> Option<(&str, &str)> {
    if text.is_empty() {
        return None;
    }
    // A letter is four bytes at most.
    let ends = (PIECE..PIECE.saturating_add(4)).find_map(|at| text.split_at_checked(at));
    Some(ends.unwrap_or((text, "")))
}

/// Takes the tokens of a page.
#[derive(Default)]
struct Reader {
    named: RefCell<HashMap<&'static str, String>>,
    title: RefCell<String>,
    /// Whether what comes is the title.
    is_title: Cell<bool>,
    /// Whether a title was there.
    has_title: Cell<bool>,
    /// Tokens that came.
    tokens: Cell<usize>,
    tags: Cell<usize>,
    is_done: Cell<bool>,
}

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        if !matches!(token, Token::ParseError(_)) {
            self.tokens.set(self.tokens.get().saturating_add(1));
        }
        if self.is_done.get() {
            return TokenSinkResult::Continue;
        }
        match token {
            Token::TagToken(tag) => return self.tag(&tag),
            Token::CharacterTokens(text) if self.is_title.get() => {
                let mut title = self.title.borrow_mut();
                if title.len() < MOST_BYTES {
                    title.push_str(&text);
                }
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Reader {
    fn tag(&self, tag: &Tag) -> TokenSinkResult<()> {
        self.tags.set(self.tags.get().saturating_add(1));
        if self.tags.get() > MOST_TAGS {
            self.is_done.set(true);
            return TokenSinkResult::Continue;
        }
        match (tag.kind, &*tag.name) {
            (TagKind::StartTag, "title") => {
                self.is_title.set(!self.has_title.replace(true));
                return TokenSinkResult::RawData(RawKind::Rcdata);
            }
            (TagKind::EndTag, "title") => self.is_title.set(false),
            (TagKind::StartTag, "textarea") => return TokenSinkResult::RawData(RawKind::Rcdata),
            (TagKind::StartTag, "script") => {
                return TokenSinkResult::RawData(RawKind::ScriptData);
            }
            (TagKind::StartTag, "style" | "xmp" | "iframe" | "noembed" | "noframes") => {
                return TokenSinkResult::RawData(RawKind::Rawtext);
            }
            (TagKind::StartTag, "meta") => self.meta(tag),
            (TagKind::StartTag, "body") | (TagKind::EndTag, "head") => self.is_done.set(true),
            _ => {}
        }
        TokenSinkResult::Continue
    }

    fn meta(&self, tag: &Tag) {
        let attribute = |name: &str| {
            let mut attributes = tag.attrs.iter();
            let found = attributes.find(|attribute| &*attribute.name.local == name);
            found.map(|attribute| &*attribute.value)
        };
        let name = attribute("property").or_else(|| attribute("name"));
        let name = name.map(str::trim).unwrap_or_default();
        let mut names = NAMES.into_iter();
        let known = names.find(|known| known.eq_ignore_ascii_case(name));
        let (Some(known), Some(content)) = (known, attribute("content")) else {
            return;
        };
        if content.len() <= MOST_BYTES && !content.trim().is_empty() {
            let mut kept = self.named.borrow_mut();
            kept.entry(known).or_insert_with(|| content.to_owned());
        }
    }

    fn head(&self) -> Head {
        let named = self.named.borrow();
        let title = self.title.borrow();
        let first = |names: &[&str], limit| {
            let mut texts = names.iter().filter_map(|name| named.get(*name));
            texts.find_map(|text| line(text, limit))
        };
        Head {
            title: first(&["og:title", "twitter:title"], TITLE).or_else(|| line(&title, TITLE)),
            description: first(
                &["og:description", "twitter:description", "description"],
                DESCRIPTION,
            ),
            site_name: first(&["og:site_name"], SITE_NAME),
        }
    }
}

/// A text on one line, cut to `limit` characters; none when it is empty, or has letters that could
/// not be read, as in a page that is not UTF-8.
fn line(text: &str, limit: usize) -> Option<String> {
    if text.contains('\u{fffd}') {
        return None;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let words = words.join(" ");
    let letters = words.chars().filter(|letter| is_plain(*letter));
    let line: String = letters.take(limit).collect();
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// Whether a letter is seen, and neither controls anything nor turns the direction of what follows.
fn is_plain(letter: char) -> bool {
    !letter.is_control()
        && !matches!(
            letter,
            '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        )
        && !matches!(letter, '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
