//! What happened on the network, in order: counted, hashed, and the latest kept for reading.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use http::Method;
use url::Url;

use crate::clock::Timestamp;

/// Events that are kept for reading.
const KEPT: usize = 256;

/// What became of one copy of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Event {
    /// It was handled, and the answer with this status arrived.
    Answered(u16),
    /// It was handled, and the answer with this status was lost.
    AnswerLost(u16),
    /// It was lost before it arrived.
    RequestLost,
    /// A second copy was handled; its answer went nowhere.
    Doubled(u16),
    /// A partition was in its way.
    CutOff,
    /// There is no such host, or it does not run.
    Refused,
    /// The host crashed while it handled it.
    BrokenOff,
}

/// One line of the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// When, by the network's own clock.
    pub at: Timestamp,
    /// The host that asked.
    pub from: String,
    /// The method.
    pub method: Method,
    /// What was asked for.
    pub url: Url,
    /// What became of it.
    pub event: Event,
}

impl fmt::Display for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            at,
            from,
            method,
            url,
            event,
        } = self;
        write!(formatter, "{at} {from}: {method} {url}: {event:?}")
    }
}

/// Everything that happened, as far as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trace {
    /// A hash of every event with its time, hosts, method, URL and body. Two runs with the same
    /// hash went the same way.
    pub hash: u64,
    /// How often each thing happened.
    pub counts: BTreeMap<Event, u64>,
    /// The latest events, oldest first.
    pub recent: VecDeque<Line>,
}

impl Trace {
    pub(super) fn record(&mut self, line: Line, body: &[u8]) {
        let mut hash = Fnv(self.hash);
        hash.write(&line.at.as_millis().to_be_bytes());
        hash.write(line.from.as_bytes());
        hash.write(line.method.as_str().as_bytes());
        hash.write(line.url.as_str().as_bytes());
        hash.write(format!("{:?}", line.event).as_bytes());
        hash.write(body);
        self.hash = hash.0;
        *self.counts.entry(line.event).or_default() += 1;
        if self.recent.len() == KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(line);
    }

    /// How many events of a kind there were.
    pub fn count(&self, of: impl Fn(Event) -> bool) -> u64 {
        let counted = self.counts.iter().filter(|(event, _)| of(**event));
        counted.map(|(_, count)| count).sum()
    }
}

/// After FNV-1a with 64 bits, eight bytes at a time: the same on every machine and in every version
/// of the compiler.
struct Fnv(u64);

impl Fnv {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        for byte in rest {
            self.mix(u64::from(*byte));
        }
        // Where one field ends and the next begins counts too.
        self.mix(0x1FF);
    }

    const fn mix(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01B3);
        // A product moves bits up only; this brings them down for the next one.
        self.0 = mixed ^ (mixed >> 32);
    }
}
