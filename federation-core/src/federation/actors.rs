//! The actors of this server: what the application says about them, and the documents made of it.

use std::collections::HashMap;
use std::fmt;

use futures_util::future::{BoxFuture, ready};
use serde_json::{Map, Value, json};
use thiserror::Error;
use url::Url;

use super::error::HandlerError;
use crate::clock::Timestamp;
use crate::discovery::{Account, Site};
use crate::vocab::{Actor, ActorKey, ActorKind};

/// Longest name of a local actor, in characters.
const MAX_NAME: usize = 64;

/// The name part of the server's own handle; its dot keeps it apart from profiles.
const SERVER_NAME: &str = "instance.actor";

/// What the application says about one of its actors.
///
/// Its id, inbox and keys follow from the name; see [`Federation::actor_id`](super::Federation::actor_id).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Profile {
    name: String,
    /// What the actor is. `Person` by default.
    pub kind: ActorKind,
    /// The name that is shown.
    pub display_name: Option<String>,
    /// The description as HTML; the application vouches for it.
    pub summary: Option<String>,
    /// Whether follow requests wait for a decision.
    pub approves_followers: bool,
    /// Since when there is this actor.
    pub published: Option<Timestamp>,
    /// Further properties of the document, such as `icon` or `followers`.
    pub extra: Map<String, Value>,
}

/// A text that cannot be the name of a local actor.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0:?} is no name for an actor: 1 to {MAX_NAME} of a-z, 0-9, _ and -")]
pub struct InvalidName(String);

impl Profile {
    /// A person.
    ///
    /// # Errors
    /// A name that is not 1 to 64 lower-case letters of ASCII, digits, `_` or `-`.
    pub fn person(name: impl Into<String>) -> Result<Self, InvalidName> {
        Self::new(name.into(), ActorKind::Person)
    }

    /// A program, such as a bot.
    ///
    /// # Errors
    /// As [`Profile::person`].
    pub fn service(name: impl Into<String>) -> Result<Self, InvalidName> {
        Self::new(name.into(), ActorKind::Service)
    }

    /// An actor of any kind.
    ///
    /// # Errors
    /// As [`Profile::person`].
    pub fn new(name: String, kind: ActorKind) -> Result<Self, InvalidName> {
        let fits = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-')
        };
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(fits) {
            return Err(InvalidName(name));
        }
        Ok(Self {
            name,
            kind,
            display_name: None,
            summary: None,
            approves_followers: false,
            published: None,
            extra: Map::new(),
        })
    }

    /// The name part of the handle.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same profile with a name to show.
    #[must_use]
    pub fn named(mut self, display_name: impl Into<String>) -> Self {
        self.display_name = Some(display_name.into());
        self
    }

    /// The same profile with a description as HTML.
    #[must_use]
    pub fn described(mut self, summary: impl Into<String>) -> Self {
        self.summary = Some(summary.into());
        self
    }
}

/// The actors that an application has.
pub trait LocalActors: fmt::Debug + Send + Sync + 'static {
    /// The actor with this name; `None` when there is none.
    fn profile<'a>(&'a self, name: &'a str)
    -> BoxFuture<'a, Result<Option<Profile>, HandlerError>>;
}

/// Actors that are known when the server starts.
#[derive(Debug, Default)]
pub(super) struct FixedActors(pub(super) HashMap<String, Profile>);

impl LocalActors for FixedActors {
    fn profile<'a>(
        &'a self,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<Profile>, HandlerError>> {
        Box::pin(ready(Ok(self.0.get(name).cloned())))
    }
}

/// Where the actors of a server are.
#[derive(Clone, Debug)]
pub(super) struct Places {
    origin: Url,
}

impl Places {
    pub(super) fn new(mut origin: Url) -> Self {
        origin.set_path("/");
        origin.set_query(None);
        origin.set_fragment(None);
        Self { origin }
    }

    pub(super) fn origin(&self) -> &Url {
        &self.origin
    }

    pub(super) fn at(&self, path: &str) -> Url {
        let mut url = self.origin.clone();
        url.set_path(path);
        url
    }

    /// What the server tells about itself.
    pub(super) fn site(&self) -> Site {
        let server = Account::new(SERVER_NAME, self.server_actor());
        Site::new(&self.origin).with_application(server)
    }

    pub(super) fn actor(&self, name: &str) -> Url {
        self.at(&format!("/users/{name}"))
    }

    pub(super) fn server_actor(&self) -> Url {
        self.at("/actor")
    }

    /// The name in the id of a local actor.
    pub(super) fn name_of<'a>(&self, id: &'a Url) -> Option<&'a str> {
        let name = id.path().strip_prefix("/users/")?;
        (*id == self.actor(name)).then_some(name)
    }

    /// The document of a profile.
    pub(super) fn document(&self, profile: &Profile, keys: Vec<ActorKey>) -> Actor {
        let at = |part: &str| self.at(&format!("/users/{}{part}", profile.name));
        let mut actor = Actor::new(at(""), profile.kind.clone(), at("/inbox"));
        actor.preferred_username = Some(profile.name.clone());
        actor.name.clone_from(&profile.display_name);
        actor.summary.clone_from(&profile.summary);
        actor.outbox = Some(at("/outbox"));
        actor.shared_inbox = Some(self.at("/inbox"));
        actor.webfinger = Some(self.site().handle(&profile.name));
        actor.manually_approves_followers = Some(profile.approves_followers);
        actor.published = profile.published;
        actor.public_keys = keys;
        actor.extra.clone_from(&profile.extra);
        let generator = json!({
            "type": "Application",
            "id": self.server_actor().as_str(),
            "implements": implements(),
        });
        actor.extra.insert("generator".to_owned(), generator);
        actor
    }

    /// The document of the server's own actor (FEP-2677, FEP-d556), which signs its fetches.
    pub(super) fn server_document(&self, keys: Vec<ActorKey>) -> Actor {
        let mut actor = Actor::new(
            self.server_actor(),
            ActorKind::Application,
            self.at("/actor/inbox"),
        );
        actor.preferred_username = Some(SERVER_NAME.to_owned());
        actor.name = self.origin.host_str().map(str::to_owned);
        actor.outbox = Some(self.at("/actor/outbox"));
        actor.shared_inbox = Some(self.at("/inbox"));
        actor.webfinger = Some(self.site().handle(SERVER_NAME));
        actor.manually_approves_followers = Some(true);
        actor.public_keys = keys;
        actor.extra.insert("implements".to_owned(), implements());
        actor
    }
}

/// What peers may count on (FEP-844e).
fn implements() -> Value {
    json!([{
        "href": "https://datatracker.ietf.org/doc/html/rfc9421",
        "name": "RFC-9421: HTTP Message Signatures",
    }])
}
