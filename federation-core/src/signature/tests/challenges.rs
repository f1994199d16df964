//! Asking for signatures, and what is made of being asked.

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use crate::signature::{ACCEPT_SIGNATURE, PeerScheme, Scheme, SignatureDemand, demand_signature};

fn demand(text: &str) -> Option<SignatureDemand> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_SIGNATURE, HeaderValue::from_str(text).ok()?);
    SignatureDemand::of(&headers)
}

#[test]
fn a_401_asks_for_both_schemes() {
    for has_body in [true, false] {
        let mut headers = HeaderMap::new();
        demand_signature(&mut headers, has_body);
        let challenge = headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with("Signature headers=\"(request-target) host date"));
        assert_eq!(challenge.contains("digest"), has_body);
        // What is asked here could be met by this crate itself.
        let read = SignatureDemand::of(&headers).unwrap();
        assert_eq!(read.components.len(), if has_body { 3 } else { 2 });
        assert_eq!((read.nonce, read.tag), (None, None));
    }
}

#[test]
fn attack_16_demands_that_cannot_be_met_are_passed_over() {
    assert_eq!(
        demand("sig=(\"@method\");nonce=\"n\"")
            .unwrap()
            .nonce
            .unwrap(),
        "n"
    );
    assert!(demand("sig=()").unwrap().components.is_empty());
    for text in [
        "",
        "sig",
        "sig=1",
        "sig=(\"@method\"",
        "sig=(method)",
        "sig=(\"cookie\")",
        "sig=(\"@method\";req)",
        "sig=(\"@query-param\";name=\"a\")",
        "sig=(\"@method\" \"@method\")",
        "sig=(\"@status\")",
    ] {
        assert_eq!(demand(text), None, "{text}");
    }
    let long = format!("sig=(\"@method\");nonce=\"{}\"", "n".repeat(3000));
    assert_eq!(demand(&long), None);
    assert_eq!(SignatureDemand::of(&HeaderMap::new()), None);
}

proptest! {
    #[test]
    fn reading_a_demand_never_panics(text in "[ -~]{0,120}") {
        let _ = demand(&text);
        let _ = demand(&format!("sig=({text})"));
    }
}

#[test]
fn what_is_known_of_a_peer_follows_from_what_it_took() {
    use PeerScheme::{Cavage, CavageOnly, Rfc9421};
    for (known, taken, refused_other, after) in [
        (None, Scheme::Cavage, false, Cavage),
        (None, Scheme::Cavage, true, CavageOnly),
        (None, Scheme::Rfc9421, true, Rfc9421),
        (Some(Cavage), Scheme::Rfc9421, true, Rfc9421),
        (Some(CavageOnly), Scheme::Cavage, false, CavageOnly),
        (Some(CavageOnly), Scheme::Rfc9421, true, Rfc9421),
        (Some(Rfc9421), Scheme::Cavage, true, CavageOnly),
        (Some(Rfc9421), Scheme::Cavage, false, Cavage),
    ] {
        assert_eq!(PeerScheme::after(known, taken, refused_other), after);
    }
    for scheme in [Cavage, CavageOnly, Rfc9421] {
        assert_eq!(PeerScheme::parse(scheme.as_str()), Some(scheme));
    }
    assert_eq!(PeerScheme::first(None), Scheme::Cavage);
    assert_eq!(PeerScheme::first(Some(Rfc9421)), Scheme::Rfc9421);
}
