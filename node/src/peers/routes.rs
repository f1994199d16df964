//! `/api/v1/federation/peers`, for the owner and admins.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::Uri;
use serde::Deserialize;

use super::actions;
use super::wire::PeerView;
use crate::base::page::PageQuery;
use crate::base::role::Role;
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::page;

/// The routes of this feature.
pub fn router() -> Router<Ctx> {
    Router::new()
        .route("/api/v1/federation/peers", get(list))
        .route("/api/v1/federation/peers/{domain}", get(show))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    after: Option<String>,
    limit: Option<u32>,
}

async fn list(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    uri: Uri,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    me.require(Role::Admin)?;
    if query.after.as_ref().is_some_and(|peer| peer.contains('\0')) {
        let detail = "A cursor is the name of a peer.";
        return Err(ApiError::bad_request("invalid_query", detail));
    }
    let wanted = PageQuery {
        before: None,
        after: query.after,
        limit: query.limit,
    };
    let limit = wanted.limit();
    let found = actions::list(&ctx, wanted.after, limit).await?;
    let shown = found.map(PeerView::from);
    Ok(page::respond(&uri, ("after", "before"), shown))
}

async fn show(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    Path(domain): Path<String>,
) -> Result<Json<PeerView>, ApiError> {
    me.require(Role::Admin)?;
    let host = actions::canonical(&domain).ok_or_else(ApiError::not_found)?;
    let found = actions::find(&ctx, host).await?;
    let peer = found.ok_or_else(ApiError::not_found)?;
    Ok(Json(PeerView::from(peer)))
}
