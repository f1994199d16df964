//! What a typed reading cannot hold exactly, kept so that writing gives back what was read.

use serde_json::{Map, Value};

use crate::clock::Timestamp;

/// Values as they were received, for properties whose typed form says less than they did: a time
/// with microseconds, an embedded actor of which only the id is used, a list with odd entries.
///
/// A value comes back on writing as long as the typed field has not been changed since.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Kept(Vec<Exact>);

#[derive(Clone, Debug, PartialEq)]
struct Exact {
    property: &'static str,
    received: Value,
    canonical: Canonical,
}

/// What the typed field alone would be written as.
#[derive(Clone, Debug, PartialEq)]
enum Canonical {
    /// Known once the document has been read.
    Unsettled,
    Value(Option<Value>),
    /// This time, whose text is only made when it is needed: nearly every document has one, and
    /// few documents are written again.
    Time(Timestamp),
}

impl Kept {
    pub(super) fn keep(&mut self, property: &'static str, received: Value) {
        self.0.push(Exact {
            property,
            received,
            canonical: Canonical::Unsettled,
        });
    }

    /// Keeps the text of a time that was read as `time`.
    pub(super) fn keep_time(&mut self, property: &'static str, received: Value, time: Timestamp) {
        self.0.push(Exact {
            property,
            received,
            canonical: Canonical::Time(time),
        });
    }

    /// Whether nothing has to be settled.
    pub(super) fn is_settled(&self) -> bool {
        let unsettled = |exact: &Exact| exact.canonical == Canonical::Unsettled;
        !self.0.iter().any(unsettled)
    }

    /// Notes what the typed fields are written as, directly after reading.
    pub(super) fn settle(&mut self, written: &Map<String, Value>) {
        for exact in &mut self.0 {
            if exact.canonical == Canonical::Unsettled {
                exact.canonical = Canonical::Value(written.get(exact.property).cloned());
            }
        }
    }

    /// Puts back the received values of properties that have not been changed.
    pub(super) fn restore(&self, written: &mut Map<String, Value>) {
        for exact in &self.0 {
            let now = written.get(exact.property);
            let is_unchanged = match &exact.canonical {
                Canonical::Unsettled => false,
                Canonical::Value(value) => now == value.as_ref(),
                Canonical::Time(time) => now.is_some_and(|now| *now == time.to_rfc3339()),
            };
            if is_unchanged {
                written.insert(exact.property.to_owned(), exact.received.clone());
            }
        }
    }
}
