//! The loop of a delivery worker.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

use super::attempt;
use super::config::WorkerConfig;
use super::judge::{Attempt, Judge};
use crate::clock::{Clock, Timestamp};
use crate::fetch::Transport;
use crate::outbox::decorate::DeliveryDecorator;
use crate::outbox::delivery::ClaimedDelivery;
use crate::outbox::fan_out::Expansion;
use crate::outbox::outcome::Outcome;
use crate::outbox::post::{KeySource, Posted, Poster};
use crate::outbox::room::{Room, Standing};
use crate::outbox::store::{Claim, DeliveryStore, EVER, NextDue, PeerBounds, Turn};
use crate::signature::BodyDigest;
use crate::store::StoreError;

/// How many too old deliveries are taken in one change.
const SWEEP: u32 = 500;
/// The pause after the store failed, and before asking again for what somebody else is taking.
pub(super) const STORE_PAUSE: Duration = Duration::from_secs(1);
const CONTENTION_PAUSE: Duration = Duration::from_millis(20);
/// From how many deliveries under way on those that ended wait for others.
const MANY: usize = 64;
/// How many wait for others at most.
const GATHERED: usize = 96;

/// Sends queued deliveries. Any number of workers may share one store.
#[derive(Debug)]
pub struct DeliveryWorker {
    pub(super) store: Arc<dyn DeliveryStore>,
    poster: Poster,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) config: WorkerConfig,
}

impl DeliveryWorker {
    /// A worker that takes from `store` and posts through `transport`, signing with `keys`.
    pub fn new(
        store: Arc<dyn DeliveryStore>,
        transport: Arc<dyn Transport>,
        keys: Arc<dyn KeySource>,
        clock: Arc<dyn Clock>,
        config: WorkerConfig,
    ) -> Self {
        Self {
            store,
            poster: Poster {
                transport,
                keys,
                clock: Arc::clone(&clock),
                limits: config.limits,
                decorator: None,
            },
            clock,
            config,
        }
    }

    /// The same worker, which adds the decorator's headers to what it sends.
    #[must_use]
    pub fn decorated(mut self, decorator: Arc<dyn DeliveryDecorator>) -> Self {
        self.poster.decorator = Some(decorator);
        self
    }

    /// Works until `shutdown`; then claims nothing more, waits for what is under way, gives the
    /// rest back and returns.
    ///
    /// While nothing is due it sleeps: it wakes when the store changes, or when the next lane or
    /// peer is due.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut dispatch = Dispatch {
            room: Room::new(self.config.room),
            judge: Judge::new(self.config.clone()),
            changes: self.store.changes(),
            running: JoinSet::new(),
            under_way: HashMap::new(),
            expanding: JoinSet::new(),
            next_sweep: self.clock.now(),
            wake_at: None,
            gather_until: None,
            stirred: false,
            limited: false,
            worker: self,
        };
        // What was queued before this process started is due now.
        dispatch.turn(true).await;
        while !shutdown.is_cancelled() {
            dispatch.wait_and_work(&shutdown).await;
        }
        dispatch.drain().await;
    }
}

/// What is sent, and the place in the room it takes.
struct UnderWay {
    delivery: Arc<ClaimedDelivery>,
    standing: Standing,
}

pub(super) struct Dispatch {
    pub(super) worker: DeliveryWorker,
    room: Room,
    judge: Judge,
    changes: watch::Receiver<u64>,
    running: JoinSet<Attempt>,
    under_way: HashMap<Id, UnderWay>,
    /// The page of an audience that is being spread; one at a time.
    pub(super) expanding: JoinSet<Result<Expansion, StoreError>>,
    next_sweep: Timestamp,
    /// When to claim again if nothing happens before; `None`: not by time.
    pub(super) wake_at: Option<Timestamp>,
    /// Until when ended attempts wait for others.
    gather_until: Option<Timestamp>,
    /// Whether the store has changed since it was last looked at.
    stirred: bool,
    /// Whether more was due than there was room for.
    limited: bool,
}

impl fmt::Debug for Dispatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Dispatch").finish_non_exhaustive()
    }
}

