//! What becomes of Markdown and of hostile HTML, and how long it takes.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use proptest::prelude::*;

use super::markup::ELEMENTS;
use super::{Name, Target, compose, excerpt, names, read, render, sanitise};

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
            "`https://a.example @bob ||x||`",
            "<p><code>https://a.example @bob ||x||</code></p>",
        ),
        ("- [ ] a", "<ul>\n<li>[ ] a</li>\n</ul>"),
        (
            "```rust\nlet x = 1;\n```",
            "<pre><code class=\"language-rust\">let x = 1;\n</code></pre>",
        ),
        ("```\"><b>\nx\n```", "<pre><code>x\n</code></pre>"),
    ];
    for (markdown, expected) in cases {
        assert_eq!(render(markdown), expected, "{markdown}");
    }
}

#[test]
fn spoilers_go_around_what_stands_in_one_element() {
    let cases = [
        (
            "a ||b **c**|| d",
            "<p>a <span class=\"spoiler\">b <strong>c</strong></span> d</p>",
        ),
        (
            "||a|| ||b||",
            "<p><span class=\"spoiler\">a</span> <span class=\"spoiler\">b</span></p>",
        ),
        (
            "**||a||**",
            "<p><strong><span class=\"spoiler\">a</span></strong></p>",
        ),
        ("||a **b|| c**", "<p>||a <strong>b|| c</strong></p>"),
        ("||||", "<p>||||</p>"),
        ("||a\n\nb||", "<p>||a</p>\n<p>b||</p>"),
        ("\\||a||", "<p>||a||</p>"),
    ];
    for (markdown, expected) in cases {
        assert_eq!(render(markdown), expected, "{markdown}");
    }
}

#[test]
fn tables_are_shown_while_they_are_small() {
    let small = render("| a | b |\n|---|---|\n| c | d |");
    for part in ["<table>", "<th>a</th>", "<td>d</td>", "</table>"] {
        assert!(small.contains(part), "{small}");
    }
    assert_eq!(read(&small), "a | b\nc | d");
    // Few letters, but a quarter of a million cells.
    let wide = format!(
        "{}\n{}\n{}",
        "|a".repeat(1000),
        "|-".repeat(1000),
        "|x\n".repeat(900)
    );
    let shown = render(&wide);
    assert!(
        !shown.contains("<table>") && shown.len() < 50_000,
        "{}",
        shown.len()
    );
    let long = render(&format!("|a|b|\n|-|-|\n{}", "|c|d|\n".repeat(2000)));
    assert_eq!(long.matches("<td>").count(), 998);
    assert_eq!(long.matches("c d").count(), 2000 - 499);
}

#[test]
fn names_become_links_where_they_have_a_target() {
    let bob = Target {
        text: "@bob".to_owned(),
        href: Some("https://a.example/users/bob?x=1&y".to_owned()),
    };
    let all = Target {
        text: "@<all>".to_owned(),
        href: None,
    };
    let targets = HashMap::from([
        (Name::Word("bob".to_owned()), bob),
        (Name::Word("everyone".to_owned()), all),
    ]);
    let composed = compose(
        "@Bob **@everyone** `@bob` [@bob](https://x.example) @ann",
        &targets,
    );
    let word = |name: &str| Name::Word(name.to_owned());
    assert_eq!(composed.names, [word("bob"), word("everyone"), word("ann")]);
    for part in [
        "<span class=\"h-card\"><a href=\"https://a.example/users/bob?x=1&amp;y\" class=\"u-url mention\"",
        ">@bob</a></span>",
        "<strong><span class=\"mention\">@&lt;all&gt;</span></strong>",
        "<code>@bob</code>",
        " @ann</p>",
    ] {
        assert!(composed.html.contains(part), "{part} in {}", composed.html);
    }
    assert_eq!(composed.html.matches("u-url mention").count(), 1);
    assert!(names("\\@bob `@bob`\n\n    @bob\n\n```\n@bob\n```").is_empty());
    assert_eq!(names("a_b @bob_c @bob_c"), [word("bob_c")]);
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
fn excerpts_are_one_line_and_keep_spoilers_hidden() {
    let html = render("# One\n\ntwo ||three **four**|| &amp; `five`\n\n- six");
    assert_eq!(excerpt(&html, 100), "One two … & five six");
    assert_eq!(excerpt(&html, 5), "One t…");
    assert_eq!(excerpt("", 5), "");
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
        "<table background=x><tr><td onclick=\"x\">y<img src=x></table>",
        "<code class=\"language-x onclick=\">y</code>",
    ];
    for html in hostile {
        let clean = sanitise(html);
        for banned in BANNED {
            assert!(!clean.contains(banned), "{html} gave {clean}");
        }
    }
}

