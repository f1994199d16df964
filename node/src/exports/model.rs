//! Whose archive is on its way, and how much at once; no IO.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::base::ids::UserId;
use crate::platform::http::error::ApiError;

/// Exports of one member within [`DAY`] at most, those included that were cut.
pub(super) const MOST_A_DAY: usize = 5;
/// The time in which exports of one member are counted.
pub(super) const DAY: Duration = Duration::from_hours(24);
/// Exports of one process under way at most.
const MOST_AT_ONCE: usize = 8;
/// When a process that has [`MOST_AT_ONCE`] is worth another try.
const TRY_AGAIN_AFTER: Duration = Duration::from_mins(1);
/// How long a reader may take nothing.
pub(super) const LONGEST_STALL: Duration = Duration::from_mins(1);
/// How long one export may take.
pub(super) const LONGEST: Duration = Duration::from_hours(1);
/// Rows that are read at once.
pub(super) const PAGE: i64 = 50;
/// Records in one part at most.
pub(super) const PART_RECORDS: usize = 1_000;
/// Bytes after which a part is sent, however few its records are.
pub(super) const PART_BYTES: usize = 2 * 1024 * 1024;

/// The members of whom this process sends an archive.
#[derive(Clone, Debug, Default)]
pub(super) struct Running(Arc<Mutex<HashSet<UserId>>>);

/// A place among those under way, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    running: Running,
    user: UserId,
}

impl Running {
    /// Takes the place of a member.
    ///
    /// # Errors
    /// 409 when one of theirs is under way, 503 when too many of others are.
    pub(super) fn take(&self, user: UserId) -> Result<Slot, ApiError> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if running.contains(&user) {
            let detail = "An export of your data is under way; wait for its end or break it off.";
            return Err(ApiError::conflict("export_running", detail));
        }
        if running.len() >= MOST_AT_ONCE {
            let detail = "Many members export their data at this moment; try again.";
            return Err(ApiError::unavailable(detail, TRY_AGAIN_AFTER));
        }
        running.insert(user);
        Ok(Slot {
            running: self.clone(),
            user,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let running = self.running.0.lock();
        running
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.user);
    }
}

#[cfg(test)]
mod tests {
    use federation_core::Timestamp;

    use super::*;

    fn members(count: usize) -> Vec<UserId> {
        let now = Timestamp::from_millis(1_795_190_734_032);
        (0..count).map(|_| UserId::new(now)).collect()
    }

    #[test]
    fn a_member_has_one_place() {
        let running = Running::default();
        let alice = members(1)[0];
        let slot = running.take(alice).unwrap();
        assert_eq!(running.take(alice).unwrap_err().code(), "export_running");
        drop(slot);
        assert!(running.take(alice).is_ok());
    }

    #[test]
    fn places_are_bounded() {
        let running = Running::default();
        let members = members(MOST_AT_ONCE + 1);
        let (last, first) = members.split_last().unwrap();
        let mut taken: Vec<Slot> = first.iter().map(|id| running.take(*id).unwrap()).collect();
        let refused = running.take(*last).unwrap_err();
        assert_eq!(refused.code(), "unavailable");
        assert_eq!(refused.retry_after(), Some(TRY_AGAIN_AFTER));
        taken.pop();
        assert!(running.take(*last).is_ok());
    }
}
