//! What is measured, and under which names.
//!
//! Each function records one thing through the facade `metrics`: install any of its
//! recorders (for Prometheus, `OpenTelemetry`, and others) and it is told; without one a call costs next to
//! nothing. [`describe`] gives the recorder the help texts.
//!
//! Names and labels are a public interface: [`ALL`] lists them. Labels take values from small
//! fixed sets, never hosts, actors or anything else a remote server chooses, so that nobody can
//! make the number of series grow. What is known of single peers is asked of the delivery store.
//!
//! ```
//! use std::time::Duration;
//! use federation_core::metrics::{self, Outcome};
//!
//! metrics::describe();
//! metrics::fetched(Outcome::Ok, Duration::from_millis(12));
//! assert!(metrics::ALL.iter().any(|metric| metric.name == "federation_fetch_seconds"));
//! ```

mod names;
#[cfg(test)]
pub(crate) mod tests;

use std::time::{Duration, Instant};

use ::metrics::{counter, gauge, histogram};

pub use self::names::{ALL, Kind, Metric};
use crate::inbox::InboxAnswer;

/// How something ended, where only three ways are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// As it should.
    Ok,
    /// Refused, for good.
    Refused,
    /// Failed; it may succeed later.
    Failed,
}

impl Outcome {
    /// The outcome of a result, whose error says whether it may pass.
    pub fn of<T, E>(result: &Result<T, E>, is_retryable: impl FnOnce(&E) -> bool) -> Self {
        match result {
            Ok(_) => Self::Ok,
            Err(error) if is_retryable(error) => Self::Failed,
            Err(_) => Self::Refused,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// Where the answer of a directory came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// Its memory: a hit of the cache.
    Memory,
    /// The store of remote actors: a miss of the memory.
    Store,
    /// The actor's server: a miss of both.
    Network,
}

/// The side of a push stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Side {
    /// This server has opened it.
    Holder,
    /// The other server has opened it.
    Issuer,
}

/// Which way a frame of a push stream goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Direction {
    /// It was received.
    In,
    /// It was sent.
    Out,
}

/// What is known of a delivery queue as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "whoever reads a queue builds it")]
pub struct QueueFigures {
    /// Deliveries that wait.
    pub queued: u64,
    /// Deliveries that were given up.
    pub dead: u64,
    /// How long the delivery that is due longest has been due.
    pub oldest_due_age: Duration,
    /// How long the oldest queued delivery has been queued.
    pub oldest_queued_age: Duration,
    /// Audiences that are not spread yet.
    pub fan_outs: u64,
    /// Peers of which something is known.
    pub peers: u64,
    /// Peers that are held back.
    pub held_back_peers: u64,
}

/// Measures how long something takes, by a clock that never goes back.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Tells the installed recorder what each metric means.
pub fn describe() {
    for metric in ALL {
        match metric.kind {
            Kind::Counter => ::metrics::describe_counter!(metric.name, metric.help),
            Kind::Gauge => ::metrics::describe_gauge!(metric.name, metric.help),
            Kind::Histogram => ::metrics::describe_histogram!(metric.name, metric.help),
        }
    }
}

/// A signature (`cavage`, `rfc9421`) or proof (`eddsa-jcs-2022`) was held against its key.
pub fn signature_verified(scheme: &'static str, valid: bool, took: Duration) {
    let outcome = if valid { Outcome::Ok } else { Outcome::Refused };
    let labels = [("outcome", outcome.as_str()), ("scheme", scheme)];
    histogram!(names::SIGNATURE_VERIFY.name, &labels).record(took);
}

/// A request for an inbox was answered; `code` is the stable word of the answer.
pub fn inbox_answered(code: &'static str, took: Duration) {
    counter!(names::INBOX_REQUESTS.name, "code" => code).increment(1);
    histogram!(names::INBOX.name).record(took);
}

/// Records the answer that an [`InboxService`](crate::inbox::InboxService) gives, and its time.
pub async fn answering(answer: impl Future<Output = InboxAnswer>) -> InboxAnswer {
    let watch = Stopwatch::start();
    let answer = answer.await;
    inbox_answered(answer.code, watch.elapsed());
    answer
}

