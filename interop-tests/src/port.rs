//! Ports for servers that are yet to start.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::process;
use std::sync::LazyLock;
use std::sync::Mutex;
use std::sync::PoisonError;

use anyhow::Context as _;
use anyhow::Result;

/// Below the ports that systems give to those who ask for any: Linux begins at 32,768.
const FIRST: u16 = 12_000;
const LAST: u16 = 32_000;

/// The port to try next. Processes that run at the same time begin at different places.
static NEXT: LazyLock<Mutex<u16>> = LazyLock::new(|| {
    let spread = process::id().wrapping_mul(997) % u32::from(LAST - FIRST);
    Mutex::new(u16::try_from(spread).map_or(FIRST, |spread| FIRST + spread))
});

/// A loopback port that nothing listens on, and that this process has not given to anything else: a
/// server may take a second until it listens, in which others ask for ports too.
///
/// # Errors
/// When there is none.
pub fn free() -> Result<u16> {
    Ok(free_on(Ipv4Addr::LOCALHOST)?.port())
}

/// As [`free`], on another address of this machine.
///
/// # Errors
/// As [`free`].
pub fn free_on(address: Ipv4Addr) -> Result<SocketAddr> {
    let mut next = NEXT.lock().unwrap_or_else(PoisonError::into_inner);
    let free = (FIRST..=LAST).find_map(|_| {
        let port = *next;
        *next = if port < LAST { port + 1 } else { FIRST };
        TcpListener::bind((address, port)).ok()
    });
    let listener = free.with_context(|| format!("no port on {address}"))?;
    Ok(listener.local_addr()?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn no_port_is_given_twice_and_none_that_is_taken() {
        let taken = free_on(Ipv4Addr::LOCALHOST).unwrap().port() + 1;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, taken));
        let given: Vec<u16> = (0..1_000).map(|_| free().unwrap()).collect();
        let different: BTreeSet<u16> = given.iter().copied().collect();
        assert_eq!(different.len(), given.len());
        assert!(listener.is_err() || !different.contains(&taken));
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, given[999])).is_err());
    }
}
