//! Trying a rule on what was written before, without any effect.
//!
//! It reads in small pages from the readers' side of the database and matches on a thread of its own,
//! so that no write waits for it; it ends after a fixed time. Few are tried at once.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use federation_core::Timestamp;
use federation_core::store::sql::Connection;
use tokio::time::Instant;

use super::actions::{reads, rule_of};
use super::model::Scope;
use super::store::{self, Tried as Row};
use super::wire::{DryRun, Tried, TriedMessage};
use crate::base::filter::{FilterSet, Pattern, Text};
use crate::base::ids::UserId;
use crate::base::permission::Permission;
use crate::channels::access;
use crate::channels::structure::PROVISIONAL;
use crate::moderation::error::ModerationError;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;

/// Messages that a rule is tried on when the request does not say.
const USUAL: u32 = 1_000;
/// Messages that a rule is tried on at most.
const MOST: u32 = 10_000;
/// Messages read at once.
const PAGE: u32 = 250;
/// Found messages that are told at most.
const SHOWN: usize = 100;
/// How long it may take.
const LONGEST: Duration = Duration::from_secs(5);
/// Rules that one process tries at once at most.
const AT_ONCE: usize = 2;

/// Who has a rule tried at this process; clones share it.
#[derive(Clone, Default)]
pub(super) struct Trials(Arc<Mutex<HashSet<UserId>>>);

/// A place among [`Trials`], given back when it is dropped.
struct Turn {
    trials: Trials,
    user: UserId,
}

impl Trials {
    /// Takes a place: one for each member, and [`AT_ONCE`] for all.
    fn begin(&self, user: UserId) -> Result<Turn, ModerationError> {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tried.contains(&user) || tried.len() >= AT_ONCE {
            return Err(ModerationError::TooManyTrials(LONGEST));
        }
        tried.insert(user);
        drop(tried);
        Ok(Turn {
            trials: self.clone(),
            user,
        })
    }
}

impl fmt::Debug for Trials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Trials").finish_non_exhaustive()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut tried = self.trials.0.lock().unwrap_or_else(PoisonError::into_inner);
        tried.remove(&self.user);
    }
}

/// Says which of the newest messages of a channel a rule would have found. Exemptions do not count.
pub(super) async fn try_rule(
    ctx: &Ctx,
    trials: &Trials,
    me: UserId,
    scope: Scope,
    asked: DryRun,
) -> Result<Tried, ModerationError> {
    let now = ctx.now();
    let rule = rule_of(scope, &asked.rule, me, now)?;
    let pattern = rule.looks_for()?;
    let channel = asked.channel_id;
    let seen = move |connection: &mut Connection| {
        reads(connection, scope, me, now)?;
        let seen = access::require(connection, me, channel, now)?;
        seen.needs(Permission::ReadHistory)?;
        // Whoever tries a rule of a community sees what it would find there alone.
        if scope.0.is_some() && seen.channel.community_id != scope.0 {
            return Err(ModerationError::NotFound);
        }
        Ok(())
    };
    ctx.db().read(seen).await?;
    let turn = trials.begin(me)?;
    let wanted = asked.messages.unwrap_or(USUAL).clamp(1, MOST);
    let until = Instant::now() + LONGEST;
    let mut trial = Trial::new(&pattern, turn)?;
    // What has no place yet is there for its author alone.
    let mut before = PROVISIONAL;
    while trial.looked_at < wanted && !trial.is_cut_short {
        let limit = i64::from(PAGE.min(wanted.saturating_sub(trial.looked_at)));
        let page = move |connection: &mut Connection| {
            store::messages_before(connection, channel, before, limit)
        };
        let rows = ctx.db().read(page).await?;
        let Some((last, ..)) = rows.last() else { break };
        before = *last;
        let looking = tokio::task::spawn_blocking(move || {
            trial.look_at(rows, || Instant::now() >= until);
            trial
        });
        trial = looking.await.map_err(ApiError::internal)?;
    }
    Ok(trial.ended())
}

/// A rule on its way through what was written, from the newest on.
struct Trial {
    set: FilterSet,
    /// How often, and within how many milliseconds.
    repetition: Option<(usize, i64)>,
    looked_at: u32,
    found: Vec<TriedMessage>,
    is_cut_short: bool,
    /// For repetitions: every message with the digest of its text.
    seen: Vec<(TriedMessage, u64)>,
    /// Held until the thread that matches is done, even when nobody waits for it any more.
    _turn: Turn,
}

