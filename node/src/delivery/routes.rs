//! `/api/v1/federation/deliveries`, for the owner and admins.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use federation_core::outbox::{DeliveryFilter, DeliveryId, DeliveryState};
use http::Uri;
use serde::Deserialize;

use super::actions;
use super::error::DeliveryError;
use super::wire::DeliveryView;
use crate::base::page::PageQuery;
use crate::base::role::Role;
use crate::peers;
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::page;

/// The routes of this feature.
pub fn router() -> Router<Ctx> {
    Router::new()
        .route("/api/v1/federation/deliveries", get(list))
        .route("/api/v1/federation/deliveries/{id}", get(show))
        .route("/api/v1/federation/deliveries/{id}/retry", post(retry))
        .route("/api/v1/federation/peers/{domain}/deliveries", get(of_peer))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    state: Option<String>,
    peer: Option<String>,
    before: Option<String>,
    limit: Option<u32>,
}

async fn list(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    uri: Uri,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    me.require(Role::Admin)?;
    answer(&ctx, &uri, query).await
}

async fn of_peer(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    Path(domain): Path<String>,
    uri: Uri,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    me.require(Role::Admin)?;
    if query.peer.is_some() {
        let detail = "The peer is named by the path already.";
        return Err(ApiError::bad_request("invalid_query", detail));
    }
    let peer = Some(domain);
    answer(&ctx, &uri, ListQuery { peer, ..query }).await
}

async fn answer(ctx: &Ctx, uri: &Uri, query: ListQuery) -> Result<Response, ApiError> {
    let state = match query.state.as_deref().map(DeliveryState::parse) {
        Some(None) => return Err(DeliveryError::UnknownState.into()),
        given => given.flatten(),
    };
    let host = |peer: String| peers::canonical(&peer).ok_or_else(ApiError::not_found);
    let cursor = |text: String| {
        let detail = "A cursor is the id of a delivery.";
        text.parse::<DeliveryId>()
            .map_err(|_no_id| ApiError::bad_request("invalid_query", detail))
    };
    let wanted = PageQuery {
        before: query.before.map(cursor).transpose()?,
        after: None,
        limit: query.limit,
    };
    let filter = DeliveryFilter {
        state,
        peer: query.peer.map(host).transpose()?,
        before: wanted.before,
        limit: wanted.limit(),
    };
    let found = actions::list(ctx, filter).await?;
    let shown = found.map(DeliveryView::from);
    Ok(page::respond(uri, ("before", "after"), shown))
}

async fn show(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    Path(id): Path<String>,
) -> Result<Json<DeliveryView>, ApiError> {
    me.require(Role::Admin)?;
    let delivery = actions::find(&ctx, read_id(&id)?).await?;
    Ok(Json(DeliveryView::from(delivery)))
}

async fn retry(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    Path(id): Path<String>,
) -> Result<Json<DeliveryView>, ApiError> {
    me.require(Role::Admin)?;
    let delivery = actions::retry(&ctx, read_id(&id)?).await?;
    Ok(Json(DeliveryView::from(delivery)))
}

fn read_id(text: &str) -> Result<DeliveryId, ApiError> {
    text.parse().map_err(|_no_id| ApiError::not_found())
}
