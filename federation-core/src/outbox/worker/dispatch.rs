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

use super::config::WorkerConfig;
use super::judge::{Attempt, Judge};
use crate::clock::{Clock, Timestamp};
use crate::fetch::Transport;
use crate::outbox::delivery::ClaimedDelivery;
use crate::outbox::outcome::Outcome;
use crate::outbox::post::{KeySource, Poster, choose_scheme};
use crate::outbox::room::{Room, Standing};
use crate::outbox::store::{Claim, DeliveryStore, Turn};
use crate::signature::BodyDigest;

/// How many too old deliveries are taken in one change.
const SWEEP: u32 = 500;
/// The pause after the store failed, and before asking again for what somebody else is taking.
const STORE_PAUSE: Duration = Duration::from_secs(1);
const CONTENTION_PAUSE: Duration = Duration::from_millis(20);
/// Before everything that can be due.
const EVER: Timestamp = Timestamp::from_millis(i64::MIN);

/// Sends queued deliveries. Any number of workers may share one store.
#[derive(Debug)]
pub struct DeliveryWorker {
    store: Arc<dyn DeliveryStore>,
    poster: Poster,
    clock: Arc<dyn Clock>,
    config: WorkerConfig,
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
            },
            clock,
            config,
        }
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
            next_sweep: self.clock.now(),
            wake_at: None,
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
    delivery: ClaimedDelivery,
    standing: Standing,
}

struct Dispatch {
    worker: DeliveryWorker,
    room: Room,
    judge: Judge,
    changes: watch::Receiver<u64>,
    running: JoinSet<Attempt>,
    under_way: HashMap<Id, UnderWay>,
    next_sweep: Timestamp,
    /// When to claim again if nothing happens before; `None`: not by time.
    wake_at: Option<Timestamp>,
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
        let alarm = self
            .wake_at
            .map_or(self.next_sweep, |wake_at| wake_at.min(self.next_sweep));
        tokio::select! {
            () = shutdown.cancelled() => {}
            Some(ended) = self.running.join_next_with_id() => {
                self.collect(ended);
                self.turn(true).await;
            }
            // The store outlives its workers, so the sender is there.
            Ok(()) = self.changes.changed() => {
                // Without room it waits for something to end, and claims then.
                if self.room.free() > 0 && (self.limited || self.look_ahead(EVER).await) {
                    self.turn(true).await;
                }
            }
            () = clock.sleep_until(alarm) => {
                if clock.now() >= self.next_sweep {
                    self.sweep().await;
                }
                self.turn(true).await;
            }
        }
    }

    /// Writes down what ended and takes what is due, in one change of the store.
    async fn turn(&mut self, claim: bool) {
        while let Some(ended) = self.running.try_join_next_with_id() {
            self.collect(ended);
        }
        let now = self.worker.clock.now();
        let claim = (claim && self.room.free() > 0).then(|| Claim {
            lease: Uuid::now_v7().to_string(),
            lease_until: now.plus(self.worker.config.lease),
            room: self.room.clone(),
        });
        let claims = claim.is_some();
        if !claims && !self.judge.has_settlements() {
            return;
        }
        let (settlements, peers) = self.judge.take();
        let turn = Turn {
            settlements: settlements.clone(),
            peers: peers.clone(),
            claim,
            now,
        };
        match self.worker.store.turn(turn).await {
            Ok(end) => {
                let none_came = end.claimed.is_empty();
                self.limited = claims && end.limited;
                self.send(end.claimed);
                // Of what is due but finds no place, the next end of an attempt reminds.
                let after = if self.limited { now } else { EVER };
                if claims && self.look_ahead(after).await && none_came {
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

    /// Learns when the next lane after `after` is due; whether that is now.
    async fn look_ahead(&mut self, after: Timestamp) -> bool {
        let now = self.worker.clock.now();
        match self.worker.store.next_due(after).await {
            Ok(next) => {
                self.wake_at = next;
                next.is_some_and(|next| next <= now)
            }
            Err(error) => {
                tracing::error!(%error, "the delivery queue cannot be read");
                self.wake_at = Some(now.plus(STORE_PAUSE));
                false
            }
        }
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
            let digest = *digests
                .entry(delivery.activity_id.clone())
                .or_insert_with(|| BodyDigest::of(&delivery.body));
            let poster = self.worker.poster.clone();
            let started_at = self.worker.clock.now();
            let scheme = choose_scheme(&delivery);
            let sent = delivery.clone();
            let task = self.running.spawn(async move {
                let outcome = poster.post(&sent, digest, scheme).await;
                Attempt {
                    delivery: sent,
                    scheme,
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
                    scheme: choose_scheme(&delivery),
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
        let more = |taken: &Result<usize, _>| {
            taken
                .as_ref()
                .is_ok_and(|taken| *taken >= usize::try_from(SWEEP).unwrap_or(usize::MAX))
        };
        let pause = if more(&expired) || more(&pruned) {
            STORE_PAUSE
        } else {
            config.sweep_every
        };
        for error in [expired.err(), pruned.err()].into_iter().flatten() {
            tracing::error!(%error, "old deliveries cannot be removed");
        }
        self.next_sweep = now.plus(pause);
    }

    /// Waits for what is under way as long as allowed, stops the rest, and writes it all down.
    async fn drain(&mut self) {
        let clock = Arc::clone(&self.worker.clock);
        let deadline = clock.now().plus(self.worker.config.drain);
        while !self.running.is_empty() {
            tokio::select! {
                Some(ended) = self.running.join_next_with_id() => self.collect(ended),
                () = clock.sleep_until(deadline) => break,
            }
        }
        self.running.abort_all();
        while let Some(ended) = self.running.join_next_with_id().await {
            self.collect(ended);
        }
        self.turn(false).await;
    }
}
