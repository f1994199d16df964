//! [`ClientAddress`]: where a request comes from.

use std::net::IpAddr;

/// The address of the client, which is not that of a proxy the settings name.
///
/// Every request carries it as an extension. `X-Forwarded-For` is read from its end, through
/// proxies of `server.trusted_proxies` alone; `Forwarded` (RFC 7239) is not read, since a proxy
/// that writes one of the two passes on what a client wrote into the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);
