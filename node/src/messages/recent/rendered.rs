//! A message that was made JSON once, for all who read it.

use std::sync::Arc;

use federation_core::store::sql::DatabaseError;
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::messages::wire::MessageView;
use crate::platform::events::light_message;

/// A message as JSON; clones share the text.
#[derive(Clone, Debug)]
pub struct Rendered(Arc<RawValue>);

impl Rendered {
    pub(super) fn new(view: &MessageView) -> Result<Self, DatabaseError> {
        let text = to_raw_value(view);
        let text = text.map_err(|_not_json| DatabaseError::Malformed { what: "message" })?;
        Ok(Self(Arc::from(text)))
    }

    /// The light form of the message (docs/gateway.md, light).
    ///
    /// # Errors
    /// It is no message.
    pub fn light(&self) -> Result<Self, DatabaseError> {
        let text = RawValue::from_string(light_message(self.0.get()));
        let text = text.map_err(|_not_json| DatabaseError::Malformed { what: "message" })?;
        Ok(Self(Arc::from(text)))
    }

    pub(super) fn len(&self) -> usize {
        self.0.get().len()
    }
}

impl Serialize for Rendered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().serialize(serializer)
    }
}
