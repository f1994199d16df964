//! Objects: notes, polls, files, tombstones, and whatever else activities are about.

use serde_json::{Map, Value};
use url::Url;

use super::activity::Activity;
use super::actor::Actor;
use super::document::document;
use super::error::VocabError;
use super::kept::Kept;
use super::kind::ObjectKind;
use super::link::{Attachment, ObjectOrId, Tag};
use super::reader::Reader;
use super::writer::Writer;
use super::{addressed, paths};
use crate::clock::Timestamp;

/// An object that is neither an activity nor an actor (Activity Vocabulary s3.3).
///
/// Changing a field changes what is written; what was received otherwise comes back as it was.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Object {
    /// The id; absent for objects that exist only inside another document.
    pub id: Option<Url>,
    /// The type.
    pub kind: ObjectKind,
    /// Whose it is: the actors that may change it.
    pub attributed_to: Vec<Url>,
    /// The title, the text of a poll's option, or the former name of a tombstone.
    pub name: Option<String>,
    /// The text as HTML. Not sanitised.
    pub content: Option<String>,
    /// The summary or content warning as HTML. Not sanitised.
    pub summary: Option<String>,
    /// What it answers; the first when several are named.
    pub in_reply_to: Option<Url>,
    /// When it was made, by its author's account.
    pub published: Option<Timestamp>,
    /// When it was last changed, by its author's account.
    pub updated: Option<Timestamp>,
    /// The conversation or community that it belongs to.
    pub context: Option<Url>,
    /// Mentions, hashtags and custom emoji.
    pub tag: Vec<Tag>,
    /// Files, pictures and links.
    pub attachment: Vec<Attachment>,
    /// A page for people. Claims nothing about where the object comes from.
    pub url: Option<Url>,
    /// The primary recipients.
    pub to: Vec<Url>,
    /// The secondary recipients.
    pub cc: Vec<Url>,
    /// Hidden primary recipients; to be removed before anything leaves this server.
    pub bto: Vec<Url>,
    /// Hidden secondary recipients; to be removed before anything leaves this server.
    pub bcc: Vec<Url>,
    /// The groups that it is for (FEP-1b12).
    pub audience: Vec<Url>,
    /// All other properties, as they came.
    pub extra: Map<String, Value>,
    kept: Kept,
}

document!(Object);

impl Object {
    /// An object with nothing but a type.
    pub fn new(kind: ObjectKind) -> Self {
        Self {
            id: None,
            kind,
            attributed_to: Vec::new(),
            name: None,
            content: None,
            summary: None,
            in_reply_to: None,
            published: None,
            updated: None,
            context: None,
            tag: Vec::new(),
            attachment: Vec::new(),
            url: None,
            to: Vec::new(),
            cc: Vec::new(),
            bto: Vec::new(),
            bcc: Vec::new(),
            audience: Vec::new(),
            extra: Map::new(),
            kept: Kept::default(),
        }
    }

    /// A message by `author`, with `content` as HTML.
    pub fn note(id: Url, author: Url, content: impl Into<String>) -> Self {
        Self {
            id: Some(id),
            attributed_to: vec![author],
            content: Some(content.into()),
            ..Self::new(ObjectKind::Note)
        }
    }

    /// What is left of the deleted object `id`.
    pub fn tombstone(id: Url) -> Self {
        Self {
            id: Some(id),
            ..Self::new(ObjectKind::Tombstone)
        }
    }

    /// Reads an object from JSON.
    ///
    /// # Errors
    /// [`VocabError`] when type, id or owner cannot be understood, or a list is too long.
    pub fn from_value(value: Value) -> Result<Self, VocabError> {
        let mut reader = Reader::new(value)?;
        let mut object = Self::new(ObjectKind::read(&mut reader)?);
        object.id = reader.own_id()?;
        object.attributed_to = reader.ids("attributedTo")?;
        object.name = reader.text("name");
        object.content = reader.text("content");
        object.summary = reader.text("summary");
        object.in_reply_to = reader.link("inReplyTo");
        object.published = reader.time("published");
        object.updated = reader.time("updated");
        object.context = reader.link("context");
        object.tag = reader.list("tag", Tag::from_value)?;
        object.attachment = reader.list("attachment", Attachment::from_value)?;
        object.url = reader.link("url");
        object.to = reader.links("to")?;
        object.cc = reader.links("cc")?;
        object.bto = reader.links("bto")?;
        object.bcc = reader.links("bcc")?;
        object.audience = reader.links("audience")?;
        Ok(object.settled(reader))
    }

    /// Everybody whom it is addressed to, hidden recipients included, each once.
    pub fn recipients(&self) -> Vec<&Url> {
        addressed([&self.to, &self.cc, &self.bto, &self.bcc, &self.audience])
    }

    /// Whether everybody may see it.
    pub fn is_public(&self) -> bool {
        let everybody = [&self.to, &self.cc, &self.bto, &self.bcc];
        addressed(everybody)
            .into_iter()
            .any(|url| url.as_str() == super::PUBLIC)
    }

    /// Paths of the properties that the type does not know, for reports.
    pub fn unknown_fields(&self) -> Vec<String> {
        paths(&self.extra)
    }

    /// Reads the object as the activity that it really is.
    ///
    /// # Errors
    /// [`VocabError`] when it is none.
    pub fn as_activity(&self) -> Result<Activity, VocabError> {
        Activity::from_value(self.to_embedded())
    }

    /// Reads the object as the actor that it really is.
    ///
    /// # Errors
    /// [`VocabError`] when it is none.
    pub fn as_actor(&self) -> Result<Actor, VocabError> {
        Actor::from_value(self.to_embedded())
    }

    /// Whether it has the properties of an activity.
    pub fn looks_like_activity(&self) -> bool {
        ["actor", "object"]
            .iter()
            .all(|property| self.extra.contains_key(*property))
    }

    /// Holds a document of another sort without looking into it.
    pub(super) fn from_embedded(value: Value) -> Self {
        let mut object = Self::new(ObjectKind::Other(String::new()));
        if let Value::Object(mut map) = value {
            if let Some(Value::String(kind)) = map.shift_remove("type") {
                object.kind = ObjectKind::from_name(&kind);
            }
            let id = map.get("id").and_then(Value::as_str);
            object.id = id.and_then(super::parse_id);
            map.shift_remove("id");
            object.extra = map;
        }
        object
    }

    fn typed(&self) -> Writer {
        let mut writer = Writer::new(self.kind.as_str(), self.id.as_ref());
        writer.few_urls("attributedTo", &self.attributed_to);
        writer.text("name", self.name.as_deref());
        writer.text("content", self.content.as_deref());
        writer.text("summary", self.summary.as_deref());
        writer.url("inReplyTo", self.in_reply_to.as_ref());
        writer.time("published", self.published);
        writer.time("updated", self.updated);
        writer.url("context", self.context.as_ref());
        writer.list("tag", &self.tag, Tag::to_value);
        writer.list("attachment", &self.attachment, Attachment::to_value);
        writer.url("url", self.url.as_ref());
        writer.urls("to", &self.to);
        writer.urls("cc", &self.cc);
        writer.urls("bto", &self.bto);
        writer.urls("bcc", &self.bcc);
        writer.urls("audience", &self.audience);
        writer
    }
}

impl ObjectOrId {
    /// Reads the embedded object as an activity; `None` when only the id is there.
    pub fn as_activity(&self) -> Option<Result<Activity, VocabError>> {
        self.as_object().map(Object::as_activity)
    }
}
