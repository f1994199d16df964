//! [`Known`]: what was found out of permissions, until something changes.
//!
//! Reading goes by what is remembered; writing is judged from the rows in its own transaction.
//! Nothing depends on the notices of other processes: what one of them changes shows here at the
//! latest after half a second.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use federation_core::Timestamp;
use moka::sync::Cache;

use crate::base::ids::{ChannelId, CommunityId, UserId};
use crate::base::permission::Permissions;
use crate::platform::cluster::{Cluster, Notice};

/// How long something found out counts: what another process changes shows after this.
const REMEMBERED_FOR: Duration = Duration::from_millis(500);
/// Answers remembered at most (I11).
const CAPACITY: u64 = 200_000;
/// Communities whose last change is remembered at most; then everything counts as changed.
const COMMUNITIES: usize = 10_000;

/// What was found out of permissions; clones share it.
#[derive(Clone)]
pub struct Known(Arc<Shared>);

struct Shared {
    held: Cache<(UserId, ChannelId), Held>,
    cluster: Cluster,
    /// Counts changes, so that an answer read before one is not remembered after it.
    changes: AtomicU64,
    last: RwLock<Last>,
}

/// When communities changed last, by the count of changes.
#[derive(Default)]
struct Last {
    all: u64,
    each: HashMap<CommunityId, u64>,
}

/// What somebody may do in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// What.
    pub permissions: Permissions,
    /// Of which community the channel is; none for conversations.
    pub community: Option<CommunityId>,
    /// When it changes by itself, since somebody is silenced until then.
    pub until: Option<i64>,
    /// The count of changes before it was read ([`Known::changes`]).
    pub read_at: u64,
}

impl Known {
    /// Nothing yet; changes are told to the other processes of `cluster`.
    pub fn new(cluster: Cluster) -> Self {
        let held = Cache::builder()
            .max_capacity(CAPACITY)
            .time_to_live(REMEMBERED_FOR)
            .build();
        Self(Arc::new(Shared {
            held,
            cluster,
            changes: AtomicU64::new(0),
            last: RwLock::default(),
        }))
    }

    /// The count of changes; ask before reading what is to be remembered.
    pub fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::SeqCst)
    }

    /// What is remembered of somebody in a channel, as far as it still holds.
    pub fn get(&self, user: UserId, channel: ChannelId, now: Timestamp) -> Option<Held> {
        let held = self.0.held.get(&(user, channel))?;
        let ended = held.until.is_some_and(|until| until <= now.as_millis());
        let last = self.0.last.read().unwrap_or_else(PoisonError::into_inner);
        let changed = held.community.and_then(|id| last.each.get(&id).copied());
        let is_stale = last.all.max(changed.unwrap_or(0)) > held.read_at;
        (!ended && !is_stale).then_some(held)
    }

    /// Remembers what was read.
    pub fn put(&self, user: UserId, channel: ChannelId, held: Held) {
        self.0.held.insert((user, channel), held);
    }

    /// Forgets what is remembered of a community, here and in other processes. Call it after the
    /// commit of whatever changes its roles, members or channels.
    pub fn changed(&self, community: CommunityId) {
        self.forget(community);
        self.0.cluster.tell(Notice::CommunityChanged { community });
    }

    /// Takes up what another process tells.
    pub fn heard(&self, notice: &Notice) {
        match notice {
            Notice::CommunityChanged { community } => self.forget(*community),
            Notice::AccountChanged { .. } | Notice::RolesChanged | Notice::Missed => {
                self.forget_all();
            }
            _ => {}
        }
    }

    fn forget(&self, community: CommunityId) {
        let change = self.0.changes.fetch_add(1, Ordering::SeqCst) + 1;
        let mut last = self.0.last.write().unwrap_or_else(PoisonError::into_inner);
        if last.each.len() >= COMMUNITIES && !last.each.contains_key(&community) {
            last.each.clear();
            last.all = last.all.max(change);
        }
        let known = last.each.entry(community).or_default();
        *known = change.max(*known);
    }

    fn forget_all(&self) {
        let change = self.0.changes.fetch_add(1, Ordering::SeqCst) + 1;
        let mut last = self.0.last.write().unwrap_or_else(PoisonError::into_inner);
        last.each.clear();
        last.all = last.all.max(change);
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Known")
            .field("changes", &self.changes())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_does_not_count_after_it() {
        let known = Known::new(Cluster::alone());
        let now = Timestamp::from_millis(1_795_190_734_032);
        let (user, channel) = (UserId::new(now), ChannelId::new(now));
        let (ours, other) = (CommunityId::new(now), CommunityId::new(now));
        let read = |until| Held {
            permissions: Permissions::ALL,
            community: Some(ours),
            until,
            read_at: known.changes(),
        };
        let early = read(None);
        known.put(user, channel, early);
        assert_eq!(known.get(user, channel, now), Some(early));
        known.changed(other);
        assert!(known.get(user, channel, now).is_some());
        known.changed(ours);
        assert_eq!(known.get(user, channel, now), None);
        // Read before the change, put after it.
        known.put(user, channel, early);
        assert_eq!(known.get(user, channel, now), None);
        known.put(user, channel, read(None));
        assert!(known.get(user, channel, now).is_some());
        known.heard(&Notice::CommunityChanged { community: ours });
        assert_eq!(known.get(user, channel, now), None);
        known.put(user, channel, read(None));
        known.heard(&Notice::Missed);
        assert_eq!(known.get(user, channel, now), None);
        // A time-out ends by itself.
        known.put(user, channel, read(Some(now.as_millis() + 1)));
        assert!(known.get(user, channel, now).is_some());
        let later = now.plus(Duration::from_millis(1));
        assert_eq!(known.get(user, channel, later), None);
    }
}
