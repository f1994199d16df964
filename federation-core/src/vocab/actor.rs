//! Actors: people, groups, organisations, services and whole servers.

use serde_json::{Map, Value};
use url::Url;

use super::document::document;
use super::error::VocabError;
use super::kept::Kept;
use super::key::{self, ActorKey};
use super::kind::ActorKind;
use super::link::Attachment;
use super::paths;
use super::reader::Reader;
use super::writer::Writer;
use crate::clock::Timestamp;

/// An actor (`ActivityPub` s4.1).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Actor {
    /// The id.
    pub id: Url,
    /// The type.
    pub kind: ActorKind,
    /// The name part of the handle.
    pub preferred_username: Option<String>,
    /// The display name. Not sanitised.
    pub name: Option<String>,
    /// The description as HTML. Not sanitised.
    pub summary: Option<String>,
    /// Where activities for this actor alone are sent.
    pub inbox: Url,
    /// What the actor has done.
    pub outbox: Option<Url>,
    /// Who follows the actor.
    pub followers: Option<Url>,
    /// Whom the actor follows.
    pub following: Option<Url>,
    /// Where one delivery serves all actors of the server (`endpoints.sharedInbox`).
    pub shared_inbox: Option<Url>,
    /// The keys that the actor shows as its own, those with PEM first.
    pub public_keys: Vec<ActorKey>,
    /// The picture.
    pub icon: Option<Attachment>,
    /// A page for people.
    pub url: Option<Url>,
    /// The handle as the actor states it (FEP-2c59), such as `alice@example.org`.
    pub webfinger: Option<String>,
    /// Other ids of the same account; a `Move` there is believed.
    pub also_known_as: Vec<Url>,
    /// Where the account has moved to.
    pub moved_to: Option<Url>,
    /// Whether follow requests wait for a decision.
    pub manually_approves_followers: Option<bool>,
    /// The community or collection that it belongs to.
    pub context: Option<Url>,
    /// Who moderates it (FEP-1b12).
    pub attributed_to: Vec<Url>,
    /// When it was made.
    pub published: Option<Timestamp>,
    /// When it was last changed.
    pub updated: Option<Timestamp>,
    /// All other properties, as they came.
    pub extra: Map<String, Value>,
    kept: Kept,
}

document!(Actor);

impl Actor {
    /// An actor with nothing but its essentials.
    pub fn new(id: Url, kind: ActorKind, inbox: Url) -> Self {
        Self {
            id,
            kind,
            preferred_username: None,
            name: None,
            summary: None,
            inbox,
            outbox: None,
            followers: None,
            following: None,
            shared_inbox: None,
            public_keys: Vec::new(),
            icon: None,
            url: None,
            webfinger: None,
            also_known_as: Vec::new(),
            moved_to: None,
            manually_approves_followers: None,
            context: None,
            attributed_to: Vec::new(),
            published: None,
            updated: None,
            extra: Map::new(),
            kept: Kept::default(),
        }
    }

    /// Reads an actor from JSON.
    ///
    /// Unknown types are actors too when they have an inbox: servers invent them.
    ///
    /// # Errors
    /// [`VocabError`] when id, type or inbox is missing, or a property that carries authority
    /// cannot be understood.
    pub fn from_value(value: Value) -> Result<Self, VocabError> {
        let mut reader = Reader::new(value)?;
        let kind = ActorKind::read(&mut reader)?;
        let id = reader.required_own_id()?;
        let inbox = reader.required_id("inbox")?;
        let mut actor = Self::new(id, kind, inbox);
        actor.preferred_username = reader.text("preferredUsername");
        actor.name = reader.text("name");
        actor.summary = reader.text("summary");
        actor.outbox = reader.link("outbox");
        actor.followers = reader.link("followers");
        actor.following = reader.link("following");
        if let Some(endpoints) = reader.take("endpoints") {
            actor.shared_inbox = shared_inbox(&endpoints)?;
            if endpoints.as_object().is_none_or(|map| map.len() > 1) {
                reader.keep("endpoints", endpoints);
            }
        }
        actor.public_keys = key::read(&mut reader)?;
        actor.icon = reader.first("icon", Attachment::from_value)?;
        actor.url = reader.link("url");
        actor.webfinger = reader.text("webfinger");
        actor.also_known_as = reader.links("alsoKnownAs")?;
        actor.moved_to = reader.link("movedTo");
        actor.manually_approves_followers = reader.flag("manuallyApprovesFollowers");
        actor.context = reader.link("context");
        actor.attributed_to = reader.links("attributedTo")?;
        actor.published = reader.time("published");
        actor.updated = reader.time("updated");
        Ok(actor.settled(reader))
    }

    /// The key with this id, when the actor shows it and the key names the actor as its owner.
    ///
    /// # Security
    /// Both directions of the link are checked here: the actor lists the key, and the key's
    /// owner is the actor.
    pub fn key(&self, key_id: &Url) -> Option<&ActorKey> {
        let mut own = self.public_keys.iter().filter(|key| key.owner == self.id);
        own.find(|key| key.id == *key_id)
    }

    /// Paths of the properties that the type does not know, for reports.
    pub fn unknown_fields(&self) -> Vec<String> {
        paths(&self.extra)
    }

    fn typed(&self) -> Writer {
        let mut writer = Writer::new(self.kind.as_str(), Some(&self.id));
        writer.text("preferredUsername", self.preferred_username.as_deref());
        writer.text("name", self.name.as_deref());
        writer.text("summary", self.summary.as_deref());
        writer.url("inbox", Some(&self.inbox));
        writer.url("outbox", self.outbox.as_ref());
        writer.url("followers", self.followers.as_ref());
        writer.url("following", self.following.as_ref());
        if let Some(shared) = &self.shared_inbox {
            let endpoints = Map::from_iter([("sharedInbox".to_owned(), shared.as_str().into())]);
            writer.put("endpoints", Value::Object(endpoints));
        }
        key::write(&mut writer, &self.public_keys);
        if let Some(icon) = &self.icon {
            writer.put("icon", icon.to_value());
        }
        writer.url("url", self.url.as_ref());
        writer.text("webfinger", self.webfinger.as_deref());
        writer.urls("alsoKnownAs", &self.also_known_as);
        writer.url("movedTo", self.moved_to.as_ref());
        writer.flag(
            "manuallyApprovesFollowers",
            self.manually_approves_followers,
        );
        writer.url("context", self.context.as_ref());
        writer.few_urls("attributedTo", &self.attributed_to);
        writer.time("published", self.published);
        writer.time("updated", self.updated);
        writer
    }
}

/// `endpoints.sharedInbox`; a shared inbox that is not understood is an error, since deliveries
/// would go elsewhere than the actor said.
fn shared_inbox(endpoints: &Value) -> Result<Option<Url>, VocabError> {
    match endpoints.get("sharedInbox") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => match super::parse_id(text) {
            Some(url) => Ok(Some(url)),
            None => Err(MALFORMED_SHARED_INBOX),
        },
        Some(_) => Err(MALFORMED_SHARED_INBOX),
    }
}

const MALFORMED_SHARED_INBOX: VocabError = VocabError::Malformed {
    property: "endpoints",
    expected: "an object whose sharedInbox is an http or https URL",
};
