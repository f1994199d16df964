//! Attacks on the guard, as tables.

use std::net::IpAddr;
use std::sync::Arc;

use proptest::prelude::*;
use url::Url;

use super::*;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn lab() -> GuardPolicy {
    GuardPolicy::with_private_ranges(vec!["127.0.0.0/8".parse().unwrap()], false)
}

#[test]
fn attack_47_refuses_ipv4_addresses_that_are_not_public() {
    let policy = GuardPolicy::default();
    let inside = [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.0.170",
        "192.0.2.7",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
    ];
    for text in inside {
        let address: IpAddr = text.parse().unwrap();
        assert_eq!(
            policy.check_address(address),
            Err(GuardError::Address { address }),
            "{text}"
        );
        assert!(
            policy.check_url(&url(&format!("https://{text}/"))).is_err(),
            "{text}"
        );
    }
    let outside = [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "169.253.255.255",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "203.0.112.255",
        "223.255.255.255",
    ];
    for text in outside {
        assert_eq!(
            policy.check_address(text.parse().unwrap()),
            Ok(()),
            "{text}"
        );
    }
}

#[test]
fn attack_48_refuses_ipv6_addresses_that_are_not_public() {
    let policy = GuardPolicy::default();
    let inside = [
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "::10.0.0.1",
        "::8.8.8.8",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "64:ff9b:1:ffff::7f00:1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "2001::1",
        "2001:0:7f00:1::",
        "2001:10::1",
        "2001:20::1",
        "2001:2::1",
        "2001:db8::1",
        "3fff::1",
        "100::1",
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "5f00::1",
        "4000::1",
    ];
    for text in inside {
        let address: IpAddr = text.parse().unwrap();
        assert_eq!(
            policy.check_address(address),
            Err(GuardError::Address { address }),
            "{text}"
        );
        assert!(
            policy
                .check_url(&url(&format!("https://[{text}]/")))
                .is_err(),
            "{text}"
        );
    }
    for text in [
        "2606:4700::1111",
        "2a00:1450::1",
        "2001:4860:4860::8888",
        "::ffff:1.1.1.1",
        "64:ff9b::1.1.1.1",
    ] {
        assert_eq!(
            policy.check_address(text.parse().unwrap()),
            Ok(()),
            "{text}"
        );
    }
}

#[test]
fn attack_50_sees_through_spellings_of_hosts() {
    let policy = GuardPolicy::default();
    let hidden = [
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://017700000001/",
        "https://127.0.0.1./",
        "https://１２７.0.0.1/",
        "https://[::ffff:7f00:1]/",
        "https://localhost/",
        "https://LOCALHOST/",
        "https://localhost./",
        "https://a.localhost/",
        "https://printer.local/",
        "https://metadata.google.internal/",
        "https://x.onion/",
        "https://intranet/",
        "https://router.home.arpa/",
        "https://example.org./",
        "https://%6c%6f%63%61%6c%68%6f%73%74/",
        "https://ⓛocalhost/",
        "https://localhost。/",
    ];
    for text in hidden {
        if let Ok(parsed) = Url::parse(text) {
            assert!(policy.check_url(&parsed).is_err(), "{text} became {parsed}");
        }
    }
    assert_eq!(policy.check_url(&url("https://example.org/")), Ok(()));
    assert_eq!(
        policy.check_url(&url("https://example.org:8443/x?y")),
        Ok(())
    );
}

#[test]
fn refuses_other_schemes_user_info_and_ports_of_other_services() {
    let policy = GuardPolicy::default();
    for text in [
        "http://example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "data:,x",
        "javascript:1",
    ] {
        assert!(
            matches!(policy.check_url(&url(text)), Err(GuardError::Scheme { .. })),
            "{text}"
        );
    }
    for text in [
        "https://u@example.org/",
        "https://u:p@example.org/",
        "https://:p@example.org/",
    ] {
        assert_eq!(
            policy.check_url(&url(text)),
            Err(GuardError::UserInfo),
            "{text}"
        );
    }
    for port in [0, 22, 25, 110, 143, 445, 587, 1023] {
        let text = format!("https://example.org:{port}/");
        assert_eq!(
            policy.check_url(&url(&text)),
            Err(GuardError::Port { port }),
            "{text}"
        );
    }
}

