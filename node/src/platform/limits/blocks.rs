//! [`Blocks`]: the blocked networks in memory, found by one look for each length of prefix in use.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use federation_core::Timestamp;
use ipnet::IpNet;

/// Bits before the address proper in an IPv4 address that is written as IPv6 (RFC 4291 s2.5.5.2).
const MAPPED: u8 = 96;

/// Blocked networks with the time at which each block ends.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// By length of prefix and network, both as IPv6; `i64::MAX` never ends.
    ends: HashMap<(u8, u128), i64>,
    /// How many networks there are of each length.
    lengths: BTreeMap<u8, usize>,
}

impl Blocks {
    /// Blocks a network until `end`, and no longer than that.
    pub(super) fn insert(&mut self, network: IpNet, end: Option<Timestamp>) {
        let (length, prefix) = key(network);
        let end = end.map_or(i64::MAX, Timestamp::as_millis);
        if self.ends.insert((length, prefix), end).is_none() {
            *self.lengths.entry(length).or_default() += 1;
        }
    }

    /// Ends the block of exactly this network.
    pub(super) fn remove(&mut self, network: IpNet) {
        let (length, prefix) = key(network);
        if self.ends.remove(&(length, prefix)).is_some()
            && let Some(count) = self.lengths.get_mut(&length)
        {
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&length);
            }
        }
    }

    /// Whether an address is blocked.
    pub(super) fn contains(&self, address: IpAddr, now: Timestamp) -> bool {
        let (bits, least) = match address.to_canonical() {
            IpAddr::V4(address) => (u128::from(address.to_ipv6_mapped()), MAPPED),
            IpAddr::V6(address) => (u128::from(address), 0),
        };
        let now = now.as_millis();
        // A network of IPv6 that holds the mapped addresses does not mean all of IPv4.
        self.lengths.range(least..).any(|(length, _)| {
            let found = self.ends.get(&(*length, bits & mask(*length)));
            found.is_some_and(|end| *end > now)
        })
    }

    /// How many networks are blocked, those included whose time is up.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }
}

/// Length and bits of a network, both as IPv6.
fn key(network: IpNet) -> (u8, u128) {
    let (length, bits) = match canonical(network) {
        IpNet::V4(network) => (
            network.prefix_len().saturating_add(MAPPED),
            u128::from(network.network().to_ipv6_mapped()),
        ),
        IpNet::V6(network) => (network.prefix_len(), u128::from(network.network())),
    };
    (length, bits & mask(length))
}

/// The network with a host part of zero, and as IPv4 when it is that in IPv6 writing.
pub fn canonical(network: IpNet) -> IpNet {
    if let IpNet::V6(inner) = network
        && let IpAddr::V4(address) = IpAddr::V6(inner.network()).to_canonical()
        && let Some(length) = inner.prefix_len().checked_sub(MAPPED)
        && let Ok(network) = IpNet::new(address.into(), length)
    {
        return network.trunc();
    }
    network.trunc()
}

const fn mask(length: u8) -> u128 {
    match 128_u32.checked_sub(u8_to_u32(length)) {
        Some(128) | None => 0,
        Some(rest) => u128::MAX << rest,
    }
}

#[expect(clippy::as_conversions, reason = "nothing else widens in a const fn")]
const fn u8_to_u32(value: u8) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::{Duration, Instant};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn blocks(networks: &[&str]) -> Blocks {
        let mut blocks = Blocks::default();
        for network in networks {
            blocks.insert(network.parse().unwrap(), None);
        }
        blocks
    }

    #[test]
    fn finds_what_a_network_holds() {
        let found = |blocks: &Blocks, address: &str| blocks.contains(address.parse().unwrap(), NOW);
        let both = blocks(&["203.0.113.0/24", "2001:db8::/32", "198.51.100.7/32"]);
        for inside in [
            "203.0.113.9",
            "2001:db8:1::1",
            "198.51.100.7",
            "::ffff:203.0.113.9",
        ] {
            assert!(found(&both, inside), "{inside}");
        }
        for outside in [
            "203.0.114.9",
            "2001:db9::1",
            "198.51.100.8",
            "::1",
            "0.0.0.0",
        ] {
            assert!(!found(&both, outside), "{outside}");
        }
        // Everything of one family is nothing of the other.
        assert!(!found(&blocks(&["::/0"]), "203.0.113.9"));
        assert!(found(&blocks(&["::/0"]), "2001:db8::1"));
        assert!(!found(&blocks(&["0.0.0.0/0"]), "2001:db8::1"));
        assert!(found(&blocks(&["::ffff:203.0.113.0/120"]), "203.0.113.9"));
    }

    #[test]
    fn blocks_end_and_are_taken_back() {
        let mut blocks = Blocks::default();
        let (network, address) = (
            "192.0.2.0/24".parse().unwrap(),
            "192.0.2.1".parse().unwrap(),
        );
        blocks.insert(network, Some(NOW.plus(Duration::from_millis(1))));
        assert!(blocks.contains(address, NOW));
        assert!(!blocks.contains(address, NOW.plus(Duration::from_millis(1))));
        blocks.insert(network, None);
        blocks.remove(network);
        assert!(!blocks.contains(address, NOW));
        assert_eq!((blocks.len(), blocks.lengths.len()), (0, 0));
    }

    /// The time of a look does not follow the number of blocks.
    #[test]
    fn a_look_among_many_blocks_is_cheap() {
        let mut many = Blocks::default();
        for number in 0..100_000_u32 {
            let address = Ipv4Addr::from(number.wrapping_mul(2_654_435_761));
            let length = if number % 2 == 0 { 32 } else { 24 };
            many.insert(IpNet::new(address.into(), length).unwrap(), None);
        }
        assert!(many.len() > 90_000);
        let few = blocks(&["203.0.113.0/24", "198.51.100.7/32"]);
        let time = |blocks: &Blocks| {
            let start = Instant::now();
            let hits = (0..100_000_u32).filter(|number| {
                let address = Ipv4Addr::from(number.wrapping_mul(40_503));
                blocks.contains(address.into(), NOW)
            });
            assert!(hits.count() < 100_000);
            start.elapsed()
        };
        let (of_few, of_many) = (time(&few), time(&many));
        assert!(of_many < of_few * 50, "{of_many:?} against {of_few:?}");
    }
}
