//! What all types of documents have in common: how they are read from bytes and written.

/// Gives a type with the fields `extra` and `kept`, the constructor `from_value` and the writer
/// `typed` its life as a document of its own.
macro_rules! document {
    ($name:ident) => {
        impl $name {
            /// Reads from bytes, strictly as JSON and in any shape as `ActivityStreams`.
            ///
            /// # Errors
            /// [`VocabError`](super::VocabError) when the bytes are not such a document.
            pub fn parse(bytes: &[u8]) -> Result<Self, super::VocabError> {
                Self::from_value(super::Value::Object(super::json::parse(bytes)?))
            }

            /// JSON as the document stands alone, with `@context` at its top.
            pub fn to_value(&self) -> super::Value {
                super::writer::top_level(self.to_map())
            }

            /// JSON as it stands inside another document.
            pub fn to_embedded(&self) -> super::Value {
                super::Value::Object(self.to_map())
            }

            /// Ends the reading: what was not taken and what the fields cannot hold stays with
            /// the document.
            fn settled(mut self, reader: super::reader::Reader) -> Self {
                (self.extra, self.kept) = reader.finish();
                if !self.kept.is_settled() {
                    let written = self.typed().typed();
                    self.kept.settle(&written);
                }
                self
            }

            fn to_map(&self) -> super::Map<String, super::Value> {
                self.typed().finish(&self.kept, &self.extra)
            }
        }

        impl From<$name> for super::Value {
            fn from(document: $name) -> Self {
                document.to_value()
            }
        }
    };
}

pub(super) use document;
