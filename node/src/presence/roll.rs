//! Who has sockets open, here and at other processes, and of whom to tell when; no IO.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use federation_core::Timestamp;

use crate::base::ids::{ProcessId, UserId};

/// How long somebody without a socket still counts as there: a reconnect shows nothing.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// Others are told of one member at most once within this.
pub(super) const INTERVAL: Duration = Duration::from_secs(2);
/// How long what another process told counts.
pub(super) const LEASE: Duration = Duration::from_secs(35);
/// Members of other processes that are held at most.
const MOST_ELSEWHERE: usize = 200_000;
/// Processes that are held for one member at most.
const MOST_PROCESSES: usize = 64;

/// Who has sockets open, and of whom to tell when.
#[derive(Debug, Default)]
pub(super) struct Roll {
    /// Open sockets of this process.
    here: HashMap<UserId, usize>,
    /// At which other processes, and until when that counts.
    elsewhere: HashMap<UserId, HashMap<ProcessId, Timestamp>>,
    /// Until when those without a socket still count as there.
    grace: HashMap<UserId, Timestamp>,
    plans: HashMap<UserId, Plan>,
    /// When others were last told.
    told: HashMap<UserId, Timestamp>,
    /// Whose first socket opened here, or last one closed, since the other processes were told.
    moved: HashSet<UserId>,
}

#[derive(Clone, Copy, Debug)]
struct Plan {
    due: Timestamp,
    chose: bool,
}

/// A member to look at now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) user: UserId,
    /// Whether they have a socket open, or had one a moment ago.
    pub(super) connected: bool,
    /// Whether they chose something else, which their own sockets are told.
    pub(super) chose: bool,
}

impl Roll {
    /// A socket of this process opened; whether it is the first one of the member.
    pub(super) fn enter(&mut self, user: UserId, now: Timestamp) -> bool {
        let open = self.here.entry(user).or_default();
        *open = open.saturating_add(1);
        if *open > 1 {
            return false;
        }
        self.moved.insert(user);
        self.grace.remove(&user);
        self.plan(user, now, false);
        true
    }

    /// A socket of this process closed; whether it was the last one of the member.
    pub(super) fn leave(&mut self, user: UserId, now: Timestamp) -> bool {
        let Some(open) = self.here.get_mut(&user) else {
            return false;
        };
        *open = open.saturating_sub(1);
        if *open > 0 {
            return false;
        }
        self.here.remove(&user);
        self.moved.insert(user);
        self.begin_grace(user, now);
        true
    }

    /// A member chose another presence or text.
    pub(super) fn chose(&mut self, user: UserId, now: Timestamp) {
        self.plan(user, now, true);
    }

    /// Another process has these members.
    pub(super) fn are_at(&mut self, process: ProcessId, users: Vec<UserId>, now: Timestamp) {
        for user in users {
            let is_known = self.elsewhere.contains_key(&user);
            if !is_known && self.elsewhere.len() >= MOST_ELSEWHERE {
                continue;
            }
            let places = self.elsewhere.entry(user).or_default();
            if places.len() < MOST_PROCESSES || places.contains_key(&process) {
                places.insert(process, now.plus(LEASE));
            }
            if !is_known {
                self.grace.remove(&user);
                self.plan(user, now, false);
            }
        }
    }

    /// Another process has these members no longer.
    pub(super) fn are_gone_from(&mut self, process: ProcessId, users: &[UserId], now: Timestamp) {
        for user in users {
            let Some(places) = self.elsewhere.get_mut(user) else {
                continue;
            };
            places.remove(&process);
            if places.is_empty() {
                self.elsewhere.remove(user);
                self.begin_grace(*user, now);
            }
        }
    }

