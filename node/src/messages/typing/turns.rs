//! How often it is told that somebody is writing; no IO.

use std::collections::HashMap;
use std::time::Duration;

use federation_core::Timestamp;

use crate::base::ids::{ChannelId, UserId};

/// Others are told of one member in one channel at most once within this.
const AGAIN: Duration = Duration::from_secs(5);
/// Members and channels remembered at most; while there are more, no further ones are told of (I11).
const MOST: usize = 50_000;

/// Who was told of, and until when that is enough.
#[derive(Debug, Default)]
pub(super) struct Turns {
    told: HashMap<(UserId, ChannelId), Timestamp>,
    /// Those whose time is up are not looked for before this.
    sweep_at: Option<Timestamp>,
}

impl Turns {
    /// Whether to tell of a member now.
    pub(super) fn take(&mut self, user: UserId, channel: ChannelId, now: Timestamp) -> bool {
        let key = (user, channel);
        if self.told.get(&key).is_some_and(|until| *until > now) {
            return false;
        }
        if self.sweep_at.is_none_or(|at| at <= now) {
            self.told.retain(|_, until| *until > now);
            self.sweep_at = Some(now.plus(AGAIN));
        }
        if self.told.len() >= MOST && !self.told.contains_key(&key) {
            return false;
        }
        self.told.insert(key, now.plus(AGAIN));
        true
    }

    /// They have written what they were writing.
    pub(super) fn end(&mut self, user: UserId, channel: ChannelId) {
        self.told.remove(&(user, channel));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_795_190_734_032);

    fn at(seconds: u64) -> Timestamp {
        START.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn one_member_is_told_of_once_in_five_seconds_and_channel() {
        let mut turns = Turns::default();
        let user = UserId::new(START);
        let (here, there) = (ChannelId::new(START), ChannelId::new(START));
        assert!(turns.take(user, here, at(0)));
        assert!(turns.take(user, there, at(0)));
        assert!(turns.take(UserId::new(START), here, at(0)));
        for second in 0..5 {
            assert!(!turns.take(user, here, at(second)), "{second}");
        }
        assert!(turns.take(user, here, at(5)));
        turns.end(user, here);
        assert!(turns.take(user, here, at(6)));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_comes_to_an_end() {
        let mut turns = Turns::default();
        let channel = ChannelId::new(START);
        for _ in 0..MOST {
            assert!(turns.take(UserId::new(START), channel, at(0)));
        }
        assert!(!turns.take(UserId::new(START), channel, at(1)));
        assert_eq!(turns.told.len(), MOST);
        assert!(turns.take(UserId::new(START), channel, at(5)));
        assert_eq!(turns.told.len(), 1);
    }
}
