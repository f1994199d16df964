//! What a worker does with the network and the store, measured and traced (`docs/metrics.md`).

use std::time::Duration;

use tracing::Instrument as _;

use crate::clock::Timestamp;
use crate::metrics::{self, QueueFigures, Stopwatch};
use crate::outbox::delivery::ClaimedDelivery;
use crate::outbox::outcome::Outcome;
use crate::outbox::post::{Posted, Poster};
use crate::outbox::store::{DeliveryStore, Turn, TurnEnd, Verdict};
use crate::signature::BodyDigest;
use crate::store::StoreError;

/// One attempt at a delivery.
pub(super) async fn measured(
    poster: &Poster,
    delivery: &ClaimedDelivery,
    digest: BodyDigest,
) -> Posted {
    let span = tracing::debug_span!(
        "deliver",
        activity = %delivery.activity_id,
        inbox = %delivery.inbox,
        attempt = delivery.attempts.saturating_add(1),
    );
    let watch = Stopwatch::start();
    let result = poster.post(delivery, digest).instrument(span).await;
    metrics::delivery_attempted(word(&result.outcome), watch.elapsed());
    result
}

/// One exchange with the store, while `under_way` attempts wait for their answers.
pub(super) async fn turn(
    store: &dyn DeliveryStore,
    turn: Turn,
    under_way: usize,
) -> Result<TurnEnd, StoreError> {
    let now = turn.now;
    let left: Vec<_> = turn
        .settlements
        .iter()
        .filter_map(|settlement| {
            let state = match settlement.verdict {
                Verdict::Delivered => "delivered",
                Verdict::Dead => "dead",
                Verdict::Retry(_) | Verdict::Release => return None,
            };
            Some((state, now.since(settlement.delivery.queued_at)))
        })
        .collect();
    let span = tracing::debug_span!("turn", settlements = turn.settlements.len());
    let watch = Stopwatch::start();
    let end = store.turn(turn).instrument(span).await;
    metrics::delivery_turned(watch.elapsed(), under_way);
    if end.is_ok() {
        for (state, latency) in left {
            metrics::delivery_settled(state, latency);
        }
    }
    end
}

/// Tells how the queue is doing.
pub(super) async fn look_at_queue(store: &dyn DeliveryStore, now: Timestamp) {
    match store.queue_stats().await {
        Ok(stats) => {
            let age = |since: Option<Timestamp>| since.map_or(Duration::ZERO, |at| now.since(at));
            metrics::queue_seen(&QueueFigures {
                queued: stats.queued,
                dead: stats.dead,
                oldest_due_age: age(stats.oldest_due_at),
                oldest_queued_age: age(stats.oldest_queued_at),
                fan_outs: stats.fan_outs,
                peers: stats.peers,
                held_back_peers: stats.held_back_peers,
            });
        }
        Err(error) => tracing::warn!(%error, "the delivery queue cannot be counted"),
    }
}

/// The word of an outcome among the labels of the metrics.
const fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered { .. } => "delivered",
        Outcome::Retry { .. } => "retry",
        Outcome::Refused { .. } => "refused",
        Outcome::Gone => "gone",
        Outcome::Rejected { .. } => "rejected",
    }
}
