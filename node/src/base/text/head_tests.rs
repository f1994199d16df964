//! Heads of pages: ordinary ones, hostile ones, and any bytes at all.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::head::{DESCRIPTION, Head, SITE_NAME, TITLE, head};

fn texts(html: &str) -> (String, String, String) {
    let Head {
        title,
        description,
        site_name,
    } = head(html);
    let text = |found: Option<String>| found.unwrap_or_default();
    (text(title), text(description), text(site_name))
}

fn told(title: &str, description: &str, site_name: &str) -> (String, String, String) {
    (
        title.to_owned(),
        description.to_owned(),
        site_name.to_owned(),
    )
}

#[test]
fn open_graph_comes_before_the_rest() {
    let page = "<!doctype html><html><head><title>Plain</title>\
        <meta name=description content='in the page'>\
        <meta name=\"twitter:title\" content=\"Card\">\
        <META PROPERTY=\"og:title\" CONTENT=\"Graph &amp; more\">\
        <meta property=\"og:title\" content=\"second\">\
        <meta property='og:site_name' content=' A \n site '>\
        </head><body><meta property=\"og:description\" content=\"not in the head\">";
    assert_eq!(texts(page), told("Graph & more", "in the page", "A site"));
    assert_eq!(
        texts("<title>\n a &lt;b&gt;\n c</title><title>d</title>"),
        told("a <b> c", "", "")
    );
    assert_eq!(
        texts("<meta property=og:title content=' '><title>x</title>"),
        told("x", "", "")
    );
    assert_eq!(texts("no page at all"), told("", "", ""));
}

#[test]
fn attack_text_is_no_markup_and_scripts_are_not_read() {
    let page = "<script>var x = '<meta property=\"og:title\" content=\"false\"><title>false</title>'</script>\
        <style>/* <title>false</title> */</style><!-- <title>false</title> -->\
        <title><script>alert(1)</script></title>";
    assert_eq!(texts(page), told("<script>alert(1)</script>", "", ""));
}

#[test]
fn attack_letters_that_deceive_are_left_out() {
    assert_eq!(
        texts("<title>a\u{202e}b\u{7}c\u{2066}</title>"),
        told("abc", "", "")
    );
    let latin =
        String::from_utf8_lossy(b"<title>caf\xe9</title><meta property=og:title content=ok>");
    assert_eq!(texts(&latin), told("ok", "", ""));
}

#[test]
fn texts_are_cut_at_letters() {
    let page = format!(
        "<title>{long}</title><meta name=description content=\"{long}\">\
         <meta property=og:site_name content=\"{long}\">",
        long = "\u{1f600}".repeat(2_000)
    );
    let (title, description, site_name) = texts(&page);
    assert_eq!(title.chars().count(), TITLE);
    assert_eq!(description.chars().count(), DESCRIPTION);
    assert_eq!(site_name.chars().count(), SITE_NAME);
}

#[test]
fn attack_pages_that_cost_much_are_read_in_bounded_time() {
    let many = "<meta name=x content=y>".repeat(100_000);
    let attributes: Vec<String> = (0..40_000).map(|number| format!(" a{number:x}")).collect();
    let attributes = attributes.concat();
    let tags = format!("<meta{}>", attributes.get(..16_000).unwrap()).repeat(16);
    let pages = [
        format!("{many}<title>behind</title>"),
        format!("<meta{attributes}><title>behind</title>"),
        tags,
        "<!--".repeat(60_000),
        "<".repeat(256 * 1024),
        "&amp".repeat(60_000),
        format!("<title>{}", "x&".repeat(120_000)),
        "<script><!--<script>".repeat(12_000),
        format!("<a b=\"{}", "x".repeat(256 * 1024)),
    ];
    for page in pages {
        let begin = page.chars().take(20).collect::<String>();
        let start = Instant::now();
        let found = head(&page);
        assert!(start.elapsed() < Duration::from_secs(5), "{begin}");
        assert_ne!(found.title.as_deref(), Some("behind"), "{begin}");
    }
}

proptest! {
    #[test]
    fn any_bytes_give_bounded_plain_texts(bytes in proptest::collection::vec(any::<u8>(), 0..4096)) {
        let (title, description, site_name) = texts(&String::from_utf8_lossy(&bytes));
        prop_assert!(title.chars().count() <= TITLE);
        prop_assert!(description.chars().count() <= DESCRIPTION);
        prop_assert!(site_name.chars().count() <= SITE_NAME);
    }

    #[test]
    fn pages_cut_anywhere_give_clean_lines(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("<title>"), Just("</title>"), Just("<meta property=og:title content=\""),
                Just("\">"), Just("<script>"), Just("</script>"), Just("<!--"), Just("-->"),
                Just("&#x202e;"), Just("&#0;"), Just("&#xd;\n"), Just("\u{fffd}"), Just("ä b"),
                Just("<body>"), Just("</head>"), Just("<![CDATA["), Just("]]>"), Just("\r"),
            ],
            0..60,
        ),
    ) {
        let found = head(&parts.concat());
        for text in [found.title, found.description, found.site_name].into_iter().flatten() {
            prop_assert!(!text.is_empty() && text.trim() == text);
            let is_clean = !text.chars().any(|letter| letter.is_control() || letter == '\u{202e}');
            prop_assert!(is_clean, "{text:?}");
        }
    }
}
