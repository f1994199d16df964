//! The server's side of WebFinger (RFC 7033 s4.2, s5), for any HTTP framework.

use std::fmt;
use std::future::Future;

use crate::jrd::Jrd;
use crate::query::Query;
use crate::query::Resource;

/// Knows the resources of a server. Closures `Fn(Resource) -> Future` are lookups too.
pub trait Lookup: Send + Sync {
    /// Why the server could not look.
    type Error: fmt::Display + Send;

    /// The document about `resource`, or `None` when this server has no such resource.
    fn look_up(
        &self,
        resource: Resource,
    ) -> impl Future<Output = Result<Option<Jrd>, Self::Error>> + Send;
}

impl<F, Fut, E> Lookup for F
where
    F: Fn(Resource) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Option<Jrd>, E>> + Send,
    E: fmt::Display + Send,
{
    type Error = E;

    fn look_up(
        &self,
        resource: Resource,
    ) -> impl Future<Output = Result<Option<Jrd>, Self::Error>> + Send {
        self(resource)
    }
}

/// What to send back. Every answer carries `Access-Control-Allow-Origin: *` (RFC 7033 s5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 200 with the document as `application/jrd+json`.
    Found(Jrd),
    /// 400 with this reason as plain text.
    BadRequest(String),
    /// 404.
    NotFound,
    /// 500; the fault is for the log, not for the client.
    Failed(String),
}

impl Answer {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Found(_) => 200,
            Self::BadRequest(_) => 400,
            Self::NotFound => 404,
            Self::Failed(_) => 500,
        }
    }
}

/// Answers a request by its raw query string (what follows the `?`, if anything does).
pub async fn respond<L: Lookup>(raw_query: Option<&str>, lookup: &L) -> Answer {
    let query = match Query::parse(raw_query.unwrap_or_default()) {
        Ok(query) => query,
        Err(error) => return Answer::BadRequest(error.to_string()),
    };
    match lookup.look_up(query.resource).await {
        Ok(Some(document)) => Answer::Found(document.filtered(&query.rels)),
        Ok(None) => Answer::NotFound,
        Err(error) => Answer::Failed(error.to_string()),
    }
}
