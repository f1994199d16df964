//! Blocked domains, and the one spelling in which hosts are compared.

use std::collections::HashSet;
use std::fmt;
use std::net::Ipv6Addr;
use std::sync::{PoisonError, RwLock};

use thiserror::Error;
use url::{Host, Url};

/// Bytes of a domain at most (RFC 1035 s2.3.4).
const MAX_DOMAIN: usize = 253;

/// Bytes of a host and port that are read at most, as written: four for each character.
const MAX_HOST_TEXT: usize = 4 * MAX_DOMAIN + ":65535".len();

/// Decides which domains this server has nothing to do with.
///
/// Asked for every request in and out, so it must answer from memory.
pub trait DomainPolicy: fmt::Debug + Send + Sync + 'static {
    /// Whether `host`, in any spelling, is blocked.
    fn is_blocked(&self, host: &str) -> bool;
}

/// A text that is not a domain.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is not a domain")]
pub struct InvalidDomain {
    /// The text.
    pub text: String,
}

impl InvalidDomain {
    /// Whether the same text may be a domain later: never.
    pub const fn is_retryable(&self) -> bool {
        false
    }
}

/// A set of blocked domains, each with everything below it. Changes apply at once.
#[derive(Debug, Default)]
pub struct BlockedDomains(RwLock<HashSet<String>>);

impl BlockedDomains {
    /// Blocks these domains.
    ///
    /// # Errors
    /// [`InvalidDomain`] for the first text that is none.
    pub fn new<'a>(domains: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidDomain> {
        let blocked = Self::default();
        for domain in domains {
            blocked.block(domain)?;
        }
        Ok(blocked)
    }

    /// Blocks a domain and everything below it.
    ///
    /// # Errors
    /// [`InvalidDomain`] when the text is none.
    pub fn block(&self, domain: &str) -> Result<(), InvalidDomain> {
        let host = canonical_host(domain);
        if host.is_empty() || Host::parse(&host).is_err() {
            let text = domain.to_owned();
            return Err(InvalidDomain { text });
        }
        let mut blocked = self.0.write().unwrap_or_else(PoisonError::into_inner);
        blocked.insert(host);
        Ok(())
    }

    /// Stops blocking a domain; what else is blocked stays so.
    pub fn unblock(&self, domain: &str) {
        let mut blocked = self.0.write().unwrap_or_else(PoisonError::into_inner);
        blocked.remove(&canonical_host(domain));
    }
}

impl DomainPolicy for BlockedDomains {
    fn is_blocked(&self, host: &str) -> bool {
        let host = canonical_host(host);
        let blocked = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if blocked.is_empty() {
            return false;
        }
        // No domain is longer, and each of its labels is looked up with all behind it.
        if host.len() > MAX_DOMAIN {
            return false;
        }
        let mut rest = host.as_str();
        loop {
            if blocked.contains(rest) {
                return true;
            }
            match rest.split_once('.') {
                Some((_, parent)) => rest = parent,
                None => return false,
            }
        }
    }
}

/// What one owner has together, as far as that shows in the host of a URL: whoever has one name in
/// it may have any number of them.
///
/// The last two labels of a domain, an IPv4 address, or the /64 of an IPv6 address. Without a list
/// of the suffixes under which names are sold, strangers below one such suffix (`co.uk`) share a
/// site: bounds by site have to leave room for them.
pub fn site_of(url: &Url) -> String {
    let host = canonical_host(url.host_str().unwrap_or_default());
    match url.host() {
        Some(Host::Ipv6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
        }
        Some(Host::Domain(_)) => {
            let mut dots = host.rmatch_indices('.').map(|(at, _)| at);
            let start = dots.nth(1).map_or(0, |at| at + 1);
            host.get(start..).unwrap_or(&host).to_owned()
        }
        _ => host,
    }
}

/// A host in the one spelling in which hosts are compared: lower case, punycode, without port and
/// without trailing dots.
///
/// Texts that are no host come back in lower case, so that they equal no host.
pub fn canonical_host(host: &str) -> String {
    let host = host.trim();
    if host.len() > MAX_HOST_TEXT {
        return host.to_lowercase();
    }
    let without_port = match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|byte| byte.is_ascii_digit())
                && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    };
    let bare = without_port.trim_end_matches('.');
    match Host::parse(bare) {
        // An ideographic full stop at the end becomes a dot only in parsing.
        Ok(parsed) => parsed.to_string().trim_end_matches('.').to_owned(),
        Err(_) => bare.to_lowercase(),
    }
}
