//! Where a text names somebody or leads somewhere: `@name`, `@name@domain`, `<@&id>`, bare
//! addresses, and the bars of a spoiler.
//!
//! Each letter is looked at a fixed number of times, whatever the text.

use crate::base::ids::CommunityRoleId;

/// Bytes in a name at most.
const MAX_NAME: usize = 128;
/// Bytes in a domain with its port at most.
const MAX_DOMAIN: usize = 260;
/// Characters of an id, as ids are written.
const ID: usize = 36;
/// What stands before the id of a role, and behind it.
const ROLE: (&str, &str) = ("<@&", ">");

/// Somebody, or several, as a text names them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// `@name`, in lower case: a member, a role, or everybody.
    Word(String),
    /// `@name@domain`, in lower case.
    Handle(String, String),
    /// `<@&id>`.
    Role(CommunityRoleId),
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Letters that mean nothing else.
    Text(&'a str),
    /// A bare address.
    Address(&'a str),
    /// A name, and how it is written.
    Named(Name, &'a str),
    /// `||`, which opens or closes a spoiler.
    Bars,
}

/// Takes a text apart.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut plain, mut at) = (0, 0);
    let mut previous = None;
    while let Some(rest) = text.get(at..) {
        let Some(letter) = rest.chars().next() else {
            break;
        };
        let found = match letter {
            'h' => address(rest),
            '@' if !joins(previous) => named(rest),
            '<' => role(rest),
            '|' => rest.starts_with("||").then_some((Piece::Bars, 2)),
            _ => None,
        };
        let mut length = letter.len_utf8();
        if let Some((piece, taken)) = found {
            push_text(&mut pieces, text.get(plain..at));
            pieces.push(piece);
            length = taken;
            plain = at.saturating_add(length);
        }
        previous = rest
            .get(..length)
            .and_then(|taken| taken.chars().next_back());
        at = at.saturating_add(length);
    }
    push_text(&mut pieces, text.get(plain..));
    pieces
}

fn push_text<'a>(pieces: &mut Vec<Piece<'a>>, text: Option<&'a str>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        pieces.push(Piece::Text(text));
    }
}

/// Whether an `@` behind this letter is part of something else, such as an e-mail address.
fn joins(previous: Option<char>) -> bool {
    previous.is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '@' | '/'))
}

/// The longest beginning that has these letters alone.
fn run(text: &str, allowed: impl Fn(char) -> bool) -> &str {
    let end = text.find(|letter| !allowed(letter));
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

fn is_letter(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '-')
}

fn named(rest: &str) -> Option<(Piece<'_>, usize)> {
    let text = rest.strip_prefix('@')?;
    let (name, length) = handle(text).or_else(|| word(text))?;
    let length = length.saturating_add(1);
    Some((Piece::Named(name, rest.get(..length)?), length))
}

/// `name@domain`, and its length.
fn handle(text: &str) -> Option<(Name, usize)> {
    let name = run(text, |letter| is_letter(letter) || letter == '.');
    let fits = (1..=MAX_NAME).contains(&name.len()) && !name.starts_with(['.', '-']);
    let after = text.get(name.len()..)?.strip_prefix('@')?;
    let domain = domain(after).filter(|_| fits && !name.ends_with(['.', '-']))?;
    let length = name.len().saturating_add(domain.len()).saturating_add(1);
    let handle = Name::Handle(name.to_lowercase(), domain.to_lowercase());
    Some((handle, length))
}

/// `domain` or `domain:port`.
fn domain(text: &str) -> Option<&str> {
    let host = run(text, |letter| {
        letter.is_alphanumeric() || matches!(letter, '.' | '-')
    });
    let port = text.get(host.len()..).and_then(|after| {
        let digits = run(after.strip_prefix(':')?, |letter| letter.is_ascii_digit());
        (1..=5).contains(&digits.len()).then_some(digits)
    });
    let found = match port {
        Some(port) => text.get(..host.len().saturating_add(port.len()).saturating_add(1))?,
        None => host.trim_end_matches(['.', '-']),
    };
    let fits = (1..=MAX_DOMAIN).contains(&found.len());
    Some(found).filter(|_| fits && found.starts_with(char::is_alphanumeric))
}

