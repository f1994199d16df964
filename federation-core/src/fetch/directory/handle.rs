//! Handles: from `@name@domain` to an actor that goes by that handle, and back.

use std::sync::Arc;

use url::Url;
use webfinger::{Fetch, Fetched, Handle, ResolveError, Resolved, Scheme, resolve};

use super::Directory;
use super::error::DirectoryError;
use crate::discovery::{HOST_META_PATH, HostMeta, MAX_HOST_META};
use crate::fetch::error::FetchError;
use crate::vocab::Actor;

impl Directory {
    /// The actor behind a handle such as `@alice@example.org`.
    ///
    /// The handle's domain may be another than that of the server that the actor lives on (split
    /// domains), by a redirect, by host-meta (RFC 6415) or by the document that it serves.
    ///
    /// # Errors
    /// [`DirectoryError`] when the handle leads nowhere, or its actor does not go by it.
    ///
    /// # Security
    /// The handle's host has to name the actor, and the actor's own server has to name the handle:
    /// by `webfinger` in the actor's document (FEP-2c59), else by the name the actor has there,
    /// else by answering the same question the other way round.
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

    /// The handle that an actor goes by, on whichever domain.
    ///
    /// What the actor states as `webfinger` (FEP-2c59) is asked of that handle's domain; without
    /// it, the actor's own server is asked about `preferredUsername`.
    ///
    /// # Errors
    /// [`DirectoryError`] when the actor has no name, or its handle leads elsewhere.
    ///
    /// # Security
    /// An actor can state any handle. Only the handle's own domain makes it true.
    pub async fn handle_of(&self, actor: &Actor) -> Result<Handle, DirectoryError> {
        let handle = match stated_handle(actor) {
            Some(stated) => stated,
            None => own_handle(actor).ok_or(ResolveError::NotConfirmed)?,
        };
        let lookups = Lookups(self);
        let found = resolve(&lookups, &handle, Scheme::Https).await;
        let found = match found.map_err(DirectoryError::from) {
            Err(error) if self.config.allow_http && is_unreachable(&error) => {
                resolve(&lookups, &handle, Scheme::Http).await?
            }
            outcome => outcome?,
        };
        if found.actor == actor.id {
            return Ok(found.handle);
        }
        Err(ResolveError::NotConfirmed.into())
    }

    async fn resolve_over(
        &self,
        handle: &Handle,
        scheme: Scheme,
    ) -> Result<Arc<Actor>, DirectoryError> {
        let lookups = Lookups(self);
        let found = resolve(&lookups, handle, scheme).await?;
        let actor = self.actor(&found.actor).await?;
        self.confirm(&found, &actor, scheme).await?;
        Ok(actor)
    }

    /// The way back: that the actor goes by the handle that led to it.
    async fn confirm(
        &self,
        found: &Resolved,
        actor: &Actor,
        scheme: Scheme,
    ) -> Result<(), DirectoryError> {
        if let Some(stated) = stated_handle(actor) {
            if stated.is_same_account(&found.handle) {
                return Ok(());
            }
            return Err(ResolveError::NotConfirmed.into());
        }
        let name = actor.preferred_username.as_deref();
        let name = name.ok_or(ResolveError::NotConfirmed)?;
        found.confirm(&Lookups(self), name, scheme).await?;
        Ok(())
    }
}

/// The handle that the actor's document states (FEP-2c59), with or without `acct:`; `None` when
/// it states none that can be read.
fn stated_handle(actor: &Actor) -> Option<Handle> {
    actor.webfinger.as_deref()?.parse().ok()
}

/// The actor's name on the host that its id has.
fn own_handle(actor: &Actor) -> Option<Handle> {
    let host = actor.id.host_str()?;
    let authority = match actor.id.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    Handle::new(actor.preferred_username.as_deref()?, &authority).ok()
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

impl Lookups<'_> {
    async fn get(&self, url: &Url) -> Result<Fetched, DirectoryError> {
        let max_bytes = webfinger::jrd::MAX_DOCUMENT;
        let answer = self
            .0
            .exchange(url, webfinger::MEDIA_TYPE, max_bytes)
            .await?;
        Ok(Fetched {
            status: answer.status.as_u16(),
            content_type: answer.content_type().map(str::to_owned),
            body: answer.body.to_vec(),
            final_url: answer.final_url,
        })
    }

    /// Where the host answers lookups when it does not at the usual path (RFC 6415 s3).
    async fn elsewhere(&self, asked: &Url) -> Option<Url> {
        let (_, resource) = asked.query_pairs().find(|(name, _)| name == "resource")?;
        let at = asked.join(HOST_META_PATH).ok()?;
        let accept = "application/xrd+xml, application/json";
        let answer = self.0.exchange(&at, accept, MAX_HOST_META).await.ok()?;
        if answer.status != http::StatusCode::OK {
            return None;
        }
        let target = HostMeta::parse(&answer.body).ok()?.lookup_url(&resource)?;
        (target != *asked && target.scheme() == asked.scheme()).then_some(target)
    }
}

impl Fetch for Lookups<'_> {
    type Error = DirectoryError;

    async fn fetch(&self, url: &Url) -> Result<Fetched, DirectoryError> {
        let answer = self.get(url).await?;
        if !matches!(answer.status, 400 | 404 | 410) {
            return Ok(answer);
        }
        match self.elsewhere(url).await {
            Some(target) => self.get(&target).await,
            None => Ok(answer),
        }
    }
}