#[test]
fn each_setting_opens_exactly_one_thing() {
    let lab = lab();
    assert_eq!(lab.check_address("127.0.0.1".parse().unwrap()), Ok(()));
    assert_eq!(
        lab.check_address("::ffff:127.0.0.1".parse().unwrap()),
        Ok(())
    );
    assert!(lab.check_address("::1".parse().unwrap()).is_err());
    assert!(lab.check_address("10.0.0.1".parse().unwrap()).is_err());
    assert_eq!(lab.check_url(&url("https://127.0.0.1:4000/")), Ok(()));
    assert_eq!(lab.check_url(&url("https://localhost:4000/")), Ok(()));
    assert!(lab.check_url(&url("http://127.0.0.1:4000/")).is_err());
    assert!(lab.check_url(&url("https://u@127.0.0.1:4000/")).is_err());
    assert!(lab.check_url(&url("https://127.0.0.1:22/")).is_err());
    let plain = GuardPolicy::with_private_ranges(Vec::new(), true);
    assert_eq!(plain.check_url(&url("http://example.org/")), Ok(()));
    assert!(plain.check_url(&url("http://127.0.0.1/")).is_err());
}

#[test]
fn attack_19_blocks_a_domain_in_every_spelling() {
    let blocked = BlockedDomains::new(["evil.example", "b\u{fc}cher.example", "6.6.6.6"]).unwrap();
    for host in [
        "evil.example",
        "EVIL.Example",
        "evil.example.",
        "evil.example:8443",
        "a.b.evil.example",
        "xn--bcher-kva.example",
        "B\u{dc}CHER.example",
        "evil\u{3002}example",
        "6.6.6.6",
        "6.6.6.6:99",
        "evil.example\u{3002}",
    ] {
        assert!(blocked.is_blocked(host), "{host}");
    }
    for host in ["notevil.example", "evil.example.org", "example", ""] {
        assert!(!blocked.is_blocked(host), "{host}");
    }
    assert!(blocked.block("not a domain").is_err());
    blocked.unblock("Evil.Example");
    assert!(!blocked.is_blocked("evil.example"));
    let policy = GuardPolicy::default().blocking(Arc::new(blocked));
    let refused = policy.check_url(&url("https://sub.xn--bcher-kva.example/inbox"));
    assert!(matches!(refused, Err(GuardError::Blocked { .. })));
}

#[test]
fn attack_62_texts_longer_than_any_host_are_not_taken_apart() {
    let blocked = BlockedDomains::new(["evil.example"]).unwrap();
    // Label by label, each of these would take seconds.
    for label in ["a.", "xn--a.", "é.", "\u{3002}", "0."] {
        let long = format!("{}evil.example", label.repeat(200_000));
        assert!(!blocked.is_blocked(&long), "{label}");
        assert_eq!(canonical_host(&long), long.to_lowercase());
    }
    let longest = format!("{}evil.example", "a.".repeat(120));
    assert!(blocked.is_blocked(&longest));
    let policy = GuardPolicy::default().blocking(Arc::new(blocked));
    let longer = format!("https://{}evil.example/", "a.".repeat(121));
    assert!(policy.check_url(&url(&longer)).is_err());
}

proptest! {
    #[test]
    fn judges_mapped_addresses_as_what_they_carry(octets in any::<[u8; 4]>()) {
        let policy = GuardPolicy::default();
        let v4 = std::net::Ipv4Addr::from(octets);
        let mapped = IpAddr::from(v4.to_ipv6_mapped());
        prop_assert_eq!(policy.check_address(v4.into()).is_ok(), policy.check_address(mapped).is_ok());
    }

    #[test]
    fn never_panics_on_hosts(host in "\\PC{0,40}") {
        let _ = BlockedDomains::default().is_blocked(&host);
        if let Ok(parsed) = Url::parse(&format!("https://{host}/")) {
            let _ = lab().check_url(&parsed);
        }
    }
}
