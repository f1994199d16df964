//! A router for collections (feature `axum`).

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use url::Url;

use super::error::ServeError;
use super::serve::{Served, serve};
use super::source::{PageSource, Viewer};
use crate::inbox::{InboundRequest, Inbox, SourceAddress, TrustedProxies};

/// Serves the collections of a source, and finds out who asks by the signature of the request.
///
/// ```
/// use federation_core::collection::{Collections, PageSource};
/// use federation_core::inbox::Inbox;
///
/// fn app(inbox: Inbox, source: impl PageSource + 'static) -> axum::Router {
///     Collections::new(inbox, source).router(&["/users/{name}/followers", "/users/{name}/outbox"])
/// }
/// ```
#[derive(Debug)]
pub struct Collections<P> {
    inbox: Inbox,
    source: P,
    proxies: TrustedProxies,
}

/// The connection that a request came over.
type Peer = Extension<ConnectInfo<SocketAddr>>;
/// Where a request comes from, as the application says.
type Known = Extension<SourceAddress>;

impl<P: PageSource + 'static> Collections<P> {
    /// Serves `source`, whose ids are the URLs of requests at the origin of `inbox`.
    pub fn new(inbox: Inbox, source: P) -> Self {
        Self {
            inbox,
            source,
            proxies: TrustedProxies::default(),
        }
    }

    /// The same collections behind these proxies, whose word about their clients is taken.
    #[must_use]
    pub fn behind(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Answers GETs of `paths`, which axum matches; the source is given the whole URL.
    ///
    /// Signed requests are counted by where they come from, when the inbox counts: by the
    /// [`SourceAddress`] that a layer has put into the request, or else by the connection, which
    /// axum tells when the server runs with `into_make_service_with_connect_info::<SocketAddr>`.
    ///
    /// Merge the router at the root: under a prefix, the URL would not be the one that was signed.
    ///
    /// Answers carry `Vary: Accept, Signature, Signature-Input`, and those to a signed request
    /// `Cache-Control: private, no-store`.
    ///
    /// # Panics
    /// When a path is not one that axum routes, as [`Router::route`] does.
    pub fn router<S: Clone + Send + Sync + 'static>(self, paths: &[&str]) -> Router<S> {
        let shared = Arc::new(self);
        let answer =
            move |peer: Option<Peer>, known: Option<Known>, uri: Uri, headers: HeaderMap| {
                let shared = Arc::clone(&shared);
                async move {
                    let source = shared.source_address(peer, known, &headers);
                    shared.answer(source, &uri, headers).await
                }
            };
        let mut router = Router::new();
        for path in paths {
            router = router.route(path, get(answer.clone()));
        }
        router
    }

    /// Where a request comes from: what the application says, or else what the connection does.
    fn source_address(
        &self,
        peer: Option<Peer>,
        known: Option<Known>,
        headers: &HeaderMap,
    ) -> Option<IpAddr> {
        if let Some(Extension(SourceAddress(address))) = known {
            return Some(address);
        }
        let Extension(ConnectInfo(peer)) = peer?;
        Some(self.proxies.source(peer.ip(), headers))
    }

    async fn answer(&self, source: Option<IpAddr>, uri: &Uri, headers: HeaderMap) -> Response {
        let viewer = match self.viewer(source, uri, headers).await {
            Ok(viewer) => viewer,
            Err(status) => return with_headers(status.into_response()),
        };
        let mut id = Url::clone(&self.inbox.config().origin);
        id.set_path(uri.path());
        match serve(&self.source, &id, uri.query(), &viewer).await {
            Ok(served) => shown(&served),
            Err(error) => failed(&error),
        }
    }

    /// Who signed the request; nobody when it is not signed.
    async fn viewer(
        &self,
        source: Option<IpAddr>,
        uri: &Uri,
        headers: HeaderMap,
    ) -> Result<Viewer, StatusCode> {
        if !headers.contains_key("signature") && !headers.contains_key("signature-input") {
            return Ok(Viewer::Anonymous);
        }
        let origin = &self.inbox.config().origin;
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let Ok(request) = InboundRequest::new(Method::GET, origin, target, headers, Bytes::new())
        else {
            return Err(StatusCode::BAD_REQUEST);
        };
        let request = match source {
            Some(source) => request.from_source(source),
            None => request,
        };
        match self.inbox.identify(&request).await {
            Ok((actor, _signature)) => Ok(Viewer::Actor(Url::clone(&actor.id))),
            Err(error) => Err(error.status()),
        }
    }
}

fn shown(served: &Served) -> Response {
    let body = served.document.to_string();
    let mut response = with_headers(body.into_response());
    let media_type = HeaderValue::from_static("application/activity+json");
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    if served.is_private {
        let private = HeaderValue::from_static("private, no-store");
        response.headers_mut().insert(CACHE_CONTROL, private);
    }
    response
}

fn failed<E: fmt::Display>(error: &ServeError<E>) -> Response {
    if let ServeError::Source(error) = error {
        tracing::error!(%error, "a collection cannot be read");
    }
    with_headers(error.status().into_response())
}

fn with_headers(mut response: Response) -> Response {
    let vary = HeaderValue::from_static("Accept, Signature, Signature-Input");
    response.headers_mut().insert(VARY, vary);
    response
}
