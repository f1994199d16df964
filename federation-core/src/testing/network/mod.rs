//! A network of any number of hosts in one process, in virtual time, from one seed.
//!
//! Applications are mounted on hosts and speak to each other through their hosts' transports,
//! with the real signatures, checks and queues; nothing listens on a socket. The network loses,
//! delays, doubles and reorders what travels on it, falls into parts and heals; hosts crash at
//! any point where they wait. An hour passes as fast as its work can be done, since time moves on
//! only when everybody waits.
//!
//! ```
//! use bytes::Bytes;
//! use federation_core::fetch::{FetchLimits, OutboundRequest};
//! use federation_core::testing::network::{Conditions, simulate};
//! use http::{Request, Response};
//!
//! let trace = simulate(7, async |network| {
//!     let here = network.host("here.example");
//!     let there = network.host("there.example");
//!     there.mount(|_request: Request<Bytes>| async { Response::new(Bytes::from("well met")) });
//!     network.set_conditions(Conditions::stormy(0.5));
//!
//!     let mut attempts = 0;
//!     loop {
//!         attempts += 1;
//!         let request = OutboundRequest::get(there.url("/"), FetchLimits::document());
//!         match here.transport().execute(request).await {
//!             Ok(answer) => break assert_eq!(answer.body, "well met"),
//!             Err(fault) => assert!(fault.is_retryable()),
//!         }
//!         assert!(attempts < 100);
//!     }
//!     network.trace()
//! });
//! // The same seed gives the same storm.
//! assert!(trace.counts.values().sum::<u64>() >= 1);
//! ```
//!
//! # What makes a run repeatable
//! Everything on one thread, the network's [`Chance`] for every decision, and maps in order. The
//! application has its part: [`Chance`] in place of other sources of chance, the host's clock in
//! place of the system's, `tokio::select!` with `biased`, and no iteration over a `HashMap` that
//! decides what is done first. `Backoff::jitter_percent` of delivery workers is chance too: zero
//! makes it repeatable. Whether a run was repeated is told by [`Trace::hash`].

mod chance;
mod clock;
mod conditions;
mod endpoint;
mod exchange;
mod host;
#[cfg(test)]
mod tests;
mod trace;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use self::chance::Chance;
pub use self::clock::VirtualClock;
#[cfg(feature = "diesel")]
pub(crate) use self::clock::hold_time;
pub use self::conditions::Conditions;
pub use self::endpoint::Endpoint;
pub use self::host::Host;
pub use self::trace::{Event, Line, Trace};

use self::clock::InVirtualTime;
use self::wire::Wire;
use crate::clock::Timestamp;

/// The network. Cheap to clone; all clones are the same network.
#[derive(Clone, Debug)]
pub struct Network(Arc<Wire>);

/// Runs `test` in virtual time with a network that follows from `seed`.
///
/// # Panics
/// When the test does, or a task on one of the hosts did.
#[expect(clippy::expect_used, reason = "a test cannot go on without a runtime")]
pub fn simulate<T>(seed: u64, test: impl AsyncFnOnce(Network) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime starts");
    let _virtual = InVirtualTime::enter();
    runtime.block_on(async {
        let network = Network(Arc::new(Wire::new(seed)));
        let wire = Arc::clone(&network.0);
        let outcome = test(network).await;
        // Hosts hold endpoints, which may hold hosts.
        wire.stop();
        outcome
    })
}

impl Network {
    /// The host of this name, such as `here.example`, which need not exist yet.
    ///
    /// A port other than 443 is part of the name.
    pub fn host(&self, name: &str) -> Host {
        Host::new(Arc::clone(&self.0), Arc::from(name))
    }

    /// The present moment, by the network's own clock.
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// A stream of chance for the test's own decisions.
    pub fn chance(&self) -> Chance {
        self.0.fork_chance()
    }

    /// Sets the conditions of every way that has none of its own.
    pub fn set_conditions(&self, conditions: Conditions) {
        self.0.set_conditions(conditions);
    }

    /// Sets the conditions of requests from one host to another, and of their answers.
    pub fn set_way(&self, from: &str, to: &str, conditions: Conditions) {
        self.0.set_way(from, to, conditions);
    }

    /// Lets the network fall into parts: what travels between two of them is lost in silence, what
    /// is under way included. Hosts that no part names are a part of their own.
    pub fn partition<'a>(&self, parts: impl IntoIterator<Item = &'a [&'a str]>) {
        let mut sides = BTreeMap::new();
        for (side, part) in (1..).zip(parts) {
            for name in part {
                sides.insert(Arc::from(*name), side);
            }
        }
        self.0.set_sides(sides);
    }

    /// Ends the partition.
    pub fn heal(&self) {
        self.0.set_sides(BTreeMap::new());
    }

    /// What has happened so far.
    pub fn trace(&self) -> Trace {
        self.0.trace()
    }
}