impl Dispatch {
    /// Waits for the next thing to happen and does what follows from it.
    async fn wait_and_work(&mut self, shutdown: &CancellationToken) {
        let clock = Arc::clone(&self.worker.clock);
        // Without room nothing is taken before something ends, which wakes by itself.
        let wake_at = self.wake_at.filter(|_| self.room.free() > 0);
        let alarm = wake_at.map_or(self.next_sweep, |wake_at| wake_at.min(self.next_sweep));
        let alarm = self.gather_until.map_or(alarm, |until| until.min(alarm));
        // In a fixed order, so that a run can be repeated; the alarm moves on each time it is
        // heard, so it keeps nobody else waiting.
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            () = clock.sleep_until(alarm) => {
                if clock.now() >= self.next_sweep {
                    self.sweep().await;
                }
                self.turn(true).await;
            }
            Some(ended) = self.running.join_next_with_id() => {
                self.collect(ended);
                while let Some(ended) = self.running.try_join_next_with_id() {
                    self.collect(ended);
                }
                if !self.gathers() {
                    self.turn(true).await;
                }
            }
            Some(spread) = self.expanding.join_next() => self.went_on(spread),
            // The store outlives its workers, so the sender is there.
            Ok(()) = self.changes.changed(), if !self.stirred => {
                self.stirred = true;
                // Who gathers claims soon. Without room it waits for something to end.
                if !self.gathers() && self.room.free() > 0 {
                    self.stirred = false;
                    if self.look_ahead().await {
                        self.turn(true).await;
                    }
                }
            }
        }
    }

    /// Whether there is so much going on that it pays to wait for more of it.
    fn gathers(&mut self) -> bool {
        let pause = self.worker.config.gather;
        let pays = self.running.len() >= MANY && self.judge.settlements() < GATHERED;
        if !pays || pause.is_zero() {
            return false;
        }
        let until = self.worker.clock.now().plus(pause);
        self.gather_until.get_or_insert(until);
        true
    }

    /// Writes down what ended and takes what is due, in one change of the store.
    async fn turn(&mut self, claim: bool) {
        while let Some(ended) = self.running.try_join_next_with_id() {
            self.collect(ended);
        }
        self.gather_until = None;
        self.stirred = false;
        let now = self.worker.clock.now();
        let claim = (claim && self.room.free() > 0).then(|| Claim {
            lease: Uuid::now_v7().to_string(),
            lease_until: now.plus(self.worker.config.lease),
            room: self.room.clone(),
        });
        let claims = claim.is_some();
        if !claims && !self.judge.has_news() {
            return;
        }
        let (settlements, peers) = self.judge.take();
        let turn = Turn {
            settlements: settlements.clone(),
            peers: peers.clone(),
            claim,
            now,
        };
        match attempt::turn(&*self.worker.store, turn, self.running.len()).await {
            Ok(end) => {
                let none_came = end.claimed.is_empty();
                self.limited = claims && end.limited;
                self.send(end.claimed);
                if claims && self.is_due(end.next) && none_came {
                    // Due, but somebody else is just taking it.
                    self.wake_at = Some(now.plus(CONTENTION_PAUSE));
                }
            }
            Err(error) => {
                tracing::error!(%error, "the delivery queue cannot be written");
                self.judge.put_back(settlements, peers);
                self.wake_at = Some(now.plus(STORE_PAUSE));
            }
        }
    }

    /// Learns what is due next; whether a lane or a peer is that now.
    async fn look_ahead(&mut self) -> bool {
        let now = self.worker.clock.now();
        // Of what is due but finds no place, the next end of an attempt reminds.
        let after = if self.limited { now } else { EVER };
        match self.worker.store.next_due(after).await {
            Ok(next) => self.is_due(next) || self.limited,
            Err(error) => {
                tracing::error!(%error, "the delivery queue cannot be read");
                self.wake_at = Some(now.plus(STORE_PAUSE));
                false
            }
        }
    }

    /// Sets the alarm and begins to spread what is due; whether a lane or a peer is due now.
    fn is_due(&mut self, next: NextDue) -> bool {
        let now = self.worker.clock.now();
        self.wake_at = next.delivery;
        match next.fan_out {
            Some(due_at) if due_at <= now => self.expand(),
            Some(due_at) => {
                self.wake_at = Some(self.wake_at.map_or(due_at, |at| at.min(due_at)));
            }
            None => {}
        }
        next.delivery.is_some_and(|due_at| due_at <= now)
    }

    fn send(&mut self, claimed: Vec<ClaimedDelivery>) {
        let mut digests: HashMap<Url, BodyDigest> = HashMap::new();
        for delivery in claimed {
            tracing::trace!(activity = %delivery.activity_id, inbox = %delivery.inbox, "leased");
            let health = &delivery.peer_health;
            let standing = Standing::of(health.failures, health.last_success_at.is_some());
            // The store has counted by the same rules, so there is a place; a count that is off
            // by one does no harm.
            self.room.enter(&delivery.peer, standing);
            self.judge.begin(&delivery);
            let known = digests.get(&delivery.activity_id).copied();
            let digest = known.unwrap_or_else(|| {
                let digest = BodyDigest::of(&delivery.body);
                digests.insert(delivery.activity_id.clone(), digest);
                digest
            });
            let poster = self.worker.poster.clone();
            let started_at = self.worker.clock.now();
            let delivery = Arc::new(delivery);
            let sent = Arc::clone(&delivery);
            let task = self.running.spawn(async move {
                let Posted { outcome, learned } = attempt::measured(&poster, &sent, digest).await;
                Attempt {
                    delivery: sent,
                    learned,
                    started_at,
                    outcome,
                }
            });
            self.under_way
                .insert(task.id(), UnderWay { delivery, standing });
        }
        self.room.take_refused();
    }

    fn collect(&mut self, ended: Result<(Id, Attempt), JoinError>) {
        let now = self.worker.clock.now();
        let (id, attempt, panicked) = match ended {
            Ok((id, attempt)) => (id, Some(attempt), false),
            Err(error) => (error.id(), None, error.is_panic()),
        };
        let Some(UnderWay { delivery, standing }) = self.under_way.remove(&id) else {
            return;
        };
        self.room.leave(&delivery.peer, standing);
        match attempt {
            Some(attempt) => self.judge.judge(attempt, now),
            None if panicked => {
                let attempt = Attempt {
                    learned: None,
                    delivery,
                    started_at: now,
                    outcome: Outcome::Retry {
                        status: None,
                        error: "the attempt panicked".to_owned(),
                        retry_after: None,
                        peer_wide: false,
                    },
                };
                self.judge.judge(attempt, now);
            }
            None => self.judge.release(delivery),
        }
    }

    /// Gives up and forgets what is too old.
    async fn sweep(&mut self) {
        let config = &self.worker.config;
        let store = &self.worker.store;
        let now = self.worker.clock.now();
        let expired = store
            .expire(now.minus(config.backoff.give_up_after), SWEEP, now)
            .await;
        let pruned = store.prune(now.minus(config.retention), SWEEP).await;
        let bounds = PeerBounds {
            untouched_since: now.minus(config.peer_retention),
            most: config.most_peers,
        };
        let forgotten = store.prune_peers(bounds, SWEEP).await;
        let more = |taken: &Result<usize, _>| {
            taken
                .as_ref()
                .is_ok_and(|taken| *taken >= usize::try_from(SWEEP).unwrap_or(usize::MAX))
        };
        let pause = if [&expired, &pruned, &forgotten].into_iter().any(more) {
            STORE_PAUSE
        } else {
            config.sweep_every
        };
        for error in [expired, pruned, forgotten]
            .into_iter()
            .filter_map(Result::err)
        {
            tracing::error!(%error, "old deliveries cannot be removed");
        }
        attempt::look_at_queue(store.as_ref(), now).await;
        self.next_sweep = now.plus(pause);
        self.judge.report_counts();
    }

    /// Waits for what is under way as long as allowed, stops the rest, and writes it all down.
    async fn drain(&mut self) {
        let clock = Arc::clone(&self.worker.clock);
        let deadline = clock.now().plus(self.worker.config.drain);
        while !self.running.is_empty() {
            tokio::select! {
                biased;
                Some(ended) = self.running.join_next_with_id() => self.collect(ended),
                () = clock.sleep_until(deadline) => break,
            }
        }
        // A page that is being spread is one change: it happens or it does not.
        self.expanding.abort_all();
        self.running.abort_all();
        while let Some(ended) = self.running.join_next_with_id().await {
            self.collect(ended);
        }
        self.judge.report_counts();
        self.turn(false).await;
    }
}
