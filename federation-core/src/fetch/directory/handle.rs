//! Handles: from `@name@domain` to an actor that goes by that handle.

use std::sync::Arc;

use http::header::{ACCEPT, HeaderValue};
use url::Url;
use webfinger::{Fetch, Fetched, Handle, ResolveError, Scheme, resolve};

use super::Directory;
use super::error::DirectoryError;
use crate::fetch::error::FetchError;
use crate::fetch::transport::OutboundRequest;
use crate::vocab::Actor;

impl Directory {
    /// The actor behind a handle such as `@alice@example.org`.
    ///
    /// # Errors
    /// [`DirectoryError`] when the handle leads nowhere, or its actor does not go by it.
    ///
    /// # Security
    /// The handle's host has to name the actor, and the actor's own host has to name the handle:
    /// either by the name the actor has there, or by answering the same question the other way
    /// round.
    pub async fn resolve_handle(&self, handle: &str) -> Result<Arc<Actor>, DirectoryError> {
        let parsed = handle.parse::<Handle>();
        let handle = parsed.map_err(|error| DirectoryError::Handle(Arc::new(error)))?;
        match self.resolve_over(&handle, Scheme::Https).await {
            Err(error) if self.config.allow_http && is_unreachable(&error) => {
                self.resolve_over(&handle, Scheme::Http).await
            }
            outcome => outcome,
        }
    }

    async fn resolve_over(
        &self,
        handle: &Handle,
        scheme: Scheme,
    ) -> Result<Arc<Actor>, DirectoryError> {
        let lookups = Lookups(self);
        let found = resolve(&lookups, handle, scheme).await?;
        let actor = self.actor(&found.actor).await?;
        let name = actor.preferred_username.as_deref();
        let name = name.ok_or(ResolveError::NotConfirmed)?;
        found.confirm(&lookups, name, scheme).await?;
        Ok(actor)
    }
}

/// Whether no connection was made at all, which `http` may cure where it is allowed.
fn is_unreachable(error: &DirectoryError) -> bool {
    let DirectoryError::WebFinger(resolving) = error else {
        return false;
    };
    let ResolveError::Fetch(DirectoryError::Fetch(fetching)) = resolving.as_ref() else {
        return false;
    };
    matches!(fetching.as_ref(), FetchError::Connect(_))
}

/// Runs lookups over the directory's transport and budget.
struct Lookups<'a>(&'a Directory);

impl Fetch for Lookups<'_> {
    type Error = DirectoryError;

    async fn fetch(&self, url: &Url) -> Result<Fetched, DirectoryError> {
        let directory = self.0;
        let _permit = directory.budget.admit(url, directory.clock.now()).await?;
        let limits = directory
            .config
            .limits
            .with_max_bytes(webfinger::jrd::MAX_DOCUMENT);
        let mut request = OutboundRequest::get(url.clone(), limits);
        let accept = HeaderValue::from_static(webfinger::MEDIA_TYPE);
        request.headers.insert(ACCEPT, accept);
        let answer = directory.transport.execute(request).await?;
        Ok(Fetched {
            status: answer.status.as_u16(),
            content_type: answer.content_type().map(str::to_owned),
            body: answer.body.to_vec(),
            final_url: answer.final_url,
        })
    }
}
