//! What all hosts share: who there is, who reaches whom, chance, and the trace.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::chance::Chance;
use super::clock::VirtualClock;
use super::conditions::{Conditions, Fate};
use super::host::{Site, fail_on, handle};
use super::trace::{Event, Line, Trace};
use crate::clock::{Clock as _, Timestamp};
use crate::fetch::OutboundRequest;

/// The network itself.
pub(super) struct Wire {
    state: Mutex<State>,
    started: Instant,
    clock: VirtualClock,
}

struct State {
    sites: BTreeMap<Arc<str>, Site>,
    conditions: Conditions,
    ways: BTreeMap<(Arc<str>, Arc<str>), Conditions>,
    /// The side of each host that is named in a partition; all others are on side 0.
    sides: BTreeMap<Arc<str>, usize>,
    chance: Chance,
    trace: Trace,
}

impl Wire {
    pub(super) fn new(seed: u64) -> Self {
        let started = Instant::now();
        Self {
            state: Mutex::new(State {
                sites: BTreeMap::new(),
                conditions: Conditions::default(),
                ways: BTreeMap::new(),
                sides: BTreeMap::new(),
                chance: Chance::new(seed),
                trace: Trace::default(),
            }),
            clock: VirtualClock::new(started),
            started,
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        // A panic elsewhere fails its own test; the state is whole between calls.
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn with_site<T>(&self, name: &Arc<str>, work: impl FnOnce(&mut Site) -> T) -> T {
        self.with(|state| {
            let site = state.sites.entry(Arc::clone(name));
            work(site.or_insert_with(|| Site::new(VirtualClock::new(self.started))))
        })
    }

    pub(super) fn clock_of(&self, name: &Arc<str>) -> Arc<VirtualClock> {
        self.with_site(name, |site| Arc::clone(&site.clock))
    }

    pub(super) fn spawn_on(
        &self,
        name: &Arc<str>,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let panicked = self.with_site(name, |site| {
            let panicked = site.tidy();
            site.tasks.spawn(task);
            panicked
        });
        fail_on(panicked, name);
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn set_conditions(&self, conditions: Conditions) {
        self.with(|state| state.conditions = conditions);
    }

    pub(super) fn set_way(&self, from: &str, to: &str, conditions: Conditions) {
        let way = (Arc::from(from), Arc::from(to));
        self.with(|state| state.ways.insert(way, conditions));
    }

    pub(super) fn set_sides(&self, sides: BTreeMap<Arc<str>, usize>) {
        self.with(|state| state.sides = sides);
    }

    pub(super) fn fork_chance(&self) -> Chance {
        self.with(|state| state.chance.fork())
    }

    pub(super) fn trace(&self) -> Trace {
        self.with(|state| state.trace.clone())
    }

    /// Whether no partition lies between two hosts.
    pub(super) fn reaches(&self, from: &str, to: &str) -> bool {
        self.with(|state| {
            let side = |name: &str| state.sides.get(name).copied().unwrap_or(0);
            side(from) == side(to)
        })
    }

    /// Decides what becomes of an exchange that sets out now.
    pub(super) fn decide(&self, from: &Arc<str>, to: &Arc<str>) -> Fate {
        self.with(|state| {
            let way = (Arc::clone(from), Arc::clone(to));
            let conditions = state.ways.get(&way).unwrap_or(&state.conditions);
            Fate::draw(&mut state.chance, conditions)
        })
    }

    /// Gives a request to a host; `None` when it does not run.
    pub(super) fn hand_over(
        &self,
        to: &Arc<str>,
        request: Request<Bytes>,
    ) -> Option<oneshot::Receiver<Response<Bytes>>> {
        let (panicked, answered) = self.with(|state| match state.sites.get_mut(to) {
            Some(site) => (site.tidy(), handle(site, request)),
            None => (None, None),
        });
        fail_on(panicked, to);
        answered
    }

    pub(super) fn record(&self, from: &Arc<str>, request: &OutboundRequest, event: Event) {
        let line = Line {
            at: self.now(),
            from: from.to_string(),
            method: request.method.clone(),
            url: request.url.clone(),
            event,
        };
        self.with(|state| state.trace.record(line, &request.body));
    }

    /// Ends everything that runs on any host.
    pub(super) fn stop(&self) {
        let sites = self.with(|state| std::mem::take(&mut state.sites));
        for (name, mut site) in sites {
            fail_on(site.tidy(), &name);
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Wire").finish_non_exhaustive()
    }
}