/// A name alone, and its length.
fn word(text: &str) -> Option<(Name, usize)> {
    let word = run(text, is_letter).trim_end_matches(['-', '_']);
    let fits = (1..=MAX_NAME).contains(&word.len());
    fits.then(|| (Name::Word(word.to_lowercase()), word.len()))
}

fn role(rest: &str) -> Option<(Piece<'_>, usize)> {
    let id = rest.strip_prefix(ROLE.0)?;
    let (id, after) = id.split_at_checked(ID)?;
    let id: CommunityRoleId = id.parse().ok()?;
    after.strip_prefix(ROLE.1)?;
    let length = ROLE.0.len() + ID + ROLE.1.len();
    Some((Piece::Named(Name::Role(id), rest.get(..length)?), length))
}

fn address(rest: &str) -> Option<(Piece<'_>, usize)> {
    let schemes = ["https://", "http://"];
    let scheme = schemes.iter().find(|scheme| rest.starts_with(**scheme))?;
    let end = |letter: char| letter.is_whitespace() || matches!(letter, '<' | '>' | '"' | '|');
    let address = trimmed(run(rest, |letter| !end(letter)));
    (address.len() > scheme.len()).then_some((Piece::Address(address), address.len()))
}

/// An address without the punctuation of the sentence around it.
fn trimmed(found: &str) -> &str {
    let opened = found.matches('(').count();
    let mut closed = found.matches(')').count();
    let mut address = found;
    while let Some(last) = address.chars().next_back() {
        match last {
            ')' if closed > opened => closed -= 1,
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | ']' | '*' | '_' => {}
            _ => break,
        }
        let kept = address.len().saturating_sub(last.len_utf8());
        address = address.get(..kept).unwrap_or_default();
    }
    address
}

#[cfg(test)]
mod tests {
    use super::{Name, Piece, pieces};

    fn names(text: &str) -> Vec<(Name, &str)> {
        let named = |piece| match piece {
            Piece::Named(name, written) => Some((name, written)),
            _ => None,
        };
        pieces(text).into_iter().filter_map(named).collect()
    }

    fn word(name: &str) -> Name {
        Name::Word(name.to_owned())
    }

    fn handle(name: &str, domain: &str) -> Name {
        Name::Handle(name.to_owned(), domain.to_owned())
    }

    #[test]
    fn finds_names_between_other_letters() {
        let role = "0197a3c2-7b1e-7c55-8f00-6b7d2f6f1a11";
        let cases = [
            ("@Bob, hi", vec![(word("bob"), "@Bob")]),
            (
                "(@bob) @ann.",
                vec![(word("bob"), "@bob"), (word("ann"), "@ann")],
            ),
            ("@bob's hat", vec![(word("bob"), "@bob")]),
            ("@the-millers-", vec![(word("the-millers"), "@the-millers")]),
            (
                "@Bob@B.example: hi",
                vec![(handle("bob", "b.example"), "@Bob@B.example")],
            ),
            (
                "@bob@127.0.0.1:8080.",
                vec![(handle("bob", "127.0.0.1:8080"), "@bob@127.0.0.1:8080")],
            ),
            ("bob@b.example", vec![]),
            ("@@bob", vec![]),
            ("https://a.example/@bob", vec![]),
            ("@", vec![]),
            ("@-", vec![]),
        ];
        for (text, expected) in cases {
            assert_eq!(names(text), expected, "{text}");
        }
        let written = format!("<@&{role}>");
        let found = names(&written);
        assert_eq!(
            found,
            [(Name::Role(role.parse().unwrap()), written.as_str())]
        );
        assert!(names(&format!("<@&{role}")).is_empty());
        assert!(names(&format!("@{}", "x".repeat(200))).is_empty());
    }

    #[test]
    fn addresses_end_where_the_sentence_goes_on() {
        let address = |text| match pieces(text).into_iter().nth(1) {
            Some(Piece::Address(address)) => Some(address),
            _ => None,
        };
        let cases = [
            (
                "x https://a.example/b_(c).",
                Some("https://a.example/b_(c)"),
            ),
            ("(https://a.example/b)", Some("https://a.example/b")),
            ("||https://a.example||", Some("https://a.example")),
            ("a https://. b", None),
        ];
        for (text, expected) in cases {
            assert_eq!(address(text), expected, "{text}");
        }
    }
}
