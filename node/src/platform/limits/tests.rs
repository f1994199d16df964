//! Limits of addresses and accounts, without a server around them.

use std::time::Instant;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn limits(change: impl FnOnce(&mut RateSettings)) -> Limits {
    let limits = Limits::new(TrustedProxies::default());
    let mut settings = RateSettings::default();
    change(&mut settings);
    limits.settings_changed(settings, 1);
    limits
}

fn code(limits: &Limits, address: &str, class: RateClass, now: Timestamp) -> &'static str {
    match limits.ask(address.parse().unwrap(), class, now) {
        Ok(_) => "ok",
        Err(refusal) => refusal.error.code(),
    }
}

#[test]
fn attack_64_an_attacker_with_a_site_of_ipv6_is_one_client() {
    let limits = limits(|settings| settings.read = 10);
    let mut passed = 0;
    // Another address of the same /64 each time: one client.
    for number in 0..100 {
        let address = format!("2001:db8:0:1::{number:x}");
        passed += usize::from(code(&limits, &address, RateClass::Read, NOW) == "ok");
    }
    assert_eq!(passed, 10);
    // Another /64 of the same /48 each time: sixteen clients.
    let mut passed = 0;
    for number in 0..1000 {
        let address = format!("2001:db8:1:{number:x}::1");
        passed += usize::from(code(&limits, &address, RateClass::Read, NOW) == "ok");
    }
    assert_eq!(passed, 160);
}

#[test]
fn attack_64_many_addresses_take_bounded_memory() {
    let limits = limits(|settings| settings.read = 100);
    let victim = "203.0.113.1";
    for _ in 0..99 {
        assert_eq!(code(&limits, victim, RateClass::Read, NOW), "ok");
    }
    let start = Instant::now();
    for number in 0..400_000_u32 {
        let address = std::net::Ipv4Addr::from(0x0B00_0000 + number);
        let _asked = limits.ask(address.into(), RateClass::Read, NOW);
        // Who asks often stays counted among them.
        if number % 10_000 == 0 {
            let _asked = limits.ask(victim.parse().unwrap(), RateClass::Read, NOW);
        }
    }
    let each = start.elapsed() / 400_000;
    println!("one new address costs {each:?}");
    limits.addresses.run_pending_tasks();
    let counted = limits.addresses.entry_count();
    assert!(counted <= MOST_COUNTED, "{counted}");
    assert_eq!(
        code(&limits, victim, RateClass::Read, NOW),
        "too_many_requests"
    );
}

#[test]
fn one_request_costs_little() {
    let limits = limits(|settings| settings.read = 10_000_000);
    for number in 0..1000_u32 {
        let network = IpNet::from(IpAddr::from(std::net::Ipv4Addr::from(number)));
        limits.block(network, None, NOW);
    }
    let address = "203.0.113.1".parse().unwrap();
    let start = Instant::now();
    for _ in 0..100_000 {
        assert!(limits.ask(address, RateClass::Read, NOW).is_ok());
    }
    let each = start.elapsed() / 100_000;
    println!("one request costs {each:?}");
    // Without optimisation, on a busy machine.
    assert!(each < Duration::from_micros(100), "{each:?}");
}

#[test]
fn addresses_inside_are_asked_to_wait_and_never_blocked() {
    let limits = limits(|settings| {
        settings.read = 1;
        settings.exempt.clear();
    });
    for inside in ["127.0.0.1", "10.0.0.1", "::1", "fd00::1", "192.168.1.1"] {
        let codes: Vec<_> = (0..5000)
            .map(|_| code(&limits, inside, RateClass::Read, NOW))
            .collect();
        assert_eq!(codes[0], "ok");
        assert!(codes[1..].iter().all(|code| *code == "too_many_requests"));
    }
    let outside = (0..5000).map(|_| code(&limits, "203.0.113.1", RateClass::Read, NOW));
    assert_eq!(outside.last(), Some("address_blocked"));
    assert_eq!(limits.blocks(), 1);
}

/// What other servers take for a last word would make them drop what they send.
#[test]
fn servers_at_a_blocked_address_are_told_to_wait() {
    let limits = limits(|_| {});
    let address = "203.0.113.7";
    let network = network_of(address.parse().unwrap());
    limits.block_by_itself(network, NOW, Duration::from_hours(1));
    let asked = |class| code(&limits, address, class, NOW);
    assert_eq!(asked(RateClass::Read), "address_blocked");
    assert_eq!(asked(RateClass::Inbox), "too_many_requests");
}

/// Who asks too much from one network of a site gets its neighbours refused, not blamed.
#[test]
fn neighbours_on_a_site_are_not_blamed() {
    let limits = limits(|settings| settings.read = 10);
    for number in 0..1000 {
        let address = format!("2001:db8:1:{number:x}::1");
        let _asked = limits.ask(address.parse().unwrap(), RateClass::Read, NOW);
    }
    let mut written = limits.written.lock().unwrap();
    let noted = written.as_mut().unwrap().try_recv();
    assert!(noted.is_err(), "{noted:?}");
}

#[test]
fn classes_and_accounts_are_counted_apart() {
    let limits = limits(|settings| {
        settings.read = 3;
        settings.auth = 1;
    });
    let user = UserId::new(NOW);
    assert_eq!(code(&limits, "203.0.113.1", RateClass::Read, NOW), "ok");
    assert_eq!(code(&limits, "203.0.113.1", RateClass::Auth, NOW), "ok");
    for left in (0..3).rev() {
        let shown = limits.ask_account(user, RateClass::Read, NOW).unwrap();
        let mut headers = http::HeaderMap::new();
        shown.unwrap().add_to(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"read-account\";q=3;w=300");
        let told = headers["ratelimit"].to_str().unwrap();
        let start = format!("\"read-account\";r={left};t=");
        assert!(told.starts_with(&start), "{told}");
    }
    let refused = limits.ask_account(user, RateClass::Read, NOW).unwrap_err();
    assert_eq!(refused.error.retry_after(), Some(Duration::from_secs(100)));
    let another = limits.ask_account(UserId::new(NOW), RateClass::Read, NOW);
    assert!(another.is_ok());
    assert!(
        limits
            .ask_account(user, RateClass::Inbox, NOW)
            .unwrap()
            .is_none()
    );
}
