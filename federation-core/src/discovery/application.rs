//! The actor that stands for a whole server: found from nothing but the server's origin.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use thiserror::Error;
use url::Url;
use webfinger::{Jrd, Link};

use super::lookup::{NodeInfoError, node_info_index};
use super::well_known::APPLICATION_REL;
use crate::fetch::{Directory, DirectoryError};
use crate::vocab::{Actor, parse_id, same_origin};

/// The relation under which `WebFinger` names the actor of a server (FEP-d556).
pub const SERVICE_REL: &str = "https://www.w3.org/ns/activitystreams#Service";

/// Why the actor of a server could not be found.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ApplicationError {
    /// The URL has no host to ask.
    #[error("not the URL of a server")]
    NotAServer,
    /// Neither `WebFinger` nor `NodeInfo` names an actor.
    #[error("the server names no actor of its own")]
    NotNamed,
    /// The server names an actor of another origin, for which it cannot speak.
    #[error("the server names an actor of another server")]
    Elsewhere,
    /// The server could not be asked.
    #[error("the server could not be asked")]
    Unreachable(#[source] DirectoryError),
    /// The actor that the server names cannot be had.
    #[error("the actor of the server cannot be had")]
    Actor(#[source] DirectoryError),
}

impl ApplicationError {
    /// Whether asking again later may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable(error) | Self::Actor(error) => error.is_retryable(),
            _ => false,
        }
    }

    /// How long to wait before asking again, when that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unreachable(error) | Self::Actor(error) => error.retry_after(),
            _ => None,
        }
    }
}

/// The actor that stands for the server at the origin of `server`.
///
/// Asks `WebFinger` about the origin itself (FEP-d556), then the `NodeInfo` index (FEP-2677), and
/// takes the `self` link of the first answer when nothing else names one, as Mastodon writes it.
/// The actor comes from the directory's cache when it is there; the two questions are asked anew.
///
/// # Errors
/// [`ApplicationError`] by what went wrong.
///
/// # Security
/// The actor has to live on the origin that was asked, so no server can name another's actor.
/// All requests are guarded, and count against the budget of the host.
pub async fn application_actor(
    directory: &Directory,
    server: &Url,
) -> Result<Arc<Actor>, ApplicationError> {
    let origin = match server.join("/") {
        Ok(origin) if origin.has_host() => origin,
        _ => return Err(ApplicationError::NotAServer),
    };
    let about = ask(directory, &origin).await?;
    let named = match about.as_ref().and_then(service) {
        Some(service) => Some(service),
        None => match node_info_index(directory, &origin).await {
            Ok((found_at, index)) if same_origin(&found_at, &origin) => {
                index.application().cloned()
            }
            Ok(_found_elsewhere) => None,
            Err(NodeInfoError::Directory(error)) => {
                return Err(ApplicationError::Unreachable(error));
            }
            Err(_unusable) => None,
        },
    };
    let own_link = || about.as_ref()?.self_link().ok();
    let named = named.or_else(own_link).ok_or(ApplicationError::NotNamed)?;
    if !same_origin(&named, &origin) {
        return Err(ApplicationError::Elsewhere);
    }
    let actor = directory.actor(&named).await;
    actor.map_err(ApplicationError::Actor)
}

/// What `WebFinger` says about the origin; `None` when it says nothing that can be read.
async fn ask(directory: &Directory, origin: &Url) -> Result<Option<Jrd>, ApplicationError> {
    let mut url = origin.clone();
    url.set_path(webfinger::PATH);
    url.query_pairs_mut()
        .append_pair("resource", origin.as_str());
    let limit = webfinger::jrd::MAX_DOCUMENT;
    let answer = directory.exchange(&url, webfinger::MEDIA_TYPE, limit).await;
    let answer = answer.map_err(ApplicationError::Unreachable)?;
    let is_json = answer
        .content_type()
        .is_some_and(|found| found.contains("json"));
    if answer.status != StatusCode::OK || !is_json || !same_origin(&answer.final_url, origin) {
        return Ok(None);
    }
    Ok(Jrd::from_slice(&answer.body).ok())
}

/// The first link of a relation that stands for a server.
fn service(document: &Jrd) -> Option<Url> {
    let linked = |rel: &str| {
        let mut links = document.links.iter();
        let of_rel = |link: &&Link| link.rel == rel;
        links.find(of_rel)?.href.as_deref().and_then(parse_id)
    };
    linked(SERVICE_REL).or_else(|| linked(APPLICATION_REL))
}
