//! From a handle to an actor URL that both sides stand for (RFC 7033 s4, ActivityPub s4.1).

use std::error::Error;
use std::future::Future;

use url::Url;

use crate::MEDIA_TYPE;
use crate::PATH;
use crate::handle::Handle;
use crate::handle::HandleError;
use crate::jrd::Jrd;
use crate::jrd::JrdError;
use crate::jrd::SelfLinkError;
use crate::percent;

/// Performs one GET for a lookup.
///
/// An implementation sends `Accept: application/jrd+json`, follows few redirects, reads at most
/// [`crate::jrd::MAX_DOCUMENT`] bytes, and bounds the whole by a deadline.
///
/// # Security
/// The URL's host comes from a stranger. A server must refuse private addresses at connect time
/// and at every redirect.
pub trait Fetch: Send + Sync {
    /// Why a request brought no answer.
    type Error: Error + Send + Sync + 'static;

    /// Gets `url` and gives whatever status came back.
    fn fetch(&self, url: &Url) -> impl Future<Output = Result<Fetched, Self::Error>> + Send;
}

/// The answer to one GET.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type` header as it came.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// Where the body came from in the end, after redirects.
    pub final_url: Url,
}

/// Which protocol lookups may use. RFC 7033 s4 allows HTTPS only; plain HTTP is for networks on
/// one machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// HTTPS, and redirects to HTTPS alone.
    #[default]
    Https,
    /// HTTP, or redirects to HTTPS.
    Http,
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    fn admits(self, url: &Url) -> bool {
        url.scheme() == "https" || (self == Self::Http && url.scheme() == "http")
    }
}

/// The URL that asks the handle's host about the handle.
///
/// # Errors
/// [`HandleError::BadHost`] when the host and port cannot stand in a URL.
pub fn lookup_url(handle: &Handle, scheme: Scheme) -> Result<Url, HandleError> {
    let base = format!("{}://{}{PATH}", scheme.as_str(), handle.authority());
    let query = format!("resource={}", percent::encode(&handle.acct(), b""));
    match Url::parse(&format!("{base}?{query}")) {
        Ok(url) => Ok(url),
        Err(_) => Err(HandleError::BadHost),
    }
}

/// Where a handle leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The account's canonical handle; another one than asked for when its host said so and the
    /// other host agreed.
    pub handle: Handle,
    /// The actor.
    pub actor: Url,
    /// The document that says so.
    pub document: Jrd,
}

/// Finds the actor behind `handle`.
///
/// The subject of the document must be the account that was asked for. When it is another one
/// (a second domain that points to the first), that account's own host is asked too, once, and
/// both must name the same actor.
///
/// # Errors
/// See [`ResolveError`].
///
/// # Security
/// This proves what the *handle's* host says. That the actor goes by this handle is known only
/// after [`Resolved::confirm`].
pub async fn resolve<F: Fetch>(
    fetch: &F,
    handle: &Handle,
    scheme: Scheme,
) -> Result<Resolved, ResolveError<F::Error>> {
    let first = look_up(fetch, handle, scheme).await?;
    if first.handle.is_same_account(handle) {
        return Ok(first);
    }
    let second = look_up(fetch, &first.handle, scheme).await?;
    if !second.handle.is_same_account(&first.handle) || second.actor != first.actor {
        return Err(ResolveError::SubjectMismatch);
    }
    Ok(second)
}

impl Resolved {
    /// Checks the way back: that the actor, which calls itself `preferred_username`, goes by this
    /// handle.
    ///
    /// On the handle's own host the name must be the handle's. On another host (split domains)
    /// that host is asked about `preferred_username` and must answer with this handle as subject
    /// and this actor.
    ///
    /// # Errors
    /// [`ResolveError::NotConfirmed`] when the way back leads elsewhere; else as [`resolve()`].
    pub async fn confirm<F: Fetch>(
        &self,
        fetch: &F,
        preferred_username: &str,
        scheme: Scheme,
    ) -> Result<(), ResolveError<F::Error>> {
        let Some(host) = self.actor.host_str() else {
            return Err(ResolveError::NotConfirmed);
        };
        let authority = match self.actor.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let Ok(own) = Handle::new(preferred_username, &authority) else {
            return Err(ResolveError::NotConfirmed);
        };
        if own.is_same_account(&self.handle) {
            return Ok(());
        }
        if own.authority() == self.handle.authority() {
            return Err(ResolveError::NotConfirmed);
        }
        let back = look_up(fetch, &own, scheme).await?;
        if back.handle.is_same_account(&self.handle) && back.actor == self.actor {
            Ok(())
        } else {
            Err(ResolveError::NotConfirmed)
        }
    }
}

/// Why a handle leads nowhere. `E` is the error of the [`Fetch`] in use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError<E: Error + 'static> {
    /// The handle's host cannot stand in a URL.
    #[error("the handle cannot be looked up")]
    Handle(#[source] HandleError),
    /// The request brought no answer.
    #[error("the lookup failed")]
    Fetch(#[source] E),
    /// The host knows no such account (404 or 410).
    #[error("the host knows no such account")]
    NotFound,
    /// The host answered with another status.
    #[error("the host answered with status {0}")]
    Status(u16),
    /// A redirect led away from HTTPS.
    #[error("a redirect led to an address that is not https")]
    Downgraded,
    /// The answer is no JRD by its media type.
    #[error("the answer has the wrong media type")]
    MediaType,
    /// The answer is no JRD by its content.
    #[error("the answer cannot be read")]
    Document(#[source] JrdError),
    /// The document names no account as its subject.
    #[error("the document names no account as its subject")]
    NoSubject,
    /// The document is about another account, whose own host does not agree.
    #[error("the document is about another account")]
    SubjectMismatch,
    /// The document names no actor.
    #[error("the document names no actor")]
    SelfLink(#[source] SelfLinkError),
    /// The actor's URL is not https.
    #[error("the actor is at an address that is not https")]
    InsecureActor,
    /// The actor does not go by this handle.
    #[error("the actor does not go by this handle")]
    NotConfirmed,
}

async fn look_up<F: Fetch>(
    fetch: &F,
    handle: &Handle,
    scheme: Scheme,
) -> Result<Resolved, ResolveError<F::Error>> {
    let url = lookup_url(handle, scheme).map_err(ResolveError::Handle)?;
    let answer = fetch.fetch(&url).await.map_err(ResolveError::Fetch)?;
    match answer.status {
        200 => {}
        404 | 410 => return Err(ResolveError::NotFound),
        status => return Err(ResolveError::Status(status)),
    }
    if !scheme.admits(&answer.final_url) {
        return Err(ResolveError::Downgraded);
    }
    if !answer.content_type.as_deref().is_some_and(is_jrd_type) {
        return Err(ResolveError::MediaType);
    }
    let document = Jrd::from_slice(&answer.body).map_err(ResolveError::Document)?;
    let subject = document.subject.as_deref().map(Handle::from_acct);
    let Some(Ok(handle)) = subject else {
        return Err(ResolveError::NoSubject);
    };
    let actor = document.self_link().map_err(ResolveError::SelfLink)?;
    if !scheme.admits(&actor) {
        return Err(ResolveError::InsecureActor);
    }
    Ok(Resolved {
        handle,
        actor,
        document,
    })
}

/// Tells whether an answer may be read as a JRD: its own media type, or plain JSON, which several
/// servers send.
fn is_jrd_type(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(MEDIA_TYPE) || essence.eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests;
