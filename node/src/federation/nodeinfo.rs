//! What this node is, for programs: NodeInfo 2.0 and 2.1 (FEP-f1d5, FEP-0151) and host-meta
//! (RFC 6415).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use federation_core::discovery::{
    HOST_META_MEDIA_TYPE, NODE_INFO_MEDIA_TYPE, NODE_INFO_PATH, NodeInfo, NodeInfoIndex,
    NodeInfoLink, Software, UserCounts, host_meta,
};
use http::HeaderValue;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE};
use serde_json::json;

use super::actors::node_id;
use crate::accounts::store;
use crate::config::RegistrationMode;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;

/// What older readers ask for; its document differs in the version alone.
const OLDER_REL: &str = "http://nodeinfo.diaspora.software/ns/schema/2.0";
const OLDER_MEDIA_TYPE: &str =
    "application/json; profile=\"http://nodeinfo.diaspora.software/ns/schema/2.0#\"";

/// The routes of these documents.
pub(super) fn router() -> Router<Ctx> {
    Router::new()
        .route(NODE_INFO_PATH, get(index))
        .route("/nodeinfo/2.0", get(version_2_0))
        .route("/nodeinfo/2.1", get(version_2_1))
        .route("/.well-known/host-meta", get(show_host_meta))
}

async fn index(State(ctx): State<Ctx>) -> Response {
    let origin = ctx.origin();
    let newest = origin.join("/nodeinfo/2.1");
    let mut index = NodeInfoIndex::new(newest, Some(node_id(origin)));
    let older = NodeInfoLink::new(OLDER_REL, origin.join("/nodeinfo/2.0"));
    index.links.push(older);
    open(Json(index))
}

async fn version_2_0(State(ctx): State<Ctx>) -> Result<Response, ApiError> {
    let mut document = describe(&ctx).await?;
    "2.0".clone_into(&mut document.version);
    Ok(typed(OLDER_MEDIA_TYPE, Json(document)))
}

async fn version_2_1(State(ctx): State<Ctx>) -> Result<Response, ApiError> {
    Ok(typed(NODE_INFO_MEDIA_TYPE, Json(describe(&ctx).await?)))
}

async fn describe(ctx: &Ctx) -> Result<NodeInfo, ApiError> {
    let members = ctx.db().read(store::count_local).await?;
    let is_open = ctx.config().registration.mode == RegistrationMode::Open;
    let software = Software::new("folkmoot", env!("CARGO_PKG_VERSION"));
    let mut users = UserCounts::default();
    users.total = u64::try_from(members).ok();
    // Messages are private, so none is counted as a post.
    let mut document = NodeInfo::new(software, is_open).with_usage(users, Some(0));
    let name = json!(ctx.origin().authority());
    document.metadata.insert("nodeName".to_owned(), name);
    Ok(document)
}

async fn show_host_meta(State(ctx): State<Ctx>) -> Response {
    typed(HOST_META_MEDIA_TYPE, host_meta(ctx.origin().url()))
}

fn typed(media_type: &'static str, content: impl IntoResponse) -> Response {
    let mut response = open(content);
    let media_type = HeaderValue::from_static(media_type);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

/// Lets web pages of any origin read it: it is public.
fn open(content: impl IntoResponse) -> Response {
    let any = HeaderValue::from_static("*");
    let mut response = content.into_response();
    response
        .headers_mut()
        .insert(ACCESS_CONTROL_ALLOW_ORIGIN, any);
    response
}
