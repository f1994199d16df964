//! ActivityStreams 2 as real servers write it, read into types without losing anything.
//!
//! [`parse`] is the one JSON reader for remote bytes. [`Activity`], [`Object`], [`Actor`] and
//! [`Collection`] read every shape that servers send (a text, an object or a list; values inside
//! objects), keep unknown properties in `extra`, and write one canonical shape with `@context`
//! once at the top. [`Entity`] reads whichever of these a document is. Documents are read as compacted JSON: JSON-LD aliases such as `@id`, graphs
//! and foreign contexts have no effect.
//!
//! ```
//! use federation_core::vocab::{Activity, ActivityKind, Object};
//! use url::Url;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let alice = Url::parse("https://a.example/users/alice")?;
//! let note = Object::note(Url::parse("https://a.example/notes/1")?, alice.clone(), "<p>Hi</p>");
//! let create = Activity::create(Url::parse("https://a.example/notes/1/create")?, alice, note);
//! let bytes = serde_json::to_vec(&create.to_value())?;
//! let read = Activity::parse(&bytes)?;
//! assert_eq!(read.kind, ActivityKind::Create);
//! assert_eq!(read.to_value(), create.to_value());
//! # Ok(())
//! # }
//! ```

mod activity;
mod actor;
mod build;
mod collection;
mod context;
mod document;
mod entity;
mod error;
mod id;
mod json;
mod kept;
mod key;
mod kind;
mod language;
mod link;
mod object;
mod question;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use activity::Activity;
pub use actor::Actor;
pub use collection::{Collection, MAX_ITEMS, PageOrId};
pub use context::{ACTIVITY_STREAMS, MULTIKEY, SECURITY};
pub use entity::Entity;
pub use error::VocabError;
pub use id::{MAX_ID_BYTES, PUBLIC, is_public, parse_id, public_url, same_origin};
pub use json::{MAX_DEPTH, ParseError, parse, parse_value};
pub use key::{ActorKey, KeyDocument, KeyMaterial, MAX_KEYS};
pub use kind::{ActivityKind, ActorKind, CollectionKind, ObjectKind};
pub use link::{Attachment, ObjectOrId, Tag};
pub use object::Object;
pub use question::{Choice, Closed, MAX_CHOICES, Question};
pub use reader::MAX_ENTRIES;
pub use serde_json::{Map, Value};

use url::Url;

/// All URLs of the lists, each once, in order of first mention.
fn addressed<const N: usize>(lists: [&Vec<Url>; N]) -> Vec<&Url> {
    let mut seen = std::collections::HashSet::new();
    let all = lists.into_iter().flatten();
    all.filter(|url| seen.insert(url.as_str())).collect()
}

/// Names of unknown properties, without the JSON-LD context.
fn paths(extra: &Map<String, Value>) -> Vec<String> {
    let names = extra.keys().filter(|key| *key != context::KEY);
    names.cloned().collect()
}
