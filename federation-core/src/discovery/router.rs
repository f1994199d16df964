//! Routers for everything that a server tells about itself (feature `axum`).

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use webfinger::Resource;

use super::host_meta::{
    HOST_META_JSON_PATH, HOST_META_MEDIA_TYPE, HOST_META_PATH, host_meta, host_meta_json,
};
use super::node_info::NodeInfo;
use super::site::{Accounts, Site};
use super::well_known::{NODE_INFO_2_0_MEDIA_TYPE, NODE_INFO_MEDIA_TYPE, NODE_INFO_PATH};

/// Answers `WebFinger`, `NodeInfo` and host-meta.
///
/// `describe` makes the `NodeInfo` 2.1 document anew for each request.
///
/// ```
/// use federation_core::discovery::{self, Account, Accounts, NodeInfo, Site, Software};
/// use url::Url;
///
/// struct Everybody;
///
/// impl Accounts for Everybody {
///     type Error = std::convert::Infallible;
///
///     async fn by_name(&self, name: &str) -> Result<Option<Account>, Self::Error> {
///         let actor = Url::parse("https://a.example/users/alice").ok();
///         Ok(actor.filter(|_| name == "alice").map(|actor| Account::new("alice", actor)))
///     }
///
///     async fn by_url(&self, _url: &Url) -> Result<Option<Account>, Self::Error> {
///         Ok(None)
///     }
/// }
///
/// # fn main() -> Result<(), url::ParseError> {
/// let site = Site::new(&Url::parse("https://a.example")?);
/// let describe = || async { Ok::<_, String>(NodeInfo::new(Software::new("moot", "1.0"), false)) };
/// let app: axum::Router = discovery::router(&site, describe, Everybody);
/// # Ok(())
/// # }
/// ```
pub fn router<S, D, F, E, A>(site: &Site, describe: D, accounts: A) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    D: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<NodeInfo, E>> + Send + 'static,
    E: fmt::Display + Send + 'static,
    A: Accounts,
{
    Router::new()
        .merge(node_info_router(site, describe))
        .merge(host_meta_router(site))
        .merge(webfinger_router(site, accounts))
}

/// Answers `/.well-known/webfinger`: accounts by handle, actors by URL, the server by its origin.
pub fn webfinger_router<S, A>(site: &Site, accounts: A) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    A: Accounts,
{
    let known = Arc::new((site.clone(), accounts));
    webfinger::router::router(move |resource: Resource| {
        let known = Arc::clone(&known);
        async move {
            let (site, accounts) = known.as_ref();
            let answer = site.look_up(accounts, resource).await;
            answer.inspect_err(|error| tracing::error!(%error, "a WebFinger lookup failed"))
        }
    })
}

/// Answers `/.well-known/nodeinfo`, `/nodeinfo/2.1` and `/nodeinfo/2.0`.
pub fn node_info_router<S, D, F, E>(site: &Site, describe: D) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    D: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<NodeInfo, E>> + Send + 'static,
    E: fmt::Display + Send + 'static,
{
    let index = site.node_info_index();
    let older = describe.clone();
    let show_index = move || {
        let index = Json(index.clone());
        async move { open("application/json", index) }
    };
    let show_2_1 = move || {
        let described = describe();
        async move { show(NODE_INFO_MEDIA_TYPE, described.await) }
    };
    let show_2_0 = move || {
        let described = older();
        async move {
            let described = described.await.map(NodeInfo::into_version_2_0);
            show(NODE_INFO_2_0_MEDIA_TYPE, described)
        }
    };
    Router::new()
        .route(NODE_INFO_PATH, get(show_index))
        .route("/nodeinfo/2.1", get(show_2_1))
        .route("/nodeinfo/2.0", get(show_2_0))
}

/// Answers `/.well-known/host-meta` and `/.well-known/host-meta.json`.
pub fn host_meta_router<S>(site: &Site) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let xrd = host_meta(site.origin());
    let jrd = host_meta_json(site.origin());
    let show_document = move || {
        let xrd = xrd.clone();
        async move { open(HOST_META_MEDIA_TYPE, xrd) }
    };
    let show_json = move || {
        let jrd = Json(jrd.clone());
        async move { open(webfinger::MEDIA_TYPE, jrd) }
    };
    Router::new()
        .route(HOST_META_PATH, get(show_document))
        .route(HOST_META_JSON_PATH, get(show_json))
}

fn show(media_type: &'static str, described: Result<NodeInfo, impl fmt::Display>) -> Response {
    match described {
        Ok(document) => open(media_type, Json(document)),
        Err(error) => {
            tracing::error!(%error, "cannot describe this server");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Lets web pages of any origin read it: it is public.
fn open(media_type: &'static str, content: impl IntoResponse) -> Response {
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    let any = HeaderValue::from_static("*");
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, any);
    response
}
