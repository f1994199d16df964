//! The durable state of a node, which outlives its crashes: what was received, what is queued.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use federation_core::Timestamp;
use federation_core::fetch::MemoryActorCache;
use federation_core::inbox::{ActivityStore, Applied, Verified};
use federation_core::outbox::{
    DeliveryStore as _, MemoryDeliveryStore, Outgoing, Settlement, Verdict,
};
use federation_core::store::StoreError;
use federation_core::testing::network::Chance;
use futures_util::FutureExt as _;

use crate::node::World;
use crate::plan::Sabotage;
use crate::record::{Message, Record};

/// How probable it is that a write fails, and so leaves nothing behind.
const WRITE_FAILS: f64 = 0.01;

/// The disk of one node.
#[derive(Debug)]
pub(crate) struct Disk {
    rows: Mutex<Rows>,
    pub(crate) deliveries: Arc<MemoryDeliveryStore>,
    pub(crate) actors: Arc<MemoryActorCache>,
    chance: Mutex<Chance>,
    world: Arc<World>,
}

#[derive(Debug, Default)]
pub(crate) struct Rows {
    received: HashSet<String>,
    pub(crate) record: Record,
    /// The last number of each conversation that this node has given out.
    pub(crate) sent: HashMap<usize, u64>,
    /// Activities that came again after their effect.
    pub(crate) repeated: u64,
}

/// What one transaction changes, all of it or nothing.
#[derive(Debug)]
pub(crate) struct Changes {
    pub(crate) applied: Option<Message>,
    pub(crate) outgoing: Option<Outgoing>,
    /// As in [`Rows`], while the transaction lasts.
    sent: HashMap<usize, u64>,
    numbered: Option<usize>,
}

impl Changes {
    /// The next number of this node in a conversation.
    pub(crate) fn take_number(&mut self, conversation: usize) -> u64 {
        self.numbered = Some(conversation);
        let last = self.sent.entry(conversation).or_default();
        *last += 1;
        *last
    }
}

impl Disk {
    pub(crate) fn new(chance: Chance, world: Arc<World>) -> Arc<Self> {
        Arc::new(Self {
            rows: Mutex::default(),
            deliveries: Arc::default(),
            actors: Arc::default(),
            chance: Mutex::new(chance),
            world,
        })
    }

    pub(crate) fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap()
    }

    /// Waits as long as a disk takes, which is when a crash can come between.
    pub(crate) async fn pause(&self) {
        let range = Duration::ZERO..=Duration::from_millis(4);
        let pause = self.chance.lock().unwrap().between(&range);
        tokio::time::sleep(pause).await;
    }

    pub(crate) fn happens(&self, probability: f64) -> bool {
        self.chance.lock().unwrap().happens(probability)
    }

    /// Nothing may be given up: every node comes back, and every activity is fine.
    pub(crate) fn look_for_dead(&self, settlements: &[Settlement]) {
        let dead = |one: &&Settlement| one.verdict == Verdict::Dead;
        for given_up in settlements.iter().filter(dead) {
            self.rows()
                .record
                .fault(format!("a delivery was given up: {given_up:?}"));
        }
    }

    /// Makes a change that always succeeds.
    pub(crate) fn change(&self, now: Timestamp, work: impl FnOnce(&mut Changes)) {
        let mut rows = self.rows();
        let done: Result<(), StoreError> = self.transact(&mut rows, now, |changes| {
            work(changes);
            Ok(())
        });
        done.expect("the work does not fail");
    }

    fn transact<T, E>(
        &self,
        rows: &mut Rows,
        now: Timestamp,
        work: impl FnOnce(&mut Changes) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut changes = Changes {
            applied: None,
            outgoing: None,
            sent: mem::take(&mut rows.sent),
            numbered: None,
        };
        let outcome = work(&mut changes);
        rows.sent = changes.sent;
        if outcome.is_err() {
            if let Some(last) = changes.numbered.and_then(|key| rows.sent.get_mut(&key)) {
                *last -= 1;
            }
            return outcome;
        }
        if let Some(message) = changes.applied {
            rows.record.apply(message);
        }
        if let Some(mut outgoing) = changes.outgoing {
            if self.world.sabotage == Some(Sabotage::IgnoresOrder) {
                outgoing.ordering_key = None;
            }
            self.world.sent.fetch_add(1, Ordering::Relaxed);
            let queued = self.deliveries.enqueue(outgoing, now).now_or_never();
            queued
                .expect("memory answers at once")
                .expect("memory has room");
        }
        outcome
    }
}

impl ActivityStore for Disk {
    type Transaction = Changes;
    type Error = StoreError;

    async fn apply_once<T, E, F>(&self, verified: Verified, effect: F) -> Result<Applied<T>, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: Fn(&mut Changes, &Verified) -> Result<T, E> + Send + 'static,
    {
        self.pause().await;
        let id = verified.activity().id.as_str();
        let outcome = {
            let mut rows = self.rows();
            let forgets = self.world.sabotage == Some(Sabotage::ForgetsRepetitions);
            if rows.received.contains(id) && !forgets {
                rows.repeated += 1;
                Applied::Duplicate
            } else {
                let fails = self.happens(WRITE_FAILS);
                let given = self.transact(&mut rows, verified.received_at(), |changes| {
                    let given = effect(changes, &verified)?;
                    if fails {
                        return Err(E::from(StoreError::new("the disk is full", true)));
                    }
                    Ok(given)
                })?;
                rows.received.insert(id.to_owned());
                Applied::New(given)
            }
        };
        self.pause().await;
        Ok(outcome)
    }
}
