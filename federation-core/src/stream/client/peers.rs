//! Which peers have a stream, may get one, or are not asked: decisions without IO.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use super::config::ClientConfig;
use super::memory::Memory;
use crate::clock::Timestamp;

/// How long failures of a peer are remembered after it may be asked again.
const FAILURES_FOR: Duration = Duration::from_hours(1);

/// A peer that is not asked.
#[derive(Clone, Copy, Debug)]
struct Bar {
    until: Timestamp,
    failures: u32,
}

/// What is known of peers; `H` is the handle of an open stream.
#[derive(Debug)]
pub(super) struct Peers<H> {
    open: HashMap<String, H>,
    opening: HashSet<String>,
    warm: Memory<u32>,
    bars: Memory<Bar>,
    max_barred: usize,
}

/// What the end of a stream, or of an attempt to open one, means for the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It was given up for want of use: traffic opens the next.
    Idle,
    /// It worked for a while, and ended for a reason that may pass.
    Interrupted,
    /// It did not work.
    Failed(Option<Duration>),
    /// The peer has no streams, or none for this node.
    Never,
}

/// An open stream as the choice of the least used one sees it.
pub(super) trait Used {
    fn last_used(&self) -> Instant;
}

impl<H: Used> Peers<H> {
    pub(super) fn new(config: &ClientConfig) -> Self {
        Self {
            open: HashMap::new(),
            opening: HashSet::new(),
            warm: Memory::new(config.max_warm),
            bars: Memory::new(config.max_barred),
            max_barred: config.max_barred,
        }
    }

    pub(super) fn stream(&self, peer: &str) -> Option<&H> {
        self.open.get(peer)
    }

    pub(super) fn open_streams(&self) -> usize {
        self.open.len()
    }

    pub(super) fn streams(&self) -> impl Iterator<Item = &H> {
        self.open.values()
    }

    /// Counts a delivery that went by POST; whether a stream is to be opened now.
    ///
    /// A peer is asked only when there is room to remember what comes of it.
    pub(super) fn posted(
        &mut self,
        peer: &str,
        config: &ClientConfig,
        now: Timestamp,
    ) -> Wanted<'_, H> {
        if self.open.contains_key(peer) || self.opening.contains(peer) {
            return Wanted::No;
        }
        self.bars.expire(now);
        if self.bars.find(peer).is_some_and(|bar| bar.until > now) {
            return Wanted::No;
        }
        self.warm.expire(now);
        let posts = if let Some(posts) = self.warm.find(peer) {
            *posts = posts.saturating_add(1);
            *posts
        } else {
            self.warm.put(peer, 1, now.plus(config.warm_for));
            1
        };
        if posts < config.open_after {
            return Wanted::No;
        }
        let asked = self.open.len() + self.opening.len();
        if asked >= config.max_streams {
            let least = self.open.values().min_by_key(|stream| stream.last_used());
            let least = least.filter(|stream| stream.last_used().elapsed() >= config.yield_after);
            return least.map_or(Wanted::No, Wanted::Instead);
        }
        let remembered = self.bars.find(peer).is_some();
        if !remembered && self.bars.len() + asked >= self.max_barred {
            return Wanted::No;
        }
        self.warm.forget(peer);
        self.opening.insert(peer.to_owned());
        Wanted::Yes
    }

    pub(super) fn opened(&mut self, peer: &str, handle: H) {
        self.opening.remove(peer);
        self.open.insert(peer.to_owned(), handle);
    }

    /// Takes nothing more over a stream that is about to end.
    pub(super) fn closing(&mut self, peer: &str) {
        if self.open.remove(peer).is_some() {
            self.opening.insert(peer.to_owned());
        }
    }

    /// Neither open nor opening any longer.
    pub(super) fn over(&mut self, peer: &str, after: After, config: &ClientConfig, now: Timestamp) {
        self.open.remove(peer);
        self.opening.remove(peer);
        let failures = self.bars.find(peer).map_or(0, |bar| bar.failures);
        let (failures, until) = match after {
            After::Idle => {
                self.bars.forget(peer);
                return;
            }
            After::Interrupted => (1, config.backoff.retry_at(1, None, now)),
            After::Failed(retry_after) => {
                let failures = failures.saturating_add(1);
                let until = config.backoff.retry_at(failures, retry_after, now);
                (failures, until)
            }
            After::Never => (failures, now.plus(config.unsupported_for)),
        };
        let forget_at = until.plus(FAILURES_FOR);
        self.bars.put(peer, Bar { until, failures }, forget_at);
    }
}

/// Whether a stream is to be opened.
#[derive(Debug)]
pub(super) enum Wanted<'a, H> {
    No,
    Yes,
    /// When this one, long unused, has made room.
    Instead(&'a H),
}
