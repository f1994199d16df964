//! Things inside other things: an object or its id, tags, attachments.

use serde_json::{Map, Value};
use url::Url;

use super::activity::Activity;
use super::actor::Actor;
use super::error::VocabError;
use super::id::{is_public, parse_id, public_url};
use super::object::Object;
use super::reader::{Reader, entries};
use super::writer::Writer;

/// An embedded object, or only its id.
///
/// Embedded activities and actors are held as [`Object`]s too, their own properties among the
/// unknown ones; [`Object::as_activity`] and [`Object::as_actor`] read them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ObjectOrId {
    /// The id alone.
    Id(Url),
    /// The whole object. Proves nothing about an object of another origin (FEP-fe34).
    Object(Box<Object>),
}

impl ObjectOrId {
    /// Reads a text that is an id, or an object.
    ///
    /// # Errors
    /// [`VocabError`] when it is neither.
    pub fn from_value(value: Value) -> Result<Self, VocabError> {
        match value {
            Value::String(text) if is_public(&text) => Ok(Self::Id(public_url())),
            Value::String(text) => parse_id(&text).map(Self::Id).ok_or(VocabError::Malformed {
                property: "id",
                expected: "an http or https URL",
            }),
            embedded => Object::from_value(embedded).map(|object| Self::Object(Box::new(object))),
        }
    }

    /// The id, which an embedded object may lack.
    pub fn id(&self) -> Option<&Url> {
        match self {
            Self::Id(id) => Some(id),
            Self::Object(object) => object.id.as_ref(),
        }
    }

    /// The embedded object, when there is one.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Id(_) => None,
            Self::Object(object) => Some(object),
        }
    }

    /// JSON as it stands inside another document.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Id(id) => id.as_str().into(),
            Self::Object(object) => object.to_embedded(),
        }
    }
}

impl From<Url> for ObjectOrId {
    fn from(id: Url) -> Self {
        Self::Id(id)
    }
}

impl From<Object> for ObjectOrId {
    fn from(object: Object) -> Self {
        Self::Object(Box::new(object))
    }
}

impl From<&Activity> for ObjectOrId {
    fn from(activity: &Activity) -> Self {
        Self::Object(Box::new(Object::from_embedded(activity.to_embedded())))
    }
}

impl From<&Actor> for ObjectOrId {
    fn from(actor: &Actor) -> Self {
        Self::Object(Box::new(Object::from_embedded(actor.to_embedded())))
    }
}

/// A mention, hashtag, custom emoji or other link in a text.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Tag {
    /// The type name, such as `Mention`, `Hashtag` or `Emoji`.
    pub kind: String,
    /// Where it leads; of a mention, the id of the actor.
    pub href: Option<Url>,
    /// What it is called in the text, such as `@alice@example.org`, `#topic` or `:emoji:`.
    pub name: Option<String>,
    /// All other properties.
    pub extra: Map<String, Value>,
}

impl Tag {
    /// The mention of an actor by id; `name` is the handle with its leading `@`.
    pub fn mention(actor: Url, name: impl Into<String>) -> Self {
        Self {
            kind: "Mention".to_owned(),
            href: Some(actor),
            name: Some(name.into()),
            extra: Map::new(),
        }
    }

    /// Whether this mentions an actor.
    pub fn is_mention(&self) -> bool {
        self.kind == "Mention"
    }

    pub(super) fn from_value(value: Value) -> Option<Self> {
        if let Value::String(text) = &value {
            let href = parse_id(text)?;
            return Some(Self {
                kind: "Link".to_owned(),
                href: Some(href),
                name: None,
                extra: Map::new(),
            });
        }
        let mut map = into_map(value)?;
        let kind = take_text(&mut map, "type")?;
        let href = take_url(&mut map, "href");
        let name = take_text(&mut map, "name");
        Some(Self {
            kind,
            href,
            name,
            extra: map,
        })
    }

    pub(super) fn to_value(&self) -> Value {
        let mut writer = Writer::default();
        writer.put("type", self.kind.as_str().into());
        writer.url("href", self.href.as_ref());
        writer.text("name", self.name.as_deref());
        finish(writer, &self.extra)
    }
}

/// A file, picture or link that belongs to an object.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Attachment {
    /// The type name, such as `Document` or `Image`.
    pub kind: String,
    /// Where the bytes are.
    pub url: Option<Url>,
    /// The media type that the sender claims.
    pub media_type: Option<String>,
    /// A description.
    pub name: Option<String>,
    /// All other properties, such as `width`, `height` and `blurhash`.
    pub extra: Map<String, Value>,
}

impl Attachment {
    /// A file at `url` of the given media type.
    pub fn new(kind: impl Into<String>, url: Url, media_type: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            url: Some(url),
            media_type: Some(media_type.into()),
            name: None,
            extra: Map::new(),
        }
    }

    pub(super) fn from_value(value: Value) -> Option<Self> {
        if let Value::String(text) = &value {
            return parse_id(text).map(|url| Self {
                kind: "Link".to_owned(),
                url: Some(url),
                media_type: None,
                name: None,
                extra: Map::new(),
            });
        }
        let mut map = into_map(value)?;
        let kind = take_text(&mut map, "type")?;
        let url = take_url(&mut map, "url").or_else(|| linked(map.get("url")?));
        let media_type = take_text(&mut map, "mediaType");
        let name = take_text(&mut map, "name");
        Some(Self {
            kind,
            url,
            media_type,
            name,
            extra: map,
        })
    }

    pub(super) fn to_value(&self) -> Value {
        let mut writer = Writer::default();
        writer.put("type", self.kind.as_str().into());
        if !self.extra.contains_key("url") {
            writer.url("url", self.url.as_ref());
        }
        writer.text("mediaType", self.media_type.as_deref());
        writer.text("name", self.name.as_deref());
        finish(writer, &self.extra)
    }
}

/// The URL in a `Link` object or the first of a list of them.
fn linked(value: &Value) -> Option<Url> {
    let href = |entry: &Value| parse_id(entry.get("href").unwrap_or(entry).as_str()?);
    entries(value).iter().find_map(href)
}

fn into_map(value: Value) -> Option<Map<String, Value>> {
    let reader = Reader::new(value).ok()?;
    Some(reader.finish().0)
}

/// Takes a text out of the map; anything else stays in it.
fn take_text(map: &mut Map<String, Value>, property: &str) -> Option<String> {
    match map.get_mut(property)?.take() {
        Value::String(text) => {
            map.shift_remove(property);
            Some(text)
        }
        other => {
            map.insert(property.to_owned(), other);
            None
        }
    }
}

/// Takes a URL out of the map when it is written as this crate would write it; a URL in another
/// spelling is read and stays.
fn take_url(map: &mut Map<String, Value>, property: &str) -> Option<Url> {
    let text = map.get(property)?.as_str()?;
    let url = parse_id(text)?;
    if url.as_str() == text {
        map.shift_remove(property);
    }
    Some(url)
}

fn finish(writer: Writer, extra: &Map<String, Value>) -> Value {
    let mut map = writer.typed();
    for (key, value) in extra {
        map.insert(key.clone(), value.clone());
    }
    Value::Object(map)
}
