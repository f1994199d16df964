//! How large a run is, and what is done to it.

use std::ops::RangeInclusive;
use std::time::Duration;

/// One run, apart from its seed.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) nodes: usize,
    /// Activities that are sent, replies included.
    pub(crate) activities: u64,
    pub(crate) conversations: usize,
    /// Members of a conversation.
    pub(crate) members: RangeInclusive<u64>,
    /// The share of exchanges that is lost.
    pub(crate) lost: f64,
    /// For how long activities are sent and things go wrong.
    pub(crate) span: Duration,
    /// The time from one crash to the next, somewhere.
    pub(crate) crash_every: Duration,
    /// The time from one partition to the next.
    pub(crate) partition_every: Duration,
    pub(crate) sabotage: Option<Sabotage>,
}

/// What is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// The record of what was applied is not kept.
    ForgetsRepetitions,
    /// The ordering key does not reach the queue.
    IgnoresOrder,
    /// The answer goes out before the effect is committed.
    AnswersBeforeCommit,
}

const MINUTE: Duration = Duration::from_mins(1);

impl Plan {
    /// For every run of the tests.
    pub(crate) fn short() -> Self {
        Self {
            nodes: 12,
            activities: 600,
            conversations: 30,
            members: 2..=4,
            lost: 0.2,
            span: 10 * MINUTE,
            crash_every: Duration::from_secs(20),
            partition_every: 2 * MINUTE,
            sabotage: None,
        }
    }

    /// For what needs several runs.
    pub(crate) fn smallest() -> Self {
        Self {
            nodes: 6,
            activities: 200,
            conversations: 6,
            ..Self::short()
        }
    }

    /// The sizes that the environment names, the first seed, and how many.
    pub(crate) fn from_environment() -> (Self, u64, u64) {
        let nodes = number("NODES", 50);
        let plan = Self {
            nodes: usize::try_from(nodes).unwrap(),
            activities: number("ACTIVITIES", 100_000),
            conversations: usize::try_from(nodes * 6).unwrap(),
            // Activities are what is counted, and each further member is a further delivery.
            members: 2..=3,
            span: 60 * MINUTE,
            ..Self::short()
        };
        (plan, number("FIRST_SEED", 1), number("SEEDS", 200))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests have no configuration: sizes are named by the environment"
)]
fn number(name: &str, default: u64) -> u64 {
    let name = format!("FOLKMOOT_SIMULATION_{name}");
    match std::env::var(&name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
        Err(_) => default,
    }
}
