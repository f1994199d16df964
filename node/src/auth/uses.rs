//! When and from where each session was last used, noted at most once a minute for each.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use moka::sync::Cache;

use crate::base::ids::SessionId;
use crate::platform::db::schema::sessions;

/// How often the use of one session is noted at most.
const NOTE_EVERY: Duration = Duration::from_mins(1);
/// Sessions of which is remembered when their use was noted last.
const REMEMBERED: u64 = 100_000;
/// Notes that wait to be written at most; further ones are left out until the next minute.
const WAITING: usize = 50_000;

/// One use of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) session: SessionId,
    pub(super) at: Timestamp,
    pub(super) from: Option<String>,
}

/// The uses that were noted and are not written yet.
#[derive(Debug)]
pub(super) struct Uses {
    noted: Cache<SessionId, Timestamp>,
    waiting: Mutex<HashMap<SessionId, Use>>,
}

impl Uses {
    pub(super) fn new() -> Self {
        Self {
            noted: Cache::new(REMEMBERED),
            waiting: Mutex::default(),
        }
    }

    /// Notes that a session was used, unless it was noted within the last minute.
    pub(super) fn note(&self, session: SessionId, from: Option<IpAddr>, at: Timestamp) {
        let is_noted = |last: Timestamp| at.since(last) < NOTE_EVERY;
        if self.noted.get(&session).is_some_and(is_noted) {
            return;
        }
        self.noted.insert(session, at);
        let from = from.map(hint);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < WAITING {
            waiting.insert(session, Use { session, at, from });
        }
    }

    /// Takes what was noted, to write it.
    pub(super) fn take(&self) -> Vec<Use> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *waiting).into_values().collect()
    }
}

/// The network an address is in: enough to recognise a place by, and not the address itself.
pub(super) fn hint(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let network = Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << 8));
            format!("{network}/24")
        }
        IpAddr::V6(address) => {
            let network = Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 80));
            format!("{network}/48")
        }
    }
}

/// Writes down when and from where sessions were used.
pub(super) fn write(connection: &mut Connection, uses: &[Use]) -> Result<(), DatabaseError> {
    for noted in uses {
        let row = sessions::table
            .filter(sessions::id.eq(noted.session))
            .filter(sessions::last_used_at.le(noted.at.as_millis()));
        let at = sessions::last_used_at.eq(noted.at.as_millis());
        if let Some(from) = &noted.from {
            let from = sessions::last_network.eq(from);
            diesel::update(row).set((at, from)).execute(connection)?;
        } else {
            diesel::update(row).set(at).execute(connection)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_network_and_not_the_address() {
        for (address, network) in [
            ("203.0.113.77", "203.0.113.0/24"),
            ("::ffff:203.0.113.77", "203.0.113.0/24"),
            ("2001:db8:7:8:9::1", "2001:db8:7::/48"),
            ("::1", "::/48"),
        ] {
            assert_eq!(hint(address.parse().unwrap()), network);
        }
    }

    #[test]
    fn notes_a_session_once_a_minute() {
        let start = Timestamp::from_millis(1_795_190_734_032);
        let (uses, session) = (Uses::new(), SessionId::new(start));
        let from = "203.0.113.77".parse().ok();
        for second in 0..60 {
            uses.note(session, from, start.plus(Duration::from_secs(second)));
        }
        let taken = uses.take();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].at, start);
        uses.note(session, from, start.plus(NOTE_EVERY));
        assert_eq!(uses.take().len(), 1);
        assert!(uses.take().is_empty());
    }
}
