//! Ports for servers that are yet to start.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that systems give to the many here who ask for any.
static NEXT: AtomicU16 = AtomicU16::new(8_000);

/// A loopback port that nothing listens on, given once: a server may take a second until it listens.
pub(crate) fn free() -> u16 {
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
