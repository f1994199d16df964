//! What waits for the writers: what this server writes itself, and what other servers send.
//!
//! Those of this server come first. While it writes, those of others are begun one at a time and for
//! half of the time at most, and what this server writes meanwhile joins them: so whoever floods the
//! inbox holds up nobody here for much longer than one operation takes.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::time::timeout_at;

use super::write_job::WriteJob;

/// For how long after a write of this server more are expected.
pub(super) const BUSY_FOR: Duration = Duration::from_secs(1);
/// For how long more writes of others are begun in one group while this server writes.
const LONG: Duration = Duration::from_millis(2);
/// How many groups of this server's writes come one after the other while others wait.
const IN_A_ROW: u32 = 4;

/// A queued write.
pub(super) type Job = Box<dyn WriteJob>;

/// Whose writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Those of this server.
    Own,
    /// Those of activities that other servers sent.
    Arrivals,
}

/// The receiving ends of both lanes; writers share it.
pub(super) struct WriteQueue {
    own: mpsc::Receiver<Job>,
    arrivals: mpsc::Receiver<Job>,
    /// How many groups of this server's own were taken one after the other.
    row: u32,
    wrote_at: Option<Instant>,
    /// Until when no arrivals are taken while this server writes.
    rest_until: Option<Instant>,
    runtime: Runtime,
}

/// The sending ends of both lanes.
#[derive(Clone)]
pub(super) struct WriteSenders {
    own: mpsc::Sender<Job>,
    arrivals: mpsc::Sender<Job>,
}

/// Two lanes in which so many writes may wait, each.
///
/// # Errors
/// The system has no means left to wait with.
pub(super) fn lanes(limit: usize) -> std::io::Result<(WriteSenders, WriteQueue)> {
    let (own, own_queue) = mpsc::channel(limit);
    let (arrivals, arrivals_queue) = mpsc::channel(limit);
    let queue = WriteQueue {
        own: own_queue,
        arrivals: arrivals_queue,
        row: 0,
        wrote_at: None,
        rest_until: None,
        runtime: Builder::new_current_thread().enable_time().build()?,
    };
    Ok((WriteSenders { own, arrivals }, queue))
}

impl WriteSenders {
    /// Where writes of a lane go.
    pub(super) const fn lane(&self, lane: Lane) -> &mpsc::Sender<Job> {
        match lane {
            Lane::Own => &self.own,
            Lane::Arrivals => &self.arrivals,
        }
    }
}

impl WriteQueue {
    /// Waits for writes and puts up to `limit` of one lane into `group`; `None` once there will be no
    /// more.
    pub(super) fn take(&mut self, group: &mut Vec<Job>, limit: usize) -> Option<Lane> {
        let rest = self.rest_until.filter(|_| self.is_busy());
        let Self {
            own,
            arrivals,
            row,
            runtime,
            ..
        } = self;
        let own_first = *row < IN_A_ROW;
        let (lane, job) = runtime.block_on(async {
            if let Some(until) = rest
                && let Ok(Some(job)) = timeout_at(until.into(), own.recv()).await
            {
                return Some((Lane::Own, job));
            }
            poll_fn(|context| next((&mut *own, &mut *arrivals), own_first, context)).await
        })?;
        group.push(job);
        match lane {
            Lane::Own => {
                self.row = self.row.saturating_add(1);
                fill(&mut self.own, group, limit);
                self.note(group);
            }
            Lane::Arrivals => {
                self.row = 0;
                let limit = if self.is_busy() { 1 } else { limit };
                fill(&mut self.arrivals, group, limit);
            }
        }
        Some(lane)
    }

    /// Takes no arrivals for as long as the last group of them took, while this server writes.
    pub(super) fn rest(&mut self, took: Duration) {
        self.rest_until = Instant::now().checked_add(took);
    }

    /// Notes when this server wrote what somebody waits for; nobody does for what is relaxed.
    fn note(&mut self, own: &[Job]) {
        if own.iter().any(|job| !job.is_relaxed()) {
            self.wrote_at = Some(Instant::now());
        }
    }

    fn is_busy(&self) -> bool {
        self.wrote_at.is_some_and(|at| at.elapsed() < BUSY_FOR)
    }

    /// What may join a `group` of arrivals that has run for so long: the writes of this server that
    /// came meanwhile, or else one more arrival, unless that was long.
    pub(super) fn join(
        &mut self,
        group: &mut Vec<Job>,
        limit: usize,
        ran: Duration,
    ) -> Option<Lane> {
        let before = group.len();
        fill(&mut self.own, group, limit);
        if group.len() > before {
            self.note(group.get(before..).unwrap_or_default());
            return Some(Lane::Own);
        }
        if ran < LONG {
            fill(
                &mut self.arrivals,
                group,
                limit.min(before.saturating_add(1)),
            );
        }
        (group.len() > before).then_some(Lane::Arrivals)
    }
}

/// Moves what waits into a group of up to `limit`.
fn fill(queue: &mut mpsc::Receiver<Job>, group: &mut Vec<Job>, limit: usize) {
    while group.len() < limit {
        let Ok(job) = queue.try_recv() else { break };
        group.push(job);
    }
}

