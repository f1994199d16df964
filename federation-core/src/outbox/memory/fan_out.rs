//! Spreading audiences, by the same rules as in a database.

use std::collections::HashSet;
use std::fmt;

use url::Url;

use super::state::{Activity, State};
use crate::clock::Timestamp;
use crate::outbox::backoff::Backoff;
use crate::outbox::delivery::{DeliveryId, Outgoing, Target};
use crate::outbox::fan_out::{
    AudienceError, AudiencePage, Expansion, FanOut, LARGEST_AT_ONCE, PageQuery, checked,
};

/// Where the inboxes of an audience are, for a store in memory.
pub trait MemoryAudience: fmt::Debug + Send + Sync + 'static {
    /// The next part of an audience.
    ///
    /// # Errors
    /// [`AudienceError::Unknown`] when the audience is none of this source's.
    fn page(&self, query: &PageQuery<'_>) -> Result<AudiencePage, AudienceError>;
}

/// An audience that is not spread yet.
pub(super) struct Open {
    activity_id: Url,
    ordering_key: Option<String>,
    listed: Vec<(DeliveryId, Target)>,
    audience: Option<String>,
    next_page: Option<String>,
    pub(super) due_at: Timestamp,
    failures: u32,
    created_at: Timestamp,
}

impl State {
    pub(super) fn enqueue(&mut self, outgoing: Outgoing, now: Timestamp) -> Vec<DeliveryId> {
        let wanted = self.wanted(&outgoing, now);
        let ids: Vec<DeliveryId> = wanted.iter().map(|(id, _)| *id).collect();
        let waits = outgoing.ordering_key.is_some()
            && self
                .fan_outs
                .values()
                .any(|open| open.ordering_key == outgoing.ordering_key);
        let key = outgoing.ordering_key.clone();
        let activity_id = outgoing.activity_id.clone();
        self.keep(outgoing);
        if waits || wanted.len() > LARGEST_AT_ONCE {
            self.open(activity_id, key, wanted, None, now);
        } else {
            self.spread(&activity_id, key.as_deref(), wanted, now);
            self.forget_unused(&activity_id);
        }
        ids
    }

    pub(super) fn fan_out(&mut self, fan_out: FanOut, now: Timestamp) {
        let FanOut { outgoing, audience } = fan_out;
        let wanted = self.wanted(&outgoing, now);
        let key = outgoing.ordering_key.clone();
        let activity_id = outgoing.activity_id.clone();
        let is_open = self.fan_outs.values().any(|open| {
            open.activity_id == activity_id && open.audience.as_ref() == Some(&audience)
        });
        self.keep(outgoing);
        let audience = (!is_open).then_some(audience);
        if audience.is_some() || !wanted.is_empty() {
            self.open(activity_id, key, wanted, audience, now);
        } else {
            self.forget_unused(&activity_id);
        }
    }

    /// The next page of the audience that waits longest and is the first of its ordering key.
    pub(super) fn expand(
        &mut self,
        source: Option<&dyn MemoryAudience>,
        limit: u32,
        schedule: &Backoff,
        now: Timestamp,
    ) -> Expansion {
        let first_of_key = |id: u64, open: &Open| {
            open.ordering_key.is_none()
                || !self
                    .fan_outs
                    .range(..id)
                    .any(|(_, earlier)| earlier.ordering_key == open.ordering_key)
        };
        let chosen = self
            .fan_outs
            .iter()
            .filter(|(id, open)| open.due_at <= now && first_of_key(**id, open))
            .min_by_key(|(id, open)| (open.due_at, **id))
            .map(|(id, _)| *id);
        let Some((id, mut open)) = chosen.and_then(|id| Some((id, self.fan_outs.remove(&id)?)))
        else {
            return Expansion::default();
        };
        let size = usize::try_from(limit).unwrap_or(usize::MAX).max(1);
        let (targets, more) = match open.next(source, (size, limit), now) {
            Ok(next) => next,
            Err(error) => {
                open.failures = open.failures.saturating_add(1);
                tracing::warn!(activity = %open.activity_id, %error, "an audience cannot be read");
                if schedule.is_over(open.created_at, now) {
                    self.forget_unused(&open.activity_id);
                } else {
                    open.due_at = schedule.retry_at(open.failures, None, now);
                    self.fan_outs.insert(id, open);
                }
                return Expansion {
                    queued: 0,
                    worked: true,
                };
            }
        };
        let known: Vec<(DeliveryId, Target)> = targets
            .into_iter()
            .filter(|(_, target)| !self.is_queued(&open.activity_id, &target.inbox))
            .collect();
        let queued = known.len();
        let activity_id = open.activity_id.clone();
        self.spread(&activity_id, open.ordering_key.as_deref(), known, now);
        if more {
            open.due_at = now;
            open.failures = 0;
            self.fan_outs.insert(id, open);
        } else {
            self.forget_unused(&activity_id);
        }
        Expansion {
            queued,
            worked: true,
        }
    }

    fn open(
        &mut self,
        activity_id: Url,
        ordering_key: Option<String>,
        listed: Vec<(DeliveryId, Target)>,
        audience: Option<String>,
        now: Timestamp,
    ) {
        self.last_fan_out += 1;
        self.fan_outs.insert(
            self.last_fan_out,
            Open {
                activity_id,
                ordering_key,
                listed,
                audience,
                next_page: None,
                due_at: now,
                failures: 0,
                created_at: now,
            },
        );
    }

    fn keep(&mut self, outgoing: Outgoing) {
        self.activities
            .entry(outgoing.activity_id)
            .or_insert(Activity {
                actor_id: outgoing.actor_id,
                object_id: outgoing.object_id,
                body: outgoing.body.into(),
                inboxes: HashSet::new(),
                deliveries: 0,
            });
    }

    /// Forgets audiences of activities about an object.
    pub(super) fn cancel_fan_outs(&mut self, object_id: &Url) {
        let activities = &self.activities;
        let cancelled: Vec<Open> = self
            .fan_outs
            .extract_if(.., |_, open| {
                let activity = activities.get(&open.activity_id);
                activity.is_some_and(|activity| activity.object_id.as_ref() == Some(object_id))
            })
            .map(|(_, open)| open)
            .collect();
        for open in cancelled {
            self.forget_unused(&open.activity_id);
        }
    }

    pub(super) fn is_to_spread(&self, activity_id: &Url) -> bool {
        let mut open = self.fan_outs.values();
        open.any(|open| open.activity_id == *activity_id)
    }
}

type Next = (Vec<(DeliveryId, Target)>, bool);

impl Open {
    fn next(
        &mut self,
        source: Option<&dyn MemoryAudience>,
        (size, limit): (usize, u32),
        now: Timestamp,
    ) -> Result<Next, AudienceError> {
        if !self.listed.is_empty() {
            let rest = self.listed.split_off(self.listed.len().min(size));
            let targets = std::mem::replace(&mut self.listed, rest);
            let more = !self.listed.is_empty() || self.audience.is_some();
            return Ok((targets, more));
        }
        let Some(audience) = &self.audience else {
            return Ok((Vec::new(), false));
        };
        let query = PageQuery {
            audience,
            activity_id: self.activity_id.as_str(),
            after: self.next_page.as_deref(),
            limit,
        };
        let page = source.ok_or(AudienceError::Unknown)?.page(&query)?;
        let page = checked(page, &query)?;
        self.next_page = page.next;
        let targets = page.targets.into_iter();
        let targets = targets.map(|target| (DeliveryId::new(now), target));
        Ok((targets.collect(), self.next_page.is_some()))
    }
}
