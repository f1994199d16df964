//! Which servers may be spoken to: by URL before anything is sent, by socket address when the
//! connection is made.
//!
//! A name is checked twice on purpose. What it resolved to a moment ago proves nothing about the
//! address that is connected to (DNS rebinding), so [`GuardPolicy::check_address`] runs inside
//! the client's own resolver, and again on the address of the connection that answered.

mod address;
mod domain;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use thiserror::Error;
use url::{Host, Url};

pub use domain::{BlockedDomains, DomainPolicy, InvalidDomain, canonical_host, site_of};

/// What outgoing requests may reach.
///
/// By default: `https` to public addresses, on port 443, 80 or any port from 1024 up. Each
/// setting opens exactly one thing and leaves every other check on.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct GuardPolicy {
    /// Ranges that are not public but may be reached, such as `127.0.0.0/8` on a test network.
    pub allowed_private_ranges: Vec<IpNet>,
    /// Whether `http` URLs may be reached too.
    pub allow_http: bool,
    /// Domains that are never spoken to.
    pub blocked: Option<Arc<dyn DomainPolicy>>,
}

/// Why a request was refused before it left. Never worth a retry while the policy stays.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GuardError {
    /// The scheme is not `https`, nor an allowed `http`.
    #[error("the scheme {scheme:?} is not allowed")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// The URL carries a user name or password.
    #[error("the URL carries a user name or password")]
    UserInfo,
    /// The URL has no host, or one that names no public server, such as `localhost` or `x.onion`.
    #[error("the host {host:?} does not name a public server")]
    Host {
        /// The host.
        host: String,
    },
    /// The port belongs to another protocol than HTTP.
    #[error("the port {port} is not allowed")]
    Port {
        /// The port.
        port: u16,
    },
    /// The address is not public, or belongs to another purpose.
    #[error("the address {address} is not public")]
    Address {
        /// The address.
        address: IpAddr,
    },
    /// The domain is blocked here.
    #[error("the domain {host:?} is blocked")]
    Blocked {
        /// The domain.
        host: String,
    },
}

impl GuardError {
    /// Whether the same request may be let out later: never, as far as the guard knows.
    pub const fn is_retryable(&self) -> bool {
        false
    }
}

/// The highest port that belongs to system services; of these only 80 and 443 are spoken to.
const LAST_SYSTEM_PORT: u16 = 1023;

/// Names under which no public server can be found (RFC 6761, RFC 6762, RFC 7686, RFC 8375,
/// RFC 9476).
const NEVER_PUBLIC: &[&str] = &["onion", "i2p", "alt", "invalid"];

/// Names of private networks; spoken to only when some private range is allowed.
const PRIVATE_NAMES: &[&str] = &["localhost", "local", "internal", "lan", "home", "arpa"];

impl GuardPolicy {
    /// A policy for test networks: the ranges in `allowed`, and `http` when asked for.
    pub fn with_private_ranges(allowed: Vec<IpNet>, allow_http: bool) -> Self {
        Self {
            allowed_private_ranges: allowed,
            allow_http,
            blocked: None,
        }
    }

    /// The same policy with these domains blocked.
    #[must_use]
    pub fn blocking(mut self, blocked: Arc<dyn DomainPolicy>) -> Self {
        self.blocked = Some(blocked);
        self
    }

    /// Checks everything about a URL that can be known without resolving its name.
    ///
    /// # Errors
    /// [`GuardError`] for the first thing that is not allowed.
    ///
    /// # Security
    /// A name that passes is not yet allowed: the address it leads to has to pass
    /// [`GuardPolicy::check_address`] when the connection is made.
    pub fn check_url(&self, url: &Url) -> Result<(), GuardError> {
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            other => {
                let scheme = other.to_owned();
                return Err(GuardError::Scheme { scheme });
            }
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(GuardError::UserInfo);
        }
        match url.host() {
            None => return Err(refused_host("")),
            Some(Host::Ipv4(address)) => self.check_address(address.into())?,
            Some(Host::Ipv6(address)) => self.check_address(address.into())?,
            Some(Host::Domain(name)) => self.check_name(name)?,
        }
        let port = url.port_or_known_default().unwrap_or(0);
        if port == 0 || (port <= LAST_SYSTEM_PORT && port != 80 && port != 443) {
            return Err(GuardError::Port { port });
        }
        if let (Some(blocked), Some(host)) = (&self.blocked, url.host_str())
            && blocked.is_blocked(host)
        {
            let host = canonical_host(host);
            return Err(GuardError::Blocked { host });
        }
        Ok(())
    }

    /// Checks the address that a connection is about to be made to.
    ///
    /// # Errors
    /// [`GuardError::Address`] when it is neither public nor in an allowed range. IPv6 forms that
    /// carry an IPv4 address are judged by that address.
    pub fn check_address(&self, address: IpAddr) -> Result<(), GuardError> {
        let meant = address::meant(address);
        let mut allowed = self.allowed_private_ranges.iter();
        if address::is_public(meant)
            || allowed.any(|range| range.contains(&address) || range.contains(&meant))
        {
            return Ok(());
        }
        Err(GuardError::Address { address })
    }

    fn check_name(&self, name: &str) -> Result<(), GuardError> {
        // A trailing dot would make two spellings of one host.
        if name.is_empty() || name.ends_with('.') || name.len() > 253 {
            return Err(refused_host(name));
        }
        let last = name.rsplit('.').next().unwrap_or(name);
        if NEVER_PUBLIC.contains(&last) {
            return Err(refused_host(name));
        }
        let private = PRIVATE_NAMES.contains(&last) || !name.contains('.');
        if private && self.allowed_private_ranges.is_empty() {
            return Err(refused_host(name));
        }
        Ok(())
    }
}

fn refused_host(host: &str) -> GuardError {
    GuardError::Host {
        host: host.chars().take(253).collect(),
    }
}
