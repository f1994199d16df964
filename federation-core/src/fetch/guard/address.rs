//! Which IP addresses belong to the public internet (IANA special-purpose address registries,
//! RFC 6890).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// IPv4 blocks that are not public unicast.
const SPECIAL_V4: &[Ipv4Net] = &[
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    v4([224, 0, 0, 0], 4),
    v4([240, 0, 0, 0], 4),
];

/// All public IPv6 unicast lies in here.
const UNICAST_V6: Ipv6Net = v6(0x2000_0000_0000_0000_0000_0000_0000_0000, 3);

/// Blocks inside of it that are not public: protocol assignments with Teredo and ORCHID,
/// documentation, 6to4.
const SPECIAL_V6: &[Ipv6Net] = &[
    v6(0x2001_0000_0000_0000_0000_0000_0000_0000, 23),
    v6(0x2001_0db8_0000_0000_0000_0000_0000_0000, 32),
    v6(0x2002_0000_0000_0000_0000_0000_0000_0000, 16),
    v6(0x3fff_0000_0000_0000_0000_0000_0000_0000, 20),
];

/// Where translators put IPv4 addresses (RFC 6052 s2.1).
const NAT64: Ipv6Net = v6(0x0064_ff9b_0000_0000_0000_0000_0000_0000, 96);

const fn v4(octets: [u8; 4], prefix: u8) -> Ipv4Net {
    let [a, b, c, d] = octets;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(bits: u128, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::from_bits(bits), prefix)
}

/// The address that packets to this one end at: the IPv4 address inside of mapped and translated
/// forms, otherwise itself.
pub(super) fn meant(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return v4.into();
    }
    if NAT64.contains(&v6) {
        let [.., a, b, c, d] = v6.octets();
        return Ipv4Addr::new(a, b, c, d).into();
    }
    address
}

/// Whether the address is public unicast.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !SPECIAL_V4.iter().any(|block| block.contains(&v4)),
        IpAddr::V6(v6) => {
            UNICAST_V6.contains(&v6) && !SPECIAL_V6.iter().any(|block| block.contains(&v6))
        }
    }
}