/// The first write of the lane that comes first, or of the other when there is none.
fn next(
    (own, arrivals): (&mut mpsc::Receiver<Job>, &mut mpsc::Receiver<Job>),
    own_first: bool,
    context: &mut Context<'_>,
) -> Poll<Option<(Lane, Job)>> {
    let mut lanes = [(Lane::Own, own), (Lane::Arrivals, arrivals)];
    if !own_first {
        lanes.reverse();
    }
    let mut is_open = false;
    for (lane, queue) in lanes {
        match queue.poll_recv(context) {
            Poll::Ready(Some(job)) => return Poll::Ready(Some((lane, job))),
            Poll::Ready(None) => {}
            Poll::Pending => is_open = true,
        }
    }
    if is_open {
        Poll::Pending
    } else {
        Poll::Ready(None)
    }
}

impl fmt::Debug for WriteQueue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WriteQueue")
            .field("row", &self.row)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sql::receipt::Entry;
    use crate::store::sql::{Connection, DatabaseError};

    const LIMIT: usize = 64;

    /// Does nothing; whether the disk need not have it.
    struct Idle(bool);

    impl WriteJob for Idle {
        fn attempt(&mut self, _: &mut Connection, _: Option<Entry>) -> bool {
            true
        }
        fn fail(&mut self, _: DatabaseError) {}
        fn is_relaxed(&self) -> bool {
            self.0
        }
        fn reply(self: Box<Self>) {}
    }

    fn put(senders: &WriteSenders, lane: Lane, count: usize) {
        for _ in 0..count {
            let queued = senders.lane(lane).try_send(Box::new(Idle(false)));
            assert!(queued.is_ok());
        }
    }

    fn taken(queue: &mut WriteQueue) -> Option<(Lane, usize)> {
        let mut group = Vec::new();
        let lane = queue.take(&mut group, LIMIT);
        lane.map(|lane| (lane, group.len()))
    }

    #[test]
    fn own_writes_come_first_and_others_get_their_turn() {
        let (senders, mut queue) = lanes(400).unwrap();
        put(&senders, Lane::Arrivals, 200);
        put(&senders, Lane::Own, 330);
        for _ in 0..IN_A_ROW {
            assert_eq!(taken(&mut queue), Some((Lane::Own, LIMIT)));
        }
        assert_eq!(taken(&mut queue), Some((Lane::Arrivals, 1)));
        assert_eq!(taken(&mut queue), Some((Lane::Own, LIMIT)));
        assert_eq!(taken(&mut queue), Some((Lane::Own, 10)));
        assert_eq!(taken(&mut queue), Some((Lane::Arrivals, 1)));
    }

    #[test]
    fn own_writes_join_arrivals_that_are_under_way() {
        let (senders, mut queue) = lanes(200).unwrap();
        put(&senders, Lane::Arrivals, 100);
        let mut group = Vec::new();
        let mut join = |queue: &mut WriteQueue, ran| {
            let lane = queue.join(&mut group, LIMIT, ran);
            (lane, group.len())
        };
        let one = join(&mut queue, Duration::ZERO);
        assert_eq!(one, (Some(Lane::Arrivals), 1));
        assert_eq!(join(&mut queue, LONG), (None, 1));
        put(&senders, Lane::Own, 3);
        assert_eq!(join(&mut queue, LONG), (Some(Lane::Own), 4));
        put(&senders, Lane::Own, 100);
        let full = join(&mut queue, Duration::ZERO);
        assert_eq!(full, (Some(Lane::Own), LIMIT));
        assert_eq!(join(&mut queue, Duration::ZERO), (None, LIMIT));
    }

    #[test]
    fn arrivals_rest_while_this_server_writes_and_not_when_it_ends() {
        let (senders, mut queue) = lanes(10).unwrap();
        put(&senders, Lane::Arrivals, 3);
        queue.rest(Duration::from_hours(1));
        // Nobody writes here.
        assert_eq!(taken(&mut queue), Some((Lane::Arrivals, 3)));
        put(&senders, Lane::Own, 1);
        assert_eq!(taken(&mut queue), Some((Lane::Own, 1)));
        put(&senders, Lane::Arrivals, 1);
        // Here the time itself is what counts, and more of it does no harm.
        let began = Instant::now();
        queue.rest(Duration::from_millis(20));
        assert_eq!(taken(&mut queue), Some((Lane::Arrivals, 1)));
        assert!(began.elapsed() >= Duration::from_millis(20));
        queue.rest(Duration::from_hours(1));
        put(&senders, Lane::Arrivals, 1);
        drop(senders);
        assert_eq!(taken(&mut queue), Some((Lane::Arrivals, 1)));
        assert_eq!(taken(&mut queue), None);
    }

    #[test]
    fn arrivals_have_all_the_room_while_nobody_else_writes() {
        let (senders, mut queue) = lanes(200).unwrap();
        let relaxed = senders.lane(Lane::Own).try_send(Box::new(Idle(true)));
        assert!(relaxed.is_ok());
        assert_eq!(taken(&mut queue), Some((Lane::Own, 1)));
        put(&senders, Lane::Arrivals, 200);
        assert_eq!(taken(&mut queue), Some((Lane::Arrivals, LIMIT)));
    }

    #[test]
    fn what_is_queued_is_done_before_the_end() {
        let (senders, mut queue) = lanes(10).unwrap();
        put(&senders, Lane::Arrivals, 1);
        put(&senders, Lane::Own, 1);
        drop(senders);
        assert_eq!(taken(&mut queue), Some((Lane::Own, 1)));
        assert_eq!(taken(&mut queue), Some((Lane::Arrivals, 1)));
        assert_eq!(taken(&mut queue), None);
    }
}
