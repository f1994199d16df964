//! One run: who talks to whom, what goes wrong when, and whether all is well in the end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use federation_core::Timestamp;
use federation_core::outbox::WorkerConfig;
use federation_core::testing::network::{Chance, Conditions, Event, Network, simulate};

use crate::disk::Disk;
use crate::node::{Node, World, host_name};
use crate::plan::Plan;

/// How long what is queued may take to arrive once everything has healed. A lane waits for the
/// longest pause between two attempts at most; as requests are still lost, the attempt after it may
/// fail too, but not so often that it takes as long again.
fn patience() -> Duration {
    WorkerConfig::default().backoff.longest * 2
}

/// What a run has shown.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) sent: u64,
    pub(crate) applied: u64,
    pub(crate) repeated: u64,
    pub(crate) requests: u64,
    pub(crate) lost: u64,
    pub(crate) crashes: u64,
    pub(crate) partitions: u64,
    /// From the last repair until the last activity had arrived, in virtual time.
    pub(crate) converged_after: Duration,
    pub(crate) wall: Duration,
    pub(crate) hash: u64,
    /// What is wrong, if anything.
    pub(crate) faults: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "seed {}: {} activities sent, {} deliveries applied, {} came again, {} requests \
             ({} lost), {} crashes, {} partitions, converged {} s after healing, {:.1} s of wall time, \
             trace {:016x}{}",
            self.seed,
            self.sent,
            self.applied,
            self.repeated,
            self.requests,
            self.lost,
            self.crashes,
            self.partitions,
            self.converged_after.as_secs(),
            self.wall.as_secs_f64(),
            self.hash,
            if self.faults.is_empty() {
                ""
            } else {
                ", FAILED"
            },
        )
    }
}

/// Something that happens to the world at its moment.
#[derive(Clone, Debug)]
enum Happening {
    Crash(usize),
    Restart(usize),
    Partition(Vec<Vec<String>>),
    Heal,
}

pub(crate) fn run(plan: &Plan, seed: u64) -> Report {
    let started = Instant::now();
    let mut report = simulate(seed, async |network| {
        Run::new(plan, network).until_the_end(seed).await
    });
    report.wall = started.elapsed();
    report
}

