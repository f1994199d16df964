//! Any `ActivityStreams` document, read as what it is.

use serde_json::{Map, Value};
use url::Url;

use super::activity::Activity;
use super::actor::Actor;
use super::collection::Collection;
use super::error::VocabError;
use super::json;
use super::kind::{ActivityKind, ActorKind, CollectionKind};
use super::link::Tag;
use super::object::Object;
use super::reader::entries;
use super::writer::top_level;

/// A document of which it is not known beforehand what it is, as the type that says most about it.
///
/// The specifications allow more than a server can act on: activities without an id, actors
/// without an inbox. Such documents are read as an [`Object`] with all their properties; the
/// types that carry authority ([`Activity`], [`Actor`]) stay strict.
///
/// ```
/// use federation_core::vocab::Entity;
///
/// let anonymous = br#"{"type": "Like", "actor": "https://a.example/alice", "object": "https://b.example/1"}"#;
/// let read = Entity::parse(anonymous).unwrap();
/// assert!(matches!(&read, Entity::Object(like) if like.kind.as_str() == "Like"));
/// assert_eq!(read.to_value()["actor"], "https://a.example/alice");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Entity {
    /// An activity with an id and one actor.
    Activity(Box<Activity>),
    /// An actor with an id and an inbox.
    Actor(Box<Actor>),
    /// A collection, or a page of one.
    Collection(Box<Collection>),
    /// A `Link`, `Mention` or other thing that has an `href` and is no object.
    Link(Box<Tag>),
    /// Anything else that has a type.
    Object(Box<Object>),
    /// A document without a type, as it came.
    Untyped(Map<String, Value>),
}

impl Entity {
    /// Reads a document from bytes.
    ///
    /// # Errors
    /// As [`Entity::from_value`], and [`VocabError::Parse`] for bytes that are not JSON.
    pub fn parse(bytes: &[u8]) -> Result<Self, VocabError> {
        Self::from_value(Value::Object(json::parse(bytes)?))
    }

    /// Reads a document from JSON.
    ///
    /// # Errors
    /// [`VocabError`] when the value is no object, or a property that carries authority (an id,
    /// an owner, an inbox, a page) is there and cannot be understood. That one is missing is no
    /// error: the document is an [`Object`] then.
    pub fn from_value(value: Value) -> Result<Self, VocabError> {
        let Value::Object(map) = &value else {
            return Err(VocabError::NotAnObject);
        };
        let Some(kind) = map.get("type").filter(|kind| !kind.is_null()) else {
            return match value {
                Value::Object(map) => Ok(Self::Untyped(map)),
                _ => Err(VocabError::NotAnObject),
            };
        };
        let names = || entries(kind).iter().filter_map(Value::as_str);
        let any = |known: fn(&str) -> bool| names().any(known);
        if any(|name| CollectionKind::from_name(name).is_known()) {
            return Collection::from_value(value).map(|read| Self::Collection(Box::new(read)));
        }
        if any(|name| matches!(name, "Link" | "Mention" | "Hashtag")) {
            let read = Tag::from_value(value.clone()).map(|link| Self::Link(Box::new(link)));
            return read.map_or_else(|| Self::object(value), Ok);
        }
        let outcome = if any(|name| ActivityKind::from_name(name).is_known()) {
            Activity::from_value(value.clone()).map(|read| Self::Activity(Box::new(read)))
        } else if any(|name| ActorKind::from_name(name).is_known()) {
            Actor::from_value(value.clone()).map(|read| Self::Actor(Box::new(read)))
        } else {
            return Self::object(value);
        };
        match outcome {
            Err(VocabError::Missing { .. }) => Self::object(value),
            outcome => outcome,
        }
    }

    fn object(value: Value) -> Result<Self, VocabError> {
        Object::from_value(value).map(|read| Self::Object(Box::new(read)))
    }

    /// The document's own id.
    pub fn id(&self) -> Option<&Url> {
        match self {
            Self::Activity(activity) => Some(&activity.id),
            Self::Actor(actor) => Some(&actor.id),
            Self::Collection(collection) => collection.id.as_ref(),
            Self::Object(object) => object.id.as_ref(),
            Self::Link(_) | Self::Untyped(_) => None,
        }
    }

    /// JSON as the document stands alone, with `@context` at its top.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Activity(activity) => activity.to_value(),
            Self::Actor(actor) => actor.to_value(),
            Self::Collection(collection) => collection.to_value(),
            Self::Link(link) => match link.to_value() {
                Value::Object(map) => top_level(map),
                other => other,
            },
            Self::Object(object) => object.to_value(),
            Self::Untyped(map) => top_level(map.clone()),
        }
    }
}
