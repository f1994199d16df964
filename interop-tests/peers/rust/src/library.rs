//! What a federation library does for its server.

use std::fmt::Debug;

use anyhow::Result;
use async_trait::async_trait;
use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// The federation library of a server.
#[async_trait]
pub trait Library: Debug + Send + Sync + Sized + 'static {
    /// What `ready` tells: name, version, library, schemes, supports, unsupported.
    fn about(&self) -> Value;

    /// Makes the keys of an actor, or reads those of an earlier start; new ones when `fresh`.
    ///
    /// # Errors
    /// When they cannot be made or kept.
    fn make_keys(&self, actor: &str, fresh: bool) -> Result<()>;

    /// What an actor's document says about its keys.
    fn keys(&self, actor: &str) -> Map<String, Value>;

    /// Takes a delivery: gives the activity once the library has verified it.
    ///
    /// # Errors
    /// The reason for which the library refuses it.
    async fn take(&self, request: Request<Body>) -> Result<Value>;

    /// The actor whose signature of a fetch the library finds valid.
    async fn reader(&self, parts: &Parts) -> Option<String>;

    /// Signs and posts an activity of an actor to one inbox.
    async fn deliver(&self, by: &str, activity: &Value, inbox: &str, scheme: Scheme) -> Delivered;

    /// Fetches a document, signed by an actor or not at all.
    ///
    /// # Errors
    /// When the library cannot, or there is no answer.
    async fn fetch(&self, by: &str, url: &str, signed: bool) -> Result<Fetched, Failure>;

    /// Finds the actor of a handle without its leading `@`.
    ///
    /// # Errors
    /// When there is no answer.
    async fn look_up(&self, handle: &str) -> Result<Option<String>, Failure>;
}

/// A scheme of HTTP signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// draft-cavage-http-signatures-12.
    Cavage,
    /// RFC 9421.
    Rfc9421,
}

impl Scheme {
    /// Its name on the control routes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cavage => "cavage",
            Self::Rfc9421 => "rfc9421",
        }
    }
}

/// What an inbox answered.
#[derive(Debug)]
pub struct Delivered {
    /// The status; `None` when nothing answered.
    pub status: Option<u16>,
    /// Why nothing did.
    pub error: Option<String>,
}

impl Delivered {
    /// Whether the inbox took it.
    pub fn is_taken(&self) -> bool {
        self.status
            .is_some_and(|status| (200..300).contains(&status))
    }

    /// As an outcome on the control routes.
    pub fn report(&self, inbox: &str, scheme: Scheme) -> Value {
        let mut outcome = json!({ "inbox": inbox, "status": self.status, "scheme": scheme.name() });
        if let (Some(error), Some(fields)) = (&self.error, outcome.as_object_mut()) {
            fields.insert("error".to_owned(), error.as_str().into());
        }
        outcome
    }
}

/// What a fetch gave.
#[derive(Debug)]
pub struct Fetched {
    /// The status of the answer.
    pub status: u16,
    /// The document, when the library took it.
    pub document: Option<Value>,
    /// The media type of the answer, where the library tells.
    pub content_type: Option<String>,
}

/// Why something was not done.
#[derive(Debug)]
pub enum Failure {
    /// The library cannot; where that is documented or seen.
    Unsupported(String),
    /// What was asked is wrong.
    Mistaken(String),
    /// The other server, or this one.
    Failed(String),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(format!("{:#}", error.into()))
    }
}
