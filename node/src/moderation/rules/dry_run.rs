//! Trying a rule on what was written before, without any effect.
//!
//! It reads in small pages from the readers' side of the database and matches on a thread of its own,
//! so that no write waits for it; it ends after a fixed time.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, VecDeque};
use std::hash::{Hash as _, Hasher as _};
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

/// Says which of the newest messages of a channel a rule would have found. Exemptions do not count.
pub(super) async fn try_rule(
    ctx: &Ctx,
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
    let wanted = asked.messages.unwrap_or(USUAL).clamp(1, MOST);
    let until = Instant::now() + LONGEST;
    let mut trial = Trial::new(&pattern)?;
    let mut before = i64::MAX;
    while trial.looked_at < wanted {
        if Instant::now() >= until {
            trial.is_cut_short = true;
            break;
        }
        let limit = i64::from(PAGE.min(wanted.saturating_sub(trial.looked_at)));
        let page = move |connection: &mut Connection| {
            store::messages_before(connection, channel, before, limit)
        };
        let rows = ctx.db().read(page).await?;
        let Some((last, ..)) = rows.last() else { break };
        before = *last;
        let looking = tokio::task::spawn_blocking(move || {
            trial.look_at(rows);
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
}

impl Trial {
    fn new(pattern: &Pattern) -> Result<Self, ModerationError> {
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
        })
    }

    fn look_at(&mut self, rows: Vec<Row>) {
        for (_, id, author_id, content, created_at) in rows {
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
