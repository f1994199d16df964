//! `/api/openapi.json` and `/api/docs`.

use std::sync::Arc;

use axum::Extension;
use axum::response::{Html, IntoResponse, Response};
use http::HeaderValue;
use http::header::CONTENT_SECURITY_POLICY;
use utoipa::openapi::OpenApi;
use utoipa_axum::routes;

use super::page;
use crate::platform::http::access::Access;
use crate::platform::http::extract::Json;
use crate::platform::http::routes::Routes;

/// The routes of this feature.
pub fn router() -> Routes {
    Routes::new()
        .add(Access::public(), routes!(document))
        .add(Access::public(), routes!(docs))
}

/// This document.
#[utoipa::path(get, path = "/api/openapi.json", tag = "node",
    responses((status = 200, body = serde_json::Value)))]
pub(super) async fn document(Extension(document): Extension<Arc<OpenApi>>) -> Json<OpenApi> {
    Json(OpenApi::clone(&document))
}

/// This document as a page for people.
#[utoipa::path(get, path = "/api/docs", tag = "node",
    responses((status = 200, body = String, content_type = "text/html")))]
pub(super) async fn docs(Extension(document): Extension<Arc<OpenApi>>) -> Response {
    let mut response = Html(page::render(&document)).into_response();
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, policy);
    response
}
