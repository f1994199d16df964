//! What a typed reading cannot hold exactly, kept so that writing gives back what was read.

use serde_json::{Map, Value};

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
    /// What the typed field alone would be written as.
    canonical: Option<Value>,
}

impl Kept {
    pub(super) fn keep(&mut self, property: &'static str, received: Value) {
        self.0.push(Exact {
            property,
            received,
            canonical: None,
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes what the typed fields are written as, directly after reading.
    pub(super) fn settle(&mut self, written: &Map<String, Value>) {
        for exact in &mut self.0 {
            exact.canonical = written.get(exact.property).cloned();
        }
    }

    /// Puts back the received values of properties that have not been changed.
    pub(super) fn restore(&self, written: &mut Map<String, Value>) {
        for exact in &self.0 {
            if written.get(exact.property) == exact.canonical.as_ref() {
                written.insert(exact.property.to_owned(), exact.received.clone());
            }
        }
    }
}
