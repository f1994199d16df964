//! What happens between sending and arriving: the trace records of both nodes, with their times.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// How many records are kept; one message makes about fifteen.
const MAX_RECORDS: usize = 1_000;

/// Where a record comes from, what it says, and how that is told here.
const TOLD: [(&str, &str, &str); 8] = [
    (
        "folkmoot::platform::http::request",
        "answered",
        "answers {status} to",
    ),
    (
        "federation_core::outbox::sql::enqueue",
        "queued",
        "queues the delivery, in the transaction of the message",
    ),
    (
        "federation_core::outbox::worker::dispatch",
        "leased",
        "has leased the delivery",
    ),
    (
        "federation_core::outbox::post",
        "signed",
        "has signed it ({scheme}), posts it to {inbox}",
    ),
    (
        "federation_core::outbox::post",
        "answered",
        "gets the answer {status}",
    ),
    (
        "federation_core::inbox::receive",
        "verified",
        "has verified the signature of {actor}",
    ),
    (
        "folkmoot::federation::dispatch",
        "applied an activity",
        "has seen the commit of the activity",
    ),
    (
        "folkmoot::gateway::link",
        "pushed",
        "has pushed to a socket",
    ),
];

/// One thing that happened.
#[derive(Clone, Debug)]
pub(super) struct Hop {
    /// When.
    pub(super) at: Instant,
    /// The name of the node, empty for threads that serve none in particular.
    pub(super) node: String,
    /// What.
    pub(super) what: String,
}

impl Hop {
    /// How long after `start`.
    pub(super) fn since(&self, start: Instant) -> Duration {
        self.at.saturating_duration_since(start)
    }
}

/// Collects hops; a layer of the subscriber of this process.
#[derive(Clone, Debug, Default)]
pub(super) struct Hops(Arc<Mutex<Vec<Hop>>>);

impl Hops {
    /// Notes something that happened now.
    pub(super) fn note(&self, node: &str, what: impl Into<String>) {
        let hop = Hop {
            at: Instant::now(),
            node: node.to_owned(),
            what: what.into(),
        };
        let mut hops = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hops.len() < MAX_RECORDS {
            hops.push(hop);
        }
    }

    /// Everything noted since the last time, in order.
    pub(super) fn take(&self) -> Vec<Hop> {
        let mut hops = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        hops.sort_by_key(|hop| hop.at);
        hops
    }

    fn note_here(&self, what: String) {
        // Each node runs on threads that carry its name.
        let thread = std::thread::current();
        let node = thread.name().filter(|name| name.len() == 1);
        self.note(node.unwrap_or_default(), what);
    }
}

/// Whether the records of this place are wanted.
pub(super) fn is_wanted(metadata: &tracing::Metadata<'_>) -> bool {
    TOLD.iter().any(|(target, ..)| metadata.target() == *target)
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Hops {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let method = fields.find("method").unwrap_or_default();
        let route = Route(format!(
            "{method} {}",
            fields.find("route").unwrap_or_default()
        ));
        self.note_here(format!("accepts {route}"));
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(route);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let message = fields.find("message").unwrap_or_default();
        let told = TOLD
            .iter()
            .find(|(target, said, _)| event.metadata().target() == *target && message == *said);
        let Some((target, _, form)) = told else {
            return;
        };
        let mut what = (*form).to_owned();
        for (name, value) in &fields.0 {
            what = what.replace(&format!("{{{name}}}"), value);
        }
        if target.ends_with("request")
            && let Some(span) = context.event_span(event)
            && let Some(route) = span.extensions().get::<Route>()
        {
            what = format!("{what} {route}");
        }
        self.note_here(what);
    }
}

/// Which request a span is about.
struct Route(String);

impl fmt::Display for Route {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl Fields {
    fn find(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }
}
