//! Every delivery store keeps the same rules, and the worker keeps its promises on all of them.

mod attacks;
mod contacts;
mod fan_out;
mod knocks;
mod processes;
mod rules;
mod rules_peers;
mod scripted;
mod statistics;
mod worker;
mod worker_peers;

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::delivery::{ClaimedDelivery, DeliveryId, Outgoing, Target};
use super::memory::MemoryDeliveryStore;
use super::room::{Room, RoomLimits};
use super::sql::SqlDeliveryStore;
use super::store::{
    Claim, DeliveryFilter, DeliveryStore, PeerUpdate, Settlement, Turn, TurnEnd, Verdict,
};
use crate::clock::Timestamp;
use crate::store::sql::federation_migrations;
use crate::testing::on_each_backend;

const START: Timestamp = Timestamp::from_millis(1_795_190_734_000);
const LEASE: Duration = Duration::from_mins(1);

/// Runs `body` on a store in memory, on SQLite and on PostgreSQL.
fn on_each_store(body: impl AsyncFn(Arc<dyn DeliveryStore>) + Sync) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(body(Arc::new(MemoryDeliveryStore::new())));
    on_each_backend(async |test| {
        let database = test.open(federation_migrations()).await;
        body(Arc::new(SqlDeliveryStore::new(database.clone()))).await;
        database.close().await;
    });
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// An activity to one inbox on each of `hosts`.
fn outgoing(name: &str, key: Option<&str>, hosts: &[&str]) -> Outgoing {
    Outgoing {
        activity_id: url(&format!("https://here.example/activities/{name}")),
        actor_id: url("https://here.example/users/alice"),
        object_id: Some(url(&format!("https://here.example/notes/{name}"))),
        body: format!("{{\"id\":\"{name}\"}}"),
        ordering_key: key.map(str::to_owned),
        targets: hosts
            .iter()
            .map(|host| Target {
                inbox: url(&format!("https://{host}/inbox")),
                recipients: vec![url(&format!("https://{host}/users/bob"))],
            })
            .collect(),
    }
}

fn after(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

/// A store as a worker uses it, one call at a time.
struct Driver {
    store: Arc<dyn DeliveryStore>,
    limits: RoomLimits,
}

impl Driver {
    fn new(store: Arc<dyn DeliveryStore>) -> Self {
        Self {
            store,
            limits: RoomLimits {
                per_unproven_peer: 8,
                ..RoomLimits::default()
            },
        }
    }

    async fn queue(&self, name: &str, key: Option<&str>, hosts: &[&str]) -> Vec<DeliveryId> {
        self.queue_at(name, key, hosts, START).await
    }

    async fn queue_at(
        &self,
        name: &str,
        key: Option<&str>,
        hosts: &[&str],
        now: Timestamp,
    ) -> Vec<DeliveryId> {
        self.store
            .enqueue(outgoing(name, key, hosts), now)
            .await
            .unwrap()
    }

    async fn claim(&self, now: Timestamp) -> Vec<ClaimedDelivery> {
        self.turn(Vec::new(), Vec::new(), true, now).await.claimed
    }

    async fn settle(&self, delivery: &ClaimedDelivery, verdict: Verdict, now: Timestamp) {
        self.turn(vec![settlement(delivery, verdict)], Vec::new(), false, now)
            .await;
    }

    async fn turn(
        &self,
        settlements: Vec<Settlement>,
        peers: Vec<PeerUpdate>,
        claim: bool,
        now: Timestamp,
    ) -> TurnEnd {
        let claim = claim.then(|| Claim {
            lease: uuid::Uuid::now_v7().to_string(),
            lease_until: now.plus(LEASE),
            room: Room::new(self.limits),
        });
        let turn = Turn {
            settlements,
            peers,
            claim,
            now,
        };
        self.store.turn(turn).await.unwrap()
    }

    /// The states of all deliveries, sorted.
    async fn states(&self) -> Vec<&'static str> {
        let filter = DeliveryFilter {
            limit: 100,
            ..DeliveryFilter::default()
        };
        let listed = self.store.list(filter).await.unwrap();
        let mut states: Vec<_> = listed.iter().map(|one| one.state.as_str()).collect();
        states.sort_unstable();
        states
    }
}

fn settlement(delivery: &ClaimedDelivery, verdict: Verdict) -> Settlement {
    Settlement {
        delivery: Arc::new(delivery.clone()),
        verdict,
        status: match verdict {
            Verdict::Delivered => Some(202),
            Verdict::Dead => Some(410),
            Verdict::Retry(_) => Some(500),
            Verdict::Release => None,
        },
        error: (verdict != Verdict::Delivered).then(|| "an error".to_owned()),
    }
}

fn names(claimed: &[ClaimedDelivery]) -> Vec<String> {
    let mut names: Vec<String> = claimed
        .iter()
        .map(|one| {
            let name = one
                .activity_id
                .path_segments()
                .unwrap()
                .next_back()
                .unwrap();
            format!("{name}@{}", one.peer)
        })
        .collect();
    names.sort();
    names
}
