//! People of other nodes, found through the directory.

use std::sync::Arc;
use std::time::Duration;

use federation_core::fetch::{Directory, DirectoryError, DocumentError, FetchError};
use federation_core::vocab::Actor;
use futures_util::future::BoxFuture;
use http::StatusCode;
use url::Url;
use webfinger::ResolveError;

use crate::platform::http::error::ApiError;
use crate::platform::people::People;

/// Looks people up in the directory.
#[derive(Clone, Debug)]
pub(super) struct DirectoryPeople(Arc<Directory>);

impl DirectoryPeople {
    /// Looks people up in `directory`.
    pub(super) fn new(directory: Arc<Directory>) -> Self {
        Self(directory)
    }
}

impl People for DirectoryPeople {
    fn by_handle<'a>(&'a self, handle: &'a str) -> BoxFuture<'a, Result<Arc<Actor>, ApiError>> {
        Box::pin(async move {
            let found = self.0.resolve_handle(handle).await;
            found.map_err(|error| lookup_error(&error))
        })
    }

    fn by_actor<'a>(&'a self, id: &'a Url) -> BoxFuture<'a, Result<Arc<Actor>, ApiError>> {
        Box::pin(async move {
            let found = match self.0.actor(id).await {
                // The address of a page for people leads to the actor, too.
                Err(DirectoryError::IdMismatch { .. } | DirectoryError::Vocab(_)) => {
                    self.0.actor_at(id).await
                }
                found => found,
            };
            found.map_err(|error| lookup_error(&error))
        })
    }
}

/// What a failed lookup means for the member who asked.
fn lookup_error(error: &DirectoryError) -> ApiError {
    match cause(error) {
        Failure::Nobody => ApiError::invalid(
            "unknown_person",
            "The other server knows nobody by that name.",
        ),
        Failure::Refused => ApiError::invalid(
            "address_refused",
            "This server does not contact that address: it is private, blocked, or not https.",
        ),
        Failure::Busy => ApiError::unavailable(
            "That server was asked too often; try again.",
            error.retry_after().unwrap_or(Duration::from_secs(10)),
        ),
        Failure::Unreachable => ApiError::new(
            StatusCode::BAD_GATEWAY,
            "peer_unreachable",
            "The other server cannot be reached; check the handle or try again later.",
        ),
        Failure::Unusable => ApiError::new(
            StatusCode::BAD_GATEWAY,
            "peer_answer_unusable",
            "The other server's answer does not prove who that is.",
        ),
        Failure::Here => ApiError::internal(error.clone()),
    }
}

enum Failure {
    Nobody,
    Refused,
    Busy,
    Unreachable,
    Unusable,
    Here,
}

fn cause(error: &DirectoryError) -> Failure {
    let fetching = |error: &FetchError| match error {
        FetchError::Refused(_) => Failure::Refused,
        _ => Failure::Unreachable,
    };
    match error {
        DirectoryError::Gone { .. } | DirectoryError::Handle(_) => Failure::Nobody,
        DirectoryError::Store(_) => Failure::Here,
        DirectoryError::OverBudget { .. } => Failure::Busy,
        DirectoryError::Fetch(error) => fetching(error),
        DirectoryError::Document(error) => match error.as_ref() {
            DocumentError::Fetch(error) => fetching(error),
            DocumentError::Status { status, .. } if *status == StatusCode::NOT_FOUND => {
                Failure::Nobody
            }
            DocumentError::Status { .. } => Failure::Unreachable,
            _ => Failure::Unusable,
        },
        DirectoryError::WebFinger(error) => match error.as_ref() {
            ResolveError::Fetch(error) => cause(error),
            ResolveError::NotFound => Failure::Nobody,
            ResolveError::Status(_) => Failure::Unreachable,
            _ => Failure::Unusable,
        },
        _ => Failure::Unusable,
    }
}