struct Run<'a> {
    plan: &'a Plan,
    network: Network,
    chance: Chance,
    world: Arc<World>,
    nodes: Vec<Node>,
    crashes: u64,
    partitions: u64,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, network: Network) -> Self {
        let mut chance = network.chance();
        network.set_conditions(Conditions::stormy(plan.lost));
        let conversations = (0..plan.conversations)
            .map(|_| conversation(plan, &mut chance))
            .collect();
        let world = Arc::new(World {
            conversations,
            wanted: plan.activities,
            sent: AtomicU64::new(0),
            sabotage: plan.sabotage,
        });
        let nodes = (0..plan.nodes)
            .map(|index| {
                let disk = Disk::new(chance.fork(), Arc::clone(&world));
                let host = network.host(&host_name(index));
                Node::new(index, host, disk, Arc::clone(&world))
            })
            .collect();
        Self {
            plan,
            network,
            chance,
            world,
            nodes,
            crashes: 0,
            partitions: 0,
        }
    }

    async fn until_the_end(mut self, seed: u64) -> Report {
        for node in &self.nodes {
            node.start();
        }
        let mut to_come = self.schedule();
        let pause = self.plan.span.as_micros() / u128::from(self.plan.activities.max(1));
        let pause = Duration::from_micros(u64::try_from(pause).unwrap());
        let begin = tokio::time::Instant::now();
        let mut turns = 0;
        while !self.world.is_done() {
            turns += 1;
            tokio::time::sleep_until(begin + pause * turns).await;
            while let Some(next) = to_come.first_entry() {
                if *next.key() > self.network.now() {
                    break;
                }
                for happening in next.remove() {
                    self.happen(happening).await;
                }
            }
            self.send_one();
        }
        self.network.heal();
        for node in &self.nodes {
            if !node.host.is_up() {
                node.start();
            }
        }
        let healed = self.network.now();
        while !self.has_converged() && self.network.now().since(healed) < patience() {
            let long = self.network.now().since(healed) > Duration::from_mins(10);
            tokio::time::sleep(Duration::from_secs(if long { 30 } else { 1 })).await;
        }
        let converged_after = self.network.now().since(healed);
        // What is still under way must change nothing any more.
        tokio::time::sleep(Duration::from_mins(5)).await;
        self.report(seed, converged_after)
    }

    /// Everything that goes wrong while activities are sent, by its moment.
    fn schedule(&mut self) -> BTreeMap<Timestamp, Vec<Happening>> {
        let mut schedule: BTreeMap<Timestamp, Vec<Happening>> = BTreeMap::new();
        let start = self.network.now();
        let plan = self.plan;
        let mut add = |after, what| schedule.entry(start.plus(after)).or_default().push(what);
        let around = |every: Duration| every / 2..=every + every / 2;
        let mut at = Duration::ZERO;
        while at < plan.span {
            at += self.chance.between(&around(plan.crash_every));
            let node = self.chance.index(plan.nodes);
            let down = Duration::from_millis(100)..=Duration::from_mins(2);
            add(at, Happening::Crash(node));
            add(at + self.chance.between(&down), Happening::Restart(node));
        }
        at = Duration::ZERO;
        while at < plan.span {
            at += self.chance.between(&around(plan.partition_every));
            let mut parts = vec![Vec::new(); 2 + self.chance.index(2)];
            for node in 0..plan.nodes {
                let part = self.chance.index(parts.len());
                parts[part].push(host_name(node));
            }
            add(at, Happening::Partition(parts));
            at += self.chance.between(&around(plan.partition_every / 2));
            add(at, Happening::Heal);
        }
        schedule
    }

    async fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Crash(node) => {
                self.nodes[node].host.crash().await;
                self.crashes += 1;
            }
            Happening::Restart(node) if !self.nodes[node].host.is_up() => self.nodes[node].start(),
            Happening::Restart(_) => {}
            Happening::Partition(parts) => {
                let parts: Vec<Vec<&str>> = parts
                    .iter()
                    .map(|part| part.iter().map(String::as_str).collect())
                    .collect();
                self.network.partition(parts.iter().map(Vec::as_slice));
                self.partitions += 1;
            }
            Happening::Heal => self.network.heal(),
        }
    }

    /// Somebody says something somewhere, unless their node is down.
    fn send_one(&mut self) {
        let conversation = self.chance.index(self.world.conversations.len());
        let members = &self.world.conversations[conversation];
        let member = members[self.chance.index(members.len())];
        // A reply may have been the last one.
        if self.nodes[member].host.is_up() && !self.world.is_done() {
            self.nodes[member].send(conversation);
        }
    }

    fn has_converged(&self) -> bool {
        let applied: u64 = self
            .nodes
            .iter()
            .map(|one| one.disk.rows().record.applied)
            .sum();
        applied >= self.expected()
    }

    /// How often something has to be applied: each activity once by each other member.
    fn expected(&self) -> u64 {
        let of_node = |node: &Node| -> u64 {
            let rows = node.disk.rows();
            let others = |conversation: &usize| self.world.conversations[*conversation].len() - 1;
            rows.sent
                .iter()
                .map(|(conversation, sent)| u64::try_from(others(conversation)).unwrap() * sent)
                .sum()
        };
        self.nodes.iter().map(of_node).sum()
    }

    fn report(self, seed: u64, converged_after: Duration) -> Report {
        let mut faults = Vec::new();
        if converged_after >= patience() {
            faults.push(format!(
                "not all had arrived {converged_after:?} after healing"
            ));
        }
        let sent = self.world.sent.load(Ordering::Relaxed);
        if sent != self.plan.activities {
            faults.push(format!("{sent} of {} were sent", self.plan.activities));
        }
        let (mut applied, mut repeated) = (0, 0);
        for node in &self.nodes {
            let rows = node.disk.rows();
            applied += rows.record.applied;
            repeated += rows.repeated;
            let told = rows.record.faults.iter();
            faults.extend(told.map(|fault| format!("on node {}: {fault}", node.index)));
            for (conversation, members) in self.world.conversations.iter().enumerate() {
                for sender in members.iter().filter(|sender| **sender != node.index) {
                    if !members.contains(&node.index) {
                        continue;
                    }
                    let sent = self.nodes[*sender].disk.rows();
                    let sent = sent.sent.get(&conversation).copied().unwrap_or(0);
                    let last = rows.record.last((*sender, conversation));
                    if last < sent {
                        faults.push(format!(
                            "node {} of conversation {conversation}: {last} of {sent} by node \
                             {sender}, the rest never arrived",
                            node.index
                        ));
                    }
                }
            }
        }
        let trace = self.network.trace();
        Report {
            seed,
            sent,
            applied,
            repeated,
            requests: trace.counts.values().sum(),
            lost: trace.count(|event| matches!(event, Event::RequestLost | Event::AnswerLost(_))),
            crashes: self.crashes,
            partitions: self.partitions,
            converged_after,
            wall: Duration::ZERO,
            hash: trace.hash,
            faults,
        }
    }
}

/// The members of a conversation, each once.
fn conversation(plan: &Plan, chance: &mut Chance) -> Vec<usize> {
    let spread = plan.members.end() - plan.members.start() + 1;
    let size = plan.members.start() + chance.below(spread);
    let size = usize::try_from(size).unwrap().min(plan.nodes);
    let mut members = Vec::with_capacity(size);
    while members.len() < size {
        let member = chance.index(plan.nodes);
        if !members.contains(&member) {
            members.push(member);
        }
    }
    members
}