    /// Forgets what other processes told too long ago.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let mut gone = Vec::new();
        self.elsewhere.retain(|user, places| {
            places.retain(|_, until| *until > now);
            if places.is_empty() {
                gone.push(*user);
            }
            !places.is_empty()
        });
        for user in gone {
            self.plan(user, now, false);
        }
    }

    /// Looks at everybody again who is held as there: what they chose may have been missed.
    pub(super) fn look_at_all(&mut self, at: Timestamp) {
        let known = self.here.keys().chain(self.elsewhere.keys());
        let known: Vec<UserId> = known.chain(self.grace.keys()).copied().collect();
        for user in known {
            self.plan(user, at, false);
        }
    }

    /// Those who came and those who went at this process since the last call.
    pub(super) fn take_moved(&mut self) -> (Vec<UserId>, Vec<UserId>) {
        let moved = std::mem::take(&mut self.moved);
        moved
            .into_iter()
            .partition(|user| self.here.contains_key(user))
    }

    /// Everybody with a socket at this process.
    pub(super) fn present(&self) -> Vec<UserId> {
        self.here.keys().copied().collect()
    }

    /// When to look again; `None` when nothing is planned.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.plans.values().map(|plan| plan.due).min()
    }

    /// The members to look at by now.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Vec<Due> {
        self.told.retain(|_, at| at.plus(INTERVAL) > now);
        self.grace.retain(|_, until| *until > now);
        let mut due = Vec::new();
        self.plans.retain(|user, plan| {
            let is_due = plan.due <= now;
            if is_due {
                due.push((*user, plan.chose));
            }
            !is_due
        });
        due.into_iter()
            .map(|(user, chose)| {
                let grace = self.grace.get(&user).copied();
                if let Some(end) = grace {
                    // There for the moment: look again at the end of it.
                    self.plan(user, end, false);
                }
                let has_socket =
                    self.here.contains_key(&user) || self.elsewhere.contains_key(&user);
                Due {
                    user,
                    connected: has_socket || grace.is_some(),
                    chose,
                }
            })
            .collect()
    }

    /// Others have been told of a member.
    pub(super) fn told(&mut self, user: UserId, now: Timestamp) {
        self.told.insert(user, now);
    }

    /// What was due could not be looked at: it is tried again at `at`.
    pub(super) fn again(&mut self, due: &[Due], at: Timestamp) {
        for due in due {
            self.plan(due.user, at, due.chose);
        }
    }

    fn begin_grace(&mut self, user: UserId, now: Timestamp) {
        if self.here.contains_key(&user) || self.elsewhere.contains_key(&user) {
            return;
        }
        let end = now.plus(GRACE);
        self.grace.insert(user, end);
        self.plan(user, end, false);
    }

    /// Plans to look at a member at `at`, or as soon after as others may be told again.
    fn plan(&mut self, user: UserId, at: Timestamp, chose: bool) {
        let quiet = self.told.get(&user).map(|told| told.plus(INTERVAL));
        let at = quiet.map_or(at, |quiet| quiet.max(at));
        let plan = self.plans.entry(user).or_insert(Plan { due: at, chose });
        plan.due = plan.due.min(at);
        plan.chose |= chose;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_795_190_734_032);

    fn at(seconds: u64) -> Timestamp {
        START.plus(Duration::from_secs(seconds))
    }

    /// Whether the one member who is due is there; `None` when nobody is due.
    fn look(roll: &mut Roll, now: Timestamp) -> Option<bool> {
        let due = roll.take_due(now);
        assert!(due.len() < 2, "{due:?}");
        due.first().map(|due| due.connected)
    }

    #[test]
    fn a_reconnect_within_the_grace_shows_nothing() {
        let (mut roll, user) = (Roll::default(), UserId::new(START));
        assert!(roll.enter(user, at(0)));
        assert!(!roll.enter(user, at(0)));
        assert_eq!(look(&mut roll, at(0)), Some(true));
        assert!(!roll.leave(user, at(3)));
        assert!(roll.leave(user, at(3)));
        assert_eq!(roll.next(), Some(at(8)));
        assert!(roll.enter(user, at(4)));
        assert_eq!(look(&mut roll, at(4)), Some(true));
        assert_eq!(look(&mut roll, at(8)), None);
        assert!(roll.leave(user, at(9)));
        assert_eq!(look(&mut roll, at(13)), None);
        assert_eq!(look(&mut roll, at(14)), Some(false));
        assert_eq!(roll.next(), None);
        assert!(!roll.leave(user, at(15)));
    }

    #[test]
    fn a_look_within_the_grace_does_not_end_it() {
        let (mut roll, user) = (Roll::default(), UserId::new(START));
        roll.enter(user, at(0));
        assert_eq!(look(&mut roll, at(0)), Some(true));
        roll.told(user, at(0));
        roll.leave(user, at(1));
        roll.chose(user, at(1));
        assert_eq!(look(&mut roll, at(2)), Some(true));
        assert_eq!(roll.next(), Some(at(6)));
        assert_eq!(look(&mut roll, at(6)), Some(false));
    }

    #[test]
    fn others_are_told_of_one_member_once_in_the_interval() {
        let (mut roll, user) = (Roll::default(), UserId::new(START));
        roll.enter(user, at(0));
        assert_eq!(roll.take_due(at(0)).len(), 1);
        roll.told(user, at(0));
        for _ in 0..100 {
            roll.chose(user, at(1));
        }
        assert_eq!(roll.next(), Some(at(2)));
        assert!(roll.take_due(at(1)).is_empty());
        let due = roll.take_due(at(2));
        assert!(matches!(due.as_slice(), [due] if due.chose && due.connected));
        roll.chose(user, at(3));
        assert_eq!(roll.next(), Some(at(3)));
    }

    #[test]
    fn what_another_process_told_ends_with_its_lease() {
        let (mut roll, user) = (Roll::default(), UserId::new(START));
        let (one, two) = (ProcessId::new(START), ProcessId::new(START));
        roll.are_at(one, vec![user], at(0));
        roll.are_at(two, vec![user], at(10));
        assert_eq!(look(&mut roll, at(10)), Some(true));
        roll.are_gone_from(two, &[user], at(11));
        roll.expire(at(34));
        assert_eq!(roll.next(), None);
        roll.expire(at(35));
        assert_eq!(look(&mut roll, at(35)), Some(false));
        roll.are_at(one, vec![user], at(40));
        assert_eq!(look(&mut roll, at(40)), Some(true));
        roll.are_gone_from(one, &[user], at(41));
        // They come to this process instead.
        roll.enter(user, at(42));
        assert_eq!(look(&mut roll, at(46)), Some(true));
        assert_eq!(roll.next(), None);
    }

    #[test]
    fn everybody_is_looked_at_again_wherever_they_are() {
        let user = || UserId::new(START);
        let (mut roll, here, elsewhere, going) = (Roll::default(), user(), user(), user());
        roll.enter(here, at(0));
        roll.enter(going, at(0));
        roll.are_at(ProcessId::new(START), vec![elsewhere], at(0));
        assert_eq!(roll.take_due(at(0)).len(), 3);
        roll.leave(going, at(1));
        roll.told(here, at(1));
        // However often it is asked for, it is done once.
        for _ in 0..100 {
            roll.look_at_all(at(2));
        }
        let due = roll.take_due(at(2));
        assert!(due.iter().all(|due| due.connected && !due.chose));
        let mut looked_at: Vec<UserId> = due.iter().map(|due| due.user).collect();
        looked_at.sort_unstable();
        let mut expected = [elsewhere, going];
        expected.sort_unstable();
        assert_eq!(looked_at, expected);
        // Of one who was told of a moment ago others are told later.
        assert_eq!(roll.next(), Some(at(3)));
        let due = roll.take_due(at(3));
        assert!(matches!(due.as_slice(), [due] if due.user == here));
        // It does not end the grace.
        assert_eq!(roll.next(), Some(at(6)));
        assert_eq!(look(&mut roll, at(6)), Some(false));
        assert_eq!(roll.next(), None);
    }

    #[test]
    fn other_processes_are_told_of_what_is_so_in_the_end() {
        let (mut roll, user) = (Roll::default(), UserId::new(START));
        roll.enter(user, at(0));
        roll.leave(user, at(0));
        assert_eq!(roll.take_moved(), (vec![], vec![user]));
        roll.enter(user, at(0));
        assert_eq!(roll.take_moved(), (vec![user], vec![]));
        assert_eq!(roll.take_moved(), (vec![], vec![]));
        assert_eq!(roll.present(), [user]);
    }
}
