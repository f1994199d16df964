//! Which address a request comes from, when there are proxies in between.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// Hops of `X-Forwarded-For` that are read at most.
const MAX_HOPS: usize = 32;

/// The address that a request comes from, as an extension of the request: what an application
/// knows better than the connection does, for the routers of this crate that are behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "an address and nothing else")]
pub struct SourceAddress(pub IpAddr);

/// The proxies whose word about their clients is taken; none by default.
///
/// ```
/// use federation_core::inbox::TrustedProxies;
/// use http::HeaderMap;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("x-forwarded-for", "203.0.113.9, 198.51.100.7".parse().unwrap());
/// let proxy = "10.0.0.2".parse().unwrap();
/// assert_eq!(TrustedProxies::default().source(proxy, &headers), proxy);
/// let trusted = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
/// assert_eq!(trusted.source(proxy, &headers).to_string(), "198.51.100.7");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Trusts the proxies in these networks.
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether no proxy is trusted.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is the address of a trusted proxy.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The address that a request over a connection from `peer` comes from.
    ///
    /// `X-Forwarded-For` is read from its end, as long as what was read so far is a trusted proxy;
    /// `Forwarded` (RFC 7239) is not read.
    ///
    /// # Security
    /// What clients write themselves stands before what the first trusted proxy has added, and is
    /// never reached. An entry that is no address ends the reading.
    pub fn source(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut source = peer.to_canonical();
        let lists: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .map(|value| value.to_str().unwrap_or("?"))
            .collect();
        let hops = lists.iter().rev().flat_map(|list| list.rsplit(','));
        for hop in hops.take(MAX_HOPS) {
            if !self.contains(source) {
                return source;
            }
            match address(hop.trim()) {
                Some(found) => source = found,
                None => return source,
            }
        }
        source
    }
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let plain = bare.unwrap_or(text).parse::<IpAddr>().ok();
    let found = plain.or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    found.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(trusted: &[&str], peer: &str, lists: &[&str]) -> String {
        let networks = trusted.iter().map(|text| text.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for list in lists {
            headers.append("x-forwarded-for", list.parse().unwrap());
        }
        let source = TrustedProxies::new(networks).source(peer.parse().unwrap(), &headers);
        source.to_string()
    }

    #[test]
    fn attack_64_the_word_of_strangers_is_not_taken() {
        assert_eq!(source(&[], "192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        let proxies = ["10.0.0.0/8"];
        assert_eq!(source(&proxies, "192.0.2.1", &["10.0.0.9"]), "192.0.2.1");
        // What the client wrote itself stands further left.
        let forged = "8.8.8.8, 203.0.113.9";
        assert_eq!(source(&proxies, "10.0.0.2", &[forged]), "203.0.113.9");
        let two_headers = ["8.8.8.8", "203.0.113.9"];
        assert_eq!(source(&proxies, "10.0.0.2", &two_headers), "203.0.113.9");
        // Claiming to be a proxy of the operator's leads to whoever was connected to it.
        let inside = "8.8.8.8, 203.0.113.9, 10.1.1.1";
        assert_eq!(source(&proxies, "10.0.0.2", &[inside]), "203.0.113.9");
    }

    #[test]
    fn reads_what_proxies_write() {
        let proxies = ["127.0.0.0/8", "::1/128"];
        for (list, found) in [
            ("203.0.113.9", "203.0.113.9"),
            ("203.0.113.9:4711", "203.0.113.9"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("unknown", "127.0.0.1"),
            ("203.0.113.9, _hidden", "127.0.0.1"),
            ("", "127.0.0.1"),
        ] {
            assert_eq!(source(&proxies, "127.0.0.1", &[list]), found, "{list}");
        }
        assert_eq!(
            source(&proxies, "::ffff:127.0.0.1", &["1.2.3.4"]),
            "1.2.3.4"
        );
        assert_eq!(source(&proxies, "127.0.0.1", &[]), "127.0.0.1");
        let endless = "127.0.0.1,".repeat(10_000);
        assert_eq!(source(&proxies, "127.0.0.1", &[&endless]), "127.0.0.1");
    }
}
