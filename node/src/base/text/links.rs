//! Where the links of a text lead that is for everybody to see.

use std::collections::HashSet;

use pulldown_cmark::{Event, LinkType, Parser, Tag};

use super::markup::OPTIONS;
use super::reading::{classes, href, is_spoiler, split_tag};

/// The targets of the links in sanitised HTML, in order: none within code or a spoiler, and none of
/// mentions and hashtags.
pub fn links(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut code: usize = 0;
    // For each open span, whether it hides.
    let mut spans: Vec<bool> = Vec::new();
    let mut rest = html;
    while let Some((_, tagged)) = rest.find('<').and_then(|at| rest.split_at_checked(at)) {
        let Some((tag, after)) = split_tag(tagged) else {
            break;
        };
        rest = after;
        let inner = tag.trim_matches(['<', '>']);
        let name = inner.trim_start_matches('/').split_whitespace().next();
        match (name.unwrap_or_default(), inner.starts_with('/')) {
            ("code" | "pre", false) => code = code.saturating_add(1),
            ("code" | "pre", true) => code = code.saturating_sub(1),
            ("span", false) => spans.push(is_spoiler(inner)),
            ("span", true) => {
                spans.pop();
            }
            ("a", false) if code == 0 && !spans.contains(&true) && !is_name(inner) => {
                found.push(href(inner));
            }
            _ => {}
        }
    }
    found
}

/// Whether a link stands for somebody or for a subject.
fn is_name(tag: &str) -> bool {
    classes(tag).any(|class| matches!(class, "mention" | "hashtag"))
}

/// The addresses that a Markdown text has in angle brackets, `<https://…>`.
pub fn bracketed(markdown: &str) -> HashSet<String> {
    let address = |event| match event {
        Event::Start(Tag::Link {
            link_type: LinkType::Autolink,
            dest_url,
            ..
        }) => Some(dest_url.into_string()),
        _ => None,
    };
    Parser::new_ext(markdown, OPTIONS)
        .filter_map(address)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{bracketed, links};
    use crate::base::text::{render, sanitise};

    #[test]
    fn finds_what_everybody_sees() {
        for (markdown, expected) in [
            (
                "see https://a.example/?x=1&y=2 there",
                vec!["https://a.example/?x=1&y=2"],
            ),
            (
                "[x](https://a.example/) https://b.example",
                vec!["https://a.example/", "https://b.example"],
            ),
            ("`https://a.example/`", vec![]),
            ("```\nhttps://a.example/\n```", vec![]),
            (
                "||https://a.example/ x|| https://b.example/",
                vec!["https://b.example/"],
            ),
            ("no link", vec![]),
        ] {
            assert_eq!(links(&render(markdown)), expected, "{markdown}");
        }
        let foreign = sanitise(
            "<p><a href=\"https://a.example/@bob\" class=\"u-url mention\">@bob</a> \
             <a href=\"https://a.example/tags/x\" class=\"mention hashtag\">#x</a> \
             <code><a href=\"https://c.example/\">c</a></code> \
             <a href=\"https://d.example/\">d</a></p>",
        );
        assert_eq!(links(&foreign), ["https://d.example/"]);
    }

    #[test]
    fn angle_brackets_are_found() {
        let found = bracketed("<https://a.example/x> https://b.example/ `<https://c.example/>`");
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            ["https://a.example/x"]
        );
    }
}
