//! What waits for the writers: what this server writes itself, and what other servers send.
//!
//! The two take turns. While this server writes too, a turn of the others is short, so that no peer
//! that floods the inbox holds anybody up here for longer than that.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::write_job::WriteJob;

/// How long the operations of one turn of other servers take, about, while this one writes too.
const SHORT: Duration = Duration::from_millis(2);
/// For how long after a write of this server more are expected.
const BUSY_FOR: Duration = Duration::from_secs(1);

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
    /// Whose turn was the last.
    last: Lane,
    wrote_at: Option<Instant>,
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
        last: Lane::Arrivals,
        wrote_at: None,
        runtime: tokio::runtime::Builder::new_current_thread().build()?,
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
    /// more. `cost` is what the operation of an arrival takes.
    pub(super) fn take(
        &mut self,
        group: &mut Vec<Job>,
        limit: usize,
        cost: Duration,
    ) -> Option<Lane> {
        let Self {
            own,
            arrivals,
            last,
            runtime,
            ..
        } = self;
        let next = poll_fn(|context| next(own, arrivals, *last, context));
        let (lane, job) = runtime.block_on(next)?;
        group.push(job);
        let limit = match lane {
            Lane::Own => {
                self.wrote_at = Some(Instant::now());
                limit
            }
            Lane::Arrivals => self.turn(limit, cost),
        };
        let queue = match lane {
            Lane::Own => &mut self.own,
            Lane::Arrivals => &mut self.arrivals,
        };
        while group.len() < limit {
            let Ok(job) = queue.try_recv() else { break };
            group.push(job);
        }
        self.last = lane;
        Some(lane)
    }

    /// How many arrivals are taken in one turn.
    fn turn(&self, limit: usize, cost: Duration) -> usize {
        let is_busy = self.wrote_at.is_some_and(|at| at.elapsed() < BUSY_FOR);
        if !is_busy {
            return limit;
        }
        let fit = SHORT.as_nanos() / cost.as_nanos().max(1);
        usize::try_from(fit).unwrap_or(limit).clamp(1, limit)
    }
}

/// The first write of whoever's turn it is, or of the other lane when there is none.
fn next(
    own: &mut mpsc::Receiver<Job>,
    arrivals: &mut mpsc::Receiver<Job>,
    last: Lane,
    context: &mut Context<'_>,
) -> Poll<Option<(Lane, Job)>> {
    let mut lanes = [(Lane::Own, own), (Lane::Arrivals, arrivals)];
    if last == Lane::Own {
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
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::connection::Connection;
    use super::super::error::DatabaseError;
    use super::super::receipt::Entry;
    use super::*;

    const LIMIT: usize = 64;

    struct Idle;

    impl WriteJob for Idle {
        fn attempt(&mut self, _: &mut Connection, _: Option<Entry>) -> bool {
            true
        }
        fn fail(&mut self, _: DatabaseError) {}
        fn is_relaxed(&self) -> bool {
            false
        }
        fn reply(self: Box<Self>) {}
    }

    fn put(senders: &WriteSenders, lane: Lane, count: usize) {
        for _ in 0..count {
            let queued = senders.lane(lane).try_send(Box::new(Idle));
            assert!(queued.is_ok());
        }
    }

    fn taken(queue: &mut WriteQueue, cost: Duration) -> Option<(Lane, usize)> {
        let mut group = Vec::new();
        let lane = queue.take(&mut group, LIMIT, cost);
        lane.map(|lane| (lane, group.len()))
    }

    #[test]
    fn lanes_take_turns_and_those_of_others_are_short_while_this_server_writes() {
        let (senders, mut queue) = lanes(200).unwrap();
        put(&senders, Lane::Arrivals, 200);
        put(&senders, Lane::Own, 100);
        let half = Duration::from_micros(500);
        assert_eq!(taken(&mut queue, half), Some((Lane::Own, LIMIT)));
        assert_eq!(taken(&mut queue, half), Some((Lane::Arrivals, 4)));
        assert_eq!(taken(&mut queue, half), Some((Lane::Own, 36)));
        // One at least, whatever it takes.
        let dear = Duration::from_secs(1);
        assert_eq!(taken(&mut queue, dear), Some((Lane::Arrivals, 1)));
        assert_eq!(taken(&mut queue, half), Some((Lane::Arrivals, 4)));
    }

    #[test]
    fn arrivals_have_all_the_room_while_nobody_else_writes() {
        let (senders, mut queue) = lanes(200).unwrap();
        put(&senders, Lane::Arrivals, 200);
        let dear = Duration::from_secs(1);
        assert_eq!(taken(&mut queue, dear), Some((Lane::Arrivals, LIMIT)));
    }

    #[test]
    fn what_is_queued_is_done_before_the_end() {
        let (senders, mut queue) = lanes(10).unwrap();
        put(&senders, Lane::Arrivals, 1);
        put(&senders, Lane::Own, 1);
        drop(senders);
        assert_eq!(taken(&mut queue, Duration::ZERO), Some((Lane::Own, 1)));
        assert_eq!(taken(&mut queue, Duration::ZERO), Some((Lane::Arrivals, 1)));
        assert_eq!(taken(&mut queue, Duration::ZERO), None);
    }
}
