//! What this node is, for programs: NodeInfo 2.0 and 2.1 (FEP-f1d5, FEP-0151) and host-meta
//! (RFC 6415).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderValue;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE};
use serde_json::{Value, json};

use super::actors::node_id;
use crate::accounts::store;
use crate::config::RegistrationMode;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;

const SCHEMA: &str = "http://nodeinfo.diaspora.software/ns/schema/";
/// The link to the node's actor (FEP-2677).
const APPLICATION: &str = "https://www.w3.org/ns/activitystreams#Application";

/// The routes of these documents.
pub(super) fn router() -> Router<Ctx> {
    Router::new()
        .route("/.well-known/nodeinfo", get(index))
        .route("/nodeinfo/2.0", get(version_2_0))
        .route("/nodeinfo/2.1", get(version_2_1))
        .route("/.well-known/host-meta", get(host_meta))
}

async fn index(State(ctx): State<Ctx>) -> Response {
    let link = |version: &str| {
        json!({
            "rel": format!("{SCHEMA}{version}"),
            "href": ctx.origin().join(&format!("/nodeinfo/{version}")).as_str(),
        })
    };
    let application = json!({ "rel": APPLICATION, "href": node_id(ctx.origin()).as_str() });
    open(Json(
        json!({ "links": [link("2.1"), link("2.0"), application] }),
    ))
}

async fn version_2_0(State(ctx): State<Ctx>) -> Result<Response, ApiError> {
    Ok(typed("2.0", describe(&ctx, "2.0").await?))
}

async fn version_2_1(State(ctx): State<Ctx>) -> Result<Response, ApiError> {
    Ok(typed("2.1", describe(&ctx, "2.1").await?))
}

async fn describe(ctx: &Ctx, version: &str) -> Result<Value, ApiError> {
    let members = ctx.db().read(store::count_local).await?;
    let mode = ctx.config().registration.mode;
    let mut software = json!({ "name": "folkmoot", "version": env!("CARGO_PKG_VERSION") });
    if version == "2.1"
        && let Value::Object(software) = &mut software
    {
        let repository = env!("CARGO_PKG_REPOSITORY");
        if !repository.is_empty() {
            software.insert("repository".to_owned(), repository.into());
        }
    }
    // Messages are private, so none is counted as a post.
    Ok(json!({
        "version": version,
        "software": software,
        "protocols": ["activitypub"],
        "services": { "inbound": [], "outbound": [] },
        "openRegistrations": mode == RegistrationMode::Open,
        "usage": { "users": { "total": members }, "localPosts": 0 },
        "metadata": {
            "nodeName": ctx.origin().authority(),
            "staffAccounts": [],
        },
    }))
}

fn typed(version: &str, document: Value) -> Response {
    let mut response = open(Json(document));
    let media_type = format!("application/json; profile=\"{SCHEMA}{version}#\"");
    if let Ok(value) = HeaderValue::try_from(media_type) {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    response
}

async fn host_meta(State(ctx): State<Ctx>) -> Response {
    // The origin has a scheme, a host and a port: nothing that XML would need escaped.
    let template = format!(
        "{}{}?resource={{uri}}",
        ctx.origin().as_str(),
        ::webfinger::PATH
    );
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <XRD xmlns=\"http://docs.oasis-open.org/ns/xri/xrd-1.0\">\n  \
         <Link rel=\"lrdd\" type=\"{}\" template=\"{template}\"/>\n</XRD>\n",
        ::webfinger::MEDIA_TYPE,
    );
    let media_type = HeaderValue::from_static("application/xrd+xml; charset=utf-8");
    open(([(CONTENT_TYPE, media_type)], body))
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