/// A directory was asked for an actor, whose keys are part of it.
pub fn looked_up(source: Source) {
    let source = match source {
        Source::Memory => "memory",
        Source::Store => "store",
        Source::Network => "network",
    };
    counter!(names::DIRECTORY_LOOKUPS.name, "source" => source).increment(1);
}

/// A document was fetched, or could not be.
pub fn fetched(outcome: Outcome, took: Duration) {
    histogram!(names::FETCH.name, "outcome" => outcome.as_str()).record(took);
}

/// An attempt at a delivery has ended; `outcome` is one of the words of
/// [`outbox::Outcome`](crate::outbox::Outcome): `delivered`, `retry`, `refused`, `gone`,
/// `rejected`.
pub fn delivery_attempted(outcome: &'static str, took: Duration) {
    histogram!(names::DELIVERY_ATTEMPT.name, "outcome" => outcome).record(took);
}

/// A delivery has left the queue; `state` is the word of its state, `latency` the time since it
/// was queued.
pub fn delivery_settled(state: &'static str, latency: Duration) {
    counter!(names::DELIVERIES_SETTLED.name, "state" => state).increment(1);
    if state == "delivered" {
        histogram!(names::DELIVERY_LATENCY.name).record(latency);
    }
}

/// A delivery worker has made an exchange with its store, with so many attempts under way.
pub fn delivery_turned(took: Duration, under_way: usize) {
    histogram!(names::DELIVERY_TURN.name).record(took);
    let under_way = u32::try_from(under_way).unwrap_or(u32::MAX);
    gauge!(names::DELIVERIES_UNDER_WAY.name).set(under_way);
}

/// The state of the delivery queue, looked at now and then.
pub fn queue_seen(figures: &QueueFigures) {
    let set = |metric: Metric, value: u64| {
        // A gauge is a floating-point number; beyond 2^32 no figure here is a true one.
        gauge!(metric.name).set(u32::try_from(value).unwrap_or(u32::MAX));
    };
    set(names::DELIVERIES_QUEUED, figures.queued);
    set(names::DELIVERIES_DEAD, figures.dead);
    set(names::DELIVERY_FAN_OUTS, figures.fan_outs);
    set(names::PEERS, figures.peers);
    set(names::PEERS_HELD_BACK, figures.held_back_peers);
    gauge!(names::DELIVERY_OLDEST_DUE.name).set(figures.oldest_due_age);
    gauge!(names::DELIVERY_OLDEST_QUEUED.name).set(figures.oldest_queued_age);
}

/// The database has committed the writes of all who were waiting.
pub fn database_committed(writes: usize, took: Duration) {
    histogram!(names::DATABASE_COMMIT.name).record(took);
    let writes = u64::try_from(writes).unwrap_or(u64::MAX);
    counter!(names::DATABASE_WRITES.name).increment(writes);
}

/// A push stream was opened; dropping what this gives says that it has ended.
#[must_use]
pub fn stream_opened(side: Side) -> OpenStream {
    let side = match side {
        Side::Holder => "holder",
        Side::Issuer => "issuer",
    };
    gauge!(names::STREAMS.name, "side" => side).increment(1);
    OpenStream(side)
}

/// A push stream that is open, as it is counted.
#[derive(Debug)]
pub struct OpenStream(&'static str);

impl Drop for OpenStream {
    fn drop(&mut self) {
        gauge!(names::STREAMS.name, "side" => self.0).decrement(1);
    }
}

/// A frame of a push stream came or went; `kind` is the word of its kind.
pub fn stream_frame(direction: Direction, kind: &'static str) {
    let direction = match direction {
        Direction::In => "in",
        Direction::Out => "out",
    };
    let labels = [("direction", direction), ("kind", kind)];
    counter!(names::STREAM_FRAMES.name, &labels).increment(1);
}

/// A call of the node handshake was answered; `call` is the last part of its path, `outcome`
/// `ok` or the stable word of the refusal.
pub fn handshake_answered(call: &'static str, outcome: &'static str) {
    let labels = [("call", call), ("outcome", outcome)];
    counter!(names::HANDSHAKES.name, &labels).increment(1);
}
