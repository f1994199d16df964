//! What can be wrong with a document that is valid JSON but not the ActivityStreams it should be.

use thiserror::Error;

use super::json::ParseError;

/// Why a JSON object cannot be read as the ActivityStreams type asked for.
///
/// None of these can be cured by asking again: the sender has to send something else.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VocabError {
    /// The bytes are not JSON that is read here.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The value is not a JSON object.
    #[error("expected a JSON object")]
    NotAnObject,
    /// A property without which the type has no meaning is absent or null.
    #[error("the property {property:?} is missing")]
    Missing {
        /// Name of the property.
        property: &'static str,
    },
    /// A property that carries authority has a value that cannot be understood.
    #[error("the property {property:?} is not {expected}")]
    Malformed {
        /// Name of the property.
        property: &'static str,
        /// What would have been understood.
        expected: &'static str,
    },
    /// A list is longer than is read.
    #[error("the property {property:?} has more than {limit} entries")]
    TooMany {
        /// Name of the property.
        property: &'static str,
        /// How many are read.
        limit: usize,
    },
    /// The document is of a type that cannot be used here.
    #[error("expected {expected}, found the type {found:?}")]
    WrongKind {
        /// What was asked for.
        expected: &'static str,
        /// The type that the document names, cut after 64 characters.
        found: String,
    },
    /// The fault lies in the document embedded as this property.
    #[error("in the property {property:?}")]
    In {
        /// Name of the property.
        property: &'static str,
        /// What is wrong there.
        #[source]
        source: Box<VocabError>,
    },
}

impl VocabError {
    /// Whether the same document may be read later; never: its sender has to change it.
    pub const fn is_retryable(&self) -> bool {
        false
    }

    pub(super) fn within(self, property: &'static str) -> Self {
        Self::In {
            property,
            source: Box::new(self),
        }
    }
}