impl Trial {
    fn new(pattern: &Pattern, turn: Turn) -> Result<Self, ModerationError> {
        let set = FilterSet::new([pattern])?;
        let repetition = match *pattern {
            Pattern::Repeated { times, seconds } => {
                let times = usize::try_from(times).unwrap_or(usize::MAX);
                Some((times, i64::from(seconds).saturating_mul(1_000)))
            }
            _ => None,
        };
        Ok(Self {
            set,
            repetition,
            looked_at: 0,
            found: Vec::new(),
            is_cut_short: false,
            seen: Vec::new(),
            _turn: turn,
        })
    }

    /// Looks at one message after the other until time is up.
    fn look_at(&mut self, rows: Vec<Row>, is_over: impl Fn() -> bool) {
        for (_, id, author_id, content, created_at) in rows {
            if is_over() {
                self.is_cut_short = true;
                return;
            }
            self.looked_at = self.looked_at.saturating_add(1);
            let message = TriedMessage {
                id,
                author_id,
                created_at: Timestamp::from_millis(created_at),
            };
            let text = Text::new(&content);
            if self.repetition.is_some() {
                let mut digest = DefaultHasher::new();
                text.as_str().hash(&mut digest);
                self.seen.push((message, digest.finish()));
            } else if !self.set.find(&text).is_empty() {
                self.found.push(message);
            }
        }
    }

    fn ended(mut self) -> Tried {
        if let Some((times, window)) = self.repetition {
            self.found = repeated(std::mem::take(&mut self.seen), times, window);
        }
        let found = u32::try_from(self.found.len()).unwrap_or(u32::MAX);
        self.found.truncate(SHOWN);
        Tried {
            looked_at: self.looked_at,
            found,
            messages: self.found,
            is_cut_short: self.is_cut_short,
        }
    }
}

/// Those messages that say the same for the `times`-th time within `window` milliseconds, newest first;
/// `seen` comes newest first.
fn repeated(seen: Vec<(TriedMessage, u64)>, times: usize, window: i64) -> Vec<TriedMessage> {
    let mut said: HashMap<(UserId, u64), VecDeque<i64>> = HashMap::new();
    let mut found = VecDeque::new();
    for (message, digest) in seen.into_iter().rev() {
        let at = message.created_at.as_millis();
        let earlier = said.entry((message.author_id, digest)).or_default();
        earlier.retain(|before| *before >= at.saturating_sub(window));
        earlier.push_back(at);
        if earlier.len() >= times {
            found.push_front(message);
        }
    }
    found.into()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::base::ids::MessageId;

    #[test]
    fn a_member_has_one_trial_and_a_process_two() {
        let now = Timestamp::from_millis(1_795_190_734_032);
        let [ann, bob, cid] = [(); 3].map(|()| UserId::new(now));
        let trials = Trials::default();
        let of_ann = trials.begin(ann).unwrap();
        assert!(trials.begin(ann).is_err());
        let of_bob = trials.begin(bob).unwrap();
        let refused = trials.begin(cid).err().map(ApiError::from).unwrap();
        assert_eq!(refused.code(), "too_many_requests");
        assert_eq!(refused.retry_after(), Some(LONGEST));
        drop(of_ann);
        let again = trials.begin(ann).unwrap();
        drop((of_bob, again));
        assert!(trials.0.lock().unwrap().is_empty());
    }

    #[test]
    fn time_is_looked_at_before_every_message() {
        let now = Timestamp::from_millis(1_795_190_734_032);
        let turn = Trials::default().begin(UserId::new(now)).unwrap();
        let mut trial = Trial::new(&Pattern::Word("turnip".to_owned()), turn).unwrap();
        let row = |place| {
            let (id, author) = (MessageId::new(now), UserId::new(now));
            (place, id, author, "a turnip".to_owned(), now.as_millis())
        };
        let looked = Cell::new(0);
        trial.look_at((0..10).map(row).collect(), || {
            looked.set(looked.get() + 1);
            looked.get() > 3
        });
        let tried = trial.ended();
        assert_eq!((tried.looked_at, tried.found), (3, 3));
        assert!(tried.is_cut_short);
    }
}
