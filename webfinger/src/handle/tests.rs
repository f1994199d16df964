//! Handles: what reads the same, what is refused, and that no text panics.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Handle {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_spelling_reads_the_same() {
    let expected = Handle::new("alice", "example.org").unwrap();
    for text in [
        "acct:alice@example.org",
        "ACCT:alice@EXAMPLE.org",
        "@alice@example.org",
        "alice@example.org",
        "alice@Example.Org.",
        "alice@example.org:443",
        "acct:%61lice@example.org",
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn ports_and_addresses_are_kept() {
    let handle = read("@bob@127.0.0.1:8081");
    assert_eq!((handle.host(), handle.port()), ("127.0.0.1", Some(8081)));
    assert_eq!(handle.acct(), "acct:bob@127.0.0.1:8081");
    assert_eq!(read("bob@[::1]:8080").authority(), "[::1]:8080");
    assert_eq!(read("bob@[::1]").port(), None);
    assert_eq!(handle.to_string(), "@bob@127.0.0.1:8081");
}

#[test]
fn international_hosts_become_ascii() {
    assert_eq!(
        read("@alice@BÜCHER.example").host(),
        "xn--bcher-kva.example"
    );
    assert_eq!(
        read("@alice@bücher.example"),
        read("@alice@xn--bcher-kva.example")
    );
}

#[test]
fn a_name_may_be_an_address_or_have_signs() {
    let handle = read("acct:juliet%40capulet.example@shoppingsite.example");
    assert_eq!(handle.name(), "juliet@capulet.example");
    assert_eq!(
        handle.acct(),
        "acct:juliet%40capulet.example@shoppingsite.example"
    );
    assert_eq!(read("acct:a+b@example.org").name(), "a+b");
    assert_eq!(
        read("@jülia@example.org").acct(),
        "acct:j%C3%BClia@example.org"
    );
}

#[test]
fn names_differ_in_case_but_the_account_does_not() {
    let (upper, lower) = (read("@Alice@example.org"), read("@alice@example.org"));
    assert_ne!(upper, lower);
    assert!(upper.is_same_account(&lower));
    assert_eq!(upper.to_canonical(), lower);
    assert!(!lower.is_same_account(&read("@alice@example.com")));
    assert!(!lower.is_same_account(&read("@alice@example.org:8443")));
}

#[test]
fn what_is_no_handle_is_refused() {
    for (text, error) in [
        ("alice", HandleError::NoHost),
        ("@alice", HandleError::NoHost),
        ("", HandleError::NoHost),
        ("acct:alice", HandleError::NoHost),
        ("@@example.org", HandleError::BadName),
        ("acct:@example.org", HandleError::BadName),
        ("acct:@alice@example.org", HandleError::BadName),
        ("acct:a b@example.org", HandleError::BadName),
        ("acct:a%0@example.org", HandleError::BadName),
        ("acct:a%00@example.org", HandleError::BadName),
        ("a/b@example.org", HandleError::BadName),
        ("alice@", HandleError::BadHost),
        ("alice@exa mple.org", HandleError::BadHost),
        ("alice@evil.example/path", HandleError::BadHost),
        ("alice@bob@example.org", HandleError::BadHost),
        ("alice@ex%61mple.org", HandleError::BadHost),
        ("alice@a..b", HandleError::BadHost),
        ("alice@.", HandleError::BadHost),
        ("alice@example.org:", HandleError::BadPort),
        ("alice@example.org:0", HandleError::BadPort),
        ("alice@example.org:+80", HandleError::BadPort),
        ("alice@example.org:70000", HandleError::BadPort),
    ] {
        assert_eq!(text.parse::<Handle>(), Err(error), "{text}");
    }
    assert_eq!(
        "a".repeat(2000).parse::<Handle>(),
        Err(HandleError::TooLong)
    );
    assert_eq!(
        Handle::from_acct("mailto:alice@example.org"),
        Err(HandleError::NotAcct)
    );
}

#[test]
fn the_longest_handle_reads_again_when_all_of_it_is_escaped() {
    let host = ["a".repeat(63).as_str(); 3].join(".") + "." + &"b".repeat(61);
    let handle = Handle::new(&"ü".repeat(128), &format!("{host}:65535")).unwrap();
    assert_eq!(Handle::from_acct(&handle.acct()), Ok(handle));
}

proptest! {
    #[test]
    fn no_text_panics_and_what_reads_reads_again(text in "(acct:)?@?[ -~ü@:%.]{0,40}") {
        if let Ok(handle) = text.parse::<Handle>() {
            prop_assert_eq!(Handle::from_acct(&handle.acct()), Ok(handle));
        }
    }
}

#[test]
fn attack_62_texts_that_are_slow_to_read_elsewhere_are_not_looked_at() {
    for piece in [
        "@", "a@", "@a", "a.", "%", "%4", "acct:", "-", "[", "::", "xn--", "é", "\u{3002}",
    ] {
        let long = piece.repeat(MAX_TEXT + 1);
        assert_eq!(long.parse::<Handle>(), Err(HandleError::TooLong), "{piece}");
        assert_eq!(
            Handle::from_acct(&format!("acct:{long}")),
            Err(HandleError::TooLong)
        );
        assert!(Handle::new(&long, "example.org").is_err());
        assert!(Handle::new("a", &long).is_err(), "{piece}");
        // As long as may be: still one pass, whatever it holds.
        let most: String = piece.chars().cycle().take(MAX_TEXT / 4).collect();
        let _ = most.parse::<Handle>();
        let _ = Handle::new("a", &most);
    }
}
