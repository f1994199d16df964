//! Rules against tricks with letters, and against anything at all.

use proptest::prelude::*;

use super::{FilterSet, InvalidPattern, Pattern, PatternKind, Text, Wanted};

fn read(kind: PatternKind, pattern: &str) -> Result<Pattern, InvalidPattern> {
    Pattern::read(&Wanted {
        kind,
        pattern,
        times: None,
        seconds: None,
    })
}

fn hits(kind: PatternKind, pattern: &str, text: &str) -> bool {
    let pattern = read(kind, pattern).unwrap();
    let set = FilterSet::new([&pattern]).unwrap();
    !set.find(&Text::new(text)).is_empty()
}

#[test]
fn words_stand_alone_and_phrases_anywhere() {
    let word = |text| hits(PatternKind::Word, "Ham", text);
    assert!(word("ham") && word("no HAM!") && word("(ham)") && word("eggs,ham"));
    assert!(!word("hamster") && !word("sham") && !word("h am") && !word("ham_1"));
    let phrase = |text| hits(PatternKind::Phrase, "free  Money", text);
    assert!(phrase("FREE\nMONEY") && phrase("carefree moneybags"));
    assert!(!phrase("free the money"));
    assert!(hits(PatternKind::Word, "straße", "STRASSE"));
    assert!(hits(PatternKind::Word, "ΟΔΟΣ", "οδος"));
}

#[test]
fn domains_count_with_what_lies_below_them_however_they_are_written() {
    let found = |text| hits(PatternKind::LinkDomain, "evil.example", text);
    for bad in [
        "https://evil.example/a?b=c",
        "[look](http://www.EVIL.example)",
        "evil.example",
        "see evil.example.",
        "https://good.example@evil.example/",
        "https://evil.example:8443",
        "https://evil\u{3002}example/",
        "https://\u{ff45}vil.example",
        "https://e\u{200b}vil.example",
    ] {
        assert!(found(bad), "{bad}");
    }
    for good in [
        "https://notevil.example",
        "evil.example.org",
        "evil example",
    ] {
        assert!(!found(good), "{good}");
    }
    assert!(hits(
        PatternKind::LinkDomain,
        "b\u{fc}cher.example",
        "https://xn--bcher-kva.example"
    ));
}

#[test]
fn expressions_see_the_folded_text() {
    let found = |text| hits(PatternKind::Regex, r"buy\s+\w+\s+now", text);
    assert!(found("BUY turnips\n\nNOW") && !found("buy now"));
}

#[test]
fn mentions_are_counted() {
    let pattern = Pattern::Mentions(3);
    let set = FilterSet::new([&pattern]).unwrap();
    let hits = |text| !set.find(&Text::new(text)).is_empty();
    assert!(hits("@ann @bob@example.org, @cid") && !hits("@ann @bob@example.org"));
    assert!(!hits("@ @ @ me@here.example you@there.example"));
}

#[test]
fn patterns_are_bounded() {
    let refused = |kind, pattern: &str| read(kind, pattern).unwrap_err();
    assert_eq!(refused(PatternKind::Word, " "), InvalidPattern::Empty);
    assert_eq!(
        refused(PatternKind::Word, "\u{200b}"),
        InvalidPattern::Empty
    );
    assert_eq!(refused(PatternKind::Word, "c++"), InvalidPattern::NotAWord);
    assert_eq!(
        refused(PatternKind::Phrase, &"x".repeat(501)),
        InvalidPattern::Unreadable
    );
    for bad in ["example", "exa mple.org", "", "https://evil.example/x"] {
        assert!(read(PatternKind::LinkDomain, bad).is_err(), "{bad}");
    }
    for bad in [
        "(",
        "a*",
        "(?:x{1000}){1000}",
        r"(\w{100}){100}",
        &"(".repeat(100),
        "(a)\\1",
    ] {
        assert!(read(PatternKind::Regex, bad).is_err(), "{bad}");
    }
    assert!(read(PatternKind::Mentions, "").is_err() && read(PatternKind::Repeated, "").is_err());
    let many: Vec<Pattern> = (0..21).map(|n| Pattern::Regex(format!("a{n}"))).collect();
    let refused = FilterSet::new(&many).unwrap_err();
    assert_eq!(refused, InvalidPattern::TooManyExpressions);
}