/// What no clean HTML holds.
const BANNED: [&str; 12] = [
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
    "background=",
];

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
        "<table>x<b>",
        "<table><tr>x",
        "<td>",
    ] {
        let clean = sanitise(&unit.repeat(65_536 / unit.len()));
        assert!(clean.len() < 700_000, "{unit} grew to {}", clean.len());
    }
    for unit in [
        ">",
        "*a",
        "[",
        "![",
        "]",
        "[a](",
        "- ",
        "`",
        "~~",
        "<a",
        "_*",
        "@",
        "@a ",
        "@a@",
        "@a@b ",
        "||",
        "||a",
        "**||",
        "https://",
        "http://a ",
        "<@&",
        "|-",
        "\\|",
        "a|b\n-|-\n",
    ] {
        let html = render(&unit.repeat(100_000 / unit.len()));
        assert!(html.len() < 20_000_000, "{unit} grew to {}", html.len());
    }
    let took = began.elapsed();
    assert!(took.as_secs() < 60, "took {took:?}");
}

/// The names of all elements of some HTML are among those that a message may have.
fn is_clean(html: &str) -> bool {
    let name = |tag: &str| {
        let name = tag.trim_start_matches('/');
        let end = name.find(|letter: char| !letter.is_ascii_alphanumeric());
        let name = name.get(..end.unwrap_or(name.len()));
        name.unwrap_or_default().to_owned()
    };
    let mut names = html.split('<').skip(1).map(name);
    names.all(|name| ELEMENTS.contains(&name.as_str()))
        && !BANNED.iter().any(|it| html.contains(it))
}

proptest! {
    #[test]
    fn whatever_is_written_is_clean(
        text in "[a-c@|*_~`<>&\\[\\]()#\\-\\n \\\\:/.!ht\"=]{0,200}"
    ) {
        let html = render(&text);
        prop_assert!(is_clean(&html), "{}", html);
        read(&html);
        excerpt(&html, 20);
    }

    #[test]
    fn whatever_comes_is_clean(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("<table>"), Just("</table>"), Just("<tr>"), Just("<td>"), Just("</td>"),
                Just("<p>"), Just("<b>"), Just("</b>"), Just("x"), Just("<script>"), Just(" "),
                Just("<span class=spoiler>"), Just("</span>"), Just("<pre>"), Just("<li>"),
                Just("<a href=javascript:x>"), Just("<img src=x>"), Just("&lt;script>"), Just("<!--"),
            ],
            0..40,
        )
    ) {
        let html = sanitise(&parts.concat());
        prop_assert!(is_clean(&html), "{}", html);
        read(&html);
        excerpt(&html, 20);
    }

    #[test]
    fn every_name_is_found_once_and_only_where_it_is_written(
        text in "[ab@. \\-_|*`\\n]{0,120}"
    ) {
        let found = names(&text);
        let unmarked = text.to_lowercase().replace(['*', '_', '`'], "");
        for name in &found {
            if let Name::Word(word) = name {
                let last = word.chars().next_back();
                prop_assert!(last.is_some_and(char::is_alphanumeric));
                let written = format!("@{}", word.replace('_', ""));
                prop_assert!(unmarked.contains(&written), "{} in {:?}", word, text);
            }
        }
        let once: HashSet<&Name> = found.iter().collect();
        prop_assert_eq!(once.len(), found.len());
    }
}
