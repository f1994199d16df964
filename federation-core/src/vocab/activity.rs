//! Activities: what one actor did, addressed to others.

use serde_json::{Map, Value};
use url::Url;

use super::document::document;
use super::error::VocabError;
use super::kept::Kept;
use super::kind::ActivityKind;
use super::link::{ObjectOrId, Tag};
use super::reader::Reader;
use super::writer::Writer;
use super::{addressed, paths};
use crate::clock::Timestamp;

/// An activity (Activity Vocabulary s3.1).
///
/// Reading says nothing about truth: what an activity claims holds only once its signature has
/// been verified and its authority over its object been judged.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Activity {
    /// The id.
    pub id: Url,
    /// What is done.
    pub kind: ActivityKind,
    /// Who does it; exactly one.
    pub actor: Url,
    /// What it is done to.
    pub object: Vec<ObjectOrId>,
    /// Where to: the collection of an `Add`, the new account of a `Move`.
    pub target: Option<ObjectOrId>,
    /// Where from.
    pub origin: Option<ObjectOrId>,
    /// The text of a reaction (FEP-c0e0) or of a report.
    pub content: Option<String>,
    /// Custom emoji of a reaction.
    pub tag: Vec<Tag>,
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
    /// When it was done, by the sender's account.
    pub published: Option<Timestamp>,
    /// All other properties, as they came; proofs and embedded signatures are among them.
    pub extra: Map<String, Value>,
    kept: Kept,
}

document!(Activity);

impl Activity {
    /// An activity with nothing but its essentials.
    pub fn new(id: Url, kind: ActivityKind, actor: Url) -> Self {
        Self {
            id,
            kind,
            actor,
            object: Vec::new(),
            target: None,
            origin: None,
            content: None,
            tag: Vec::new(),
            to: Vec::new(),
            cc: Vec::new(),
            bto: Vec::new(),
            bcc: Vec::new(),
            audience: Vec::new(),
            published: None,
            extra: Map::new(),
            kept: Kept::default(),
        }
    }

    /// Reads an activity from JSON.
    ///
    /// # Errors
    /// [`VocabError`] when id, type, actor, object, target or origin cannot be understood, when
    /// there is more than one actor, or when a list is too long.
    pub fn from_value(value: Value) -> Result<Self, VocabError> {
        let mut reader = Reader::new(value)?;
        let kind = ActivityKind::read(&mut reader)?;
        let id = reader.required_own_id()?;
        let actor = reader.required_id("actor")?;
        let mut activity = Self::new(id, kind, actor);
        activity.object = reader.objects("object")?;
        activity.target = reader.object("target")?;
        activity.origin = reader.object("origin")?;
        activity.content = reader.text("content");
        activity.tag = reader.list("tag", Tag::from_value)?;
        activity.to = reader.links("to")?;
        activity.cc = reader.links("cc")?;
        activity.bto = reader.links("bto")?;
        activity.bcc = reader.links("bcc")?;
        activity.audience = reader.links("audience")?;
        activity.published = reader.time("published");
        Ok(activity.settled(reader))
    }

    /// The object when there is exactly one.
    pub fn single_object(&self) -> Option<&ObjectOrId> {
        match self.object.as_slice() {
            [single] => Some(single),
            _ => None,
        }
    }

    /// The id of the object when there is exactly one and it has an id.
    pub fn object_id(&self) -> Option<&Url> {
        self.single_object().and_then(ObjectOrId::id)
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

    /// Paths of the properties that the type does not know, for reports; those of an embedded
    /// object as `object.name`.
    pub fn unknown_fields(&self) -> Vec<String> {
        let mut found = paths(&self.extra);
        for object in self.object.iter().filter_map(ObjectOrId::as_object) {
            let inner = object.unknown_fields().into_iter();
            found.extend(inner.map(|path| format!("object.{path}")));
        }
        found
    }

    fn typed(&self) -> Writer {
        let mut writer = Writer::new(self.kind.as_str(), Some(&self.id));
        writer.url("actor", Some(&self.actor));
        writer.objects("object", &self.object);
        writer.object("target", self.target.as_ref());
        writer.object("origin", self.origin.as_ref());
        writer.text("content", self.content.as_deref());
        writer.list("tag", &self.tag, Tag::to_value);
        writer.urls("to", &self.to);
        writer.urls("cc", &self.cc);
        writer.urls("bto", &self.bto);
        writer.urls("bcc", &self.bcc);
        writer.urls("audience", &self.audience);
        writer.time("published", self.published);
        writer
    }
}