/// Ways of writing one Latin letter that readers take for it.
fn written(letter: char, way: u8) -> String {
    let at = |first: u32| {
        let place = u32::from(letter).saturating_sub(u32::from('a'));
        char::from_u32(first + place).unwrap().to_string()
    };
    match way % 9 {
        0 => letter.to_string(),
        1 => letter.to_uppercase().to_string(),
        2 => at(0xff41),
        3 => at(0xff21),
        4 => at(0x1d41a),
        5 => at(0x24d0),
        6 => format!("{letter}\u{200b}"),
        7 => format!("\u{ad}{letter}\u{fe0f}"),
        _ => format!("{letter}\u{2060}\u{e0061}"),
    }
}

proptest! {
    #[test]
    fn tricks_with_letters_hide_no_word(
        word in "[a-z]{2,12}",
        ways in proptest::collection::vec(any::<u8>(), 12),
        before in "[a-z ]{0,20}",
    ) {
        let hidden: String = word.chars().zip(ways).map(|(letter, way)| written(letter, way)).collect();
        let text = format!("{before} {hidden}, he said");
        prop_assert!(hits(PatternKind::Word, &word, &text), "{text:?}");
        prop_assert!(hits(PatternKind::Phrase, &word, &text), "{text:?}");
    }

    #[test]
    fn what_is_looked_for_is_found_in_itself(text in "\\PC{1,60}") {
        if let Ok(pattern) = read(PatternKind::Phrase, &text) {
            let set = FilterSet::new([&pattern]).unwrap();
            prop_assert!(!set.find(&Text::new(&text)).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn anything_can_be_read_and_matched(pattern in ".{0,80}", text in "(?s).{0,200}") {
        for kind in [
            PatternKind::Word,
            PatternKind::Phrase,
            PatternKind::Regex,
            PatternKind::LinkDomain,
        ] {
            if let Ok(pattern) = read(kind, &pattern) {
                let set = FilterSet::new([&pattern]).unwrap();
                prop_assert!(set.find(&Text::new(&text)).len() <= 1);
            }
        }
    }
}

/// A text of any length costs time in line with its length.
#[test]
fn attack_long_texts_are_cut_and_expressions_stay_linear() {
    let expressions = ["(a+)+$", "(a|aa)+$", "(.*)(.*)(.*)x{5}y", r"([\w.]+)*@"];
    let patterns: Vec<Pattern> = expressions
        .iter()
        .filter_map(|text| read(PatternKind::Regex, text).ok())
        .collect();
    assert!(patterns.len() >= 3);
    let set = FilterSet::new(&patterns).unwrap();
    let text = "a".repeat(1_000_000);
    let start = std::time::Instant::now();
    set.find(&Text::new(&text));
    set.find(&Text::new(&"\u{fdfa}".repeat(300_000)));
    assert!(start.elapsed() < std::time::Duration::from_secs(20));
}

/// Matching goes by the states of the whole set, so the whole set is bounded.
#[test]
fn attack_expressions_are_bounded_together() {
    let worst = "1(?-u:[0-9]){3500}x";
    let patterns = vec![Pattern::Regex(worst.to_owned()); 20];
    let refused = FilterSet::new(&patterns).unwrap_err();
    let too_large = InvalidPattern::NotAnExpression("it is too large".to_owned());
    assert_eq!(refused, too_large);
    // Each is held against the same bound on its own as well.
    assert_eq!(
        read(PatternKind::Regex, &"(?-u:[0-9]){9000}x".repeat(2)).unwrap_err(),
        too_large
    );
    let patterns: Vec<Pattern> = (0..20)
        .map(|number| {
            let text = format!(
                r"(?:cheap|free|best)\s+(?:turnips|swedes){number}[a-z0-9-]{{2,8}}\.example/ref=[0-9]{{1,6}}"
            );
            read(PatternKind::Regex, &text).unwrap()
        })
        .collect();
    let set = FilterSet::new(&patterns).unwrap();
    let found = set.find(&Text::new("CHEAP turnips3shop.example/ref=12"));
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [3]);
    assert!(set.find(&Text::new(&"1".repeat(8_000))).is_empty());
}
