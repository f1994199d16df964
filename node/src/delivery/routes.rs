//! `/api/v1/federation/deliveries`, for the owner and admins.

use axum::extract::State;
use axum::response::Response;
use federation_core::outbox::{DeliveryFilter, DeliveryId, DeliveryState};
use http::Uri;
use serde::Deserialize;

use super::actions;
use super::error::DeliveryError;
use super::wire::DeliveryView;
use crate::base::page::{Page, PageQuery};
use crate::base::privilege::Privilege;
use crate::peers;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::page;
use crate::platform::http::routes::Routes;
use utoipa_axum::routes;

/// The routes of this feature.
pub fn router() -> Routes {
    let federation = Access::privilege(Privilege::ManageFederation);
    Routes::new()
        .add(federation.class(RateClass::Read), routes!(list))
        .add(federation.class(RateClass::Read), routes!(show))
        .add(federation, routes!(retry))
        .add(federation.class(RateClass::Read), routes!(of_peer))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    state: Option<String>,
    peer: Option<String>,
    before: Option<String>,
    limit: Option<u32>,
}

/// What is on its way to other nodes, and what came of it; newest first.
#[utoipa::path(get, path = "/api/v1/federation/deliveries", tag = "federation", params(("state" = Option<String>, Query, pattern = "^(queued|delivered|dead|cancelled)$", description = "Only those in this state"), ("peer" = Option<String>, Query, description = "Only to this domain"), ("before" = Option<Uuid>, Query, description = "Only deliveries before this one"), ("limit" = Option<u32>, Query, description = "Deliveries at most; never more than 100")), responses((status = 200, body = Page<DeliveryView, String>)))]
pub(super) async fn list(
    State(ctx): State<Ctx>,
    uri: Uri,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    let detail = "A peer is the domain of a server.";
    let host = |peer: &str| {
        peers::canonical(peer).ok_or_else(|| ApiError::bad_request("invalid_peer", detail))
    };
    let peer = query.peer.as_deref().map(host).transpose()?;
    answer(&ctx, &uri, peer, query).await
}

/// The deliveries to one peer.
#[utoipa::path(get, path = "/api/v1/federation/peers/{domain}/deliveries", tag = "federation", params(("domain" = String, Path, description = "The peer"), ("state" = Option<String>, Query, pattern = "^(queued|delivered|dead|cancelled)$", description = "Only those in this state"), ("before" = Option<Uuid>, Query, description = "Only deliveries before this one"), ("limit" = Option<u32>, Query, description = "Deliveries at most; never more than 100")), responses((status = 200, body = Page<DeliveryView, String>)))]
pub(super) async fn of_peer(
    State(ctx): State<Ctx>,
    Path(domain): Path<String>,
    uri: Uri,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    if query.peer.is_some() {
        let detail = "The peer is named by the path already.";
        return Err(ApiError::bad_request("invalid_query", detail));
    }
    let host = peers::canonical(&domain).ok_or_else(ApiError::not_found)?;
    answer(&ctx, &uri, Some(host), query).await
}

async fn answer(
    ctx: &Ctx,
    uri: &Uri,
    peer: Option<String>,
    query: ListQuery,
) -> Result<Response, ApiError> {
    let state = match query.state.as_deref().map(DeliveryState::parse) {
        Some(None) => return Err(DeliveryError::UnknownState.into()),
        given => given.flatten(),
    };
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
        peer,
        before: wanted.before,
        limit: wanted.limit(),
    };
    let found = actions::list(ctx, filter).await?;
    let shown = found.map(DeliveryView::from);
    Ok(page::respond(uri, ("before", "after"), shown))
}

/// One delivery.
#[utoipa::path(get, path = "/api/v1/federation/deliveries/{id}", tag = "federation", params(("id" = Uuid, Path, description = "The delivery")), responses((status = 200, body = DeliveryView)))]
pub(super) async fn show(
    State(ctx): State<Ctx>,
    Path(id): Path<String>,
) -> Result<Json<DeliveryView>, ApiError> {
    let delivery = actions::find(&ctx, read_id(&id)?).await?;
    Ok(Json(DeliveryView::from(delivery)))
}

/// Tries a dead delivery again.
#[utoipa::path(post, path = "/api/v1/federation/deliveries/{id}/retry", tag = "federation", params(("id" = Uuid, Path, description = "The delivery")), responses((status = 200, body = DeliveryView), (status = 409, body = Problem)))]
pub(super) async fn retry(
    State(ctx): State<Ctx>,
    Path(id): Path<String>,
) -> Result<Json<DeliveryView>, ApiError> {
    let delivery = actions::retry(&ctx, read_id(&id)?).await?;
    Ok(Json(DeliveryView::from(delivery)))
}

fn read_id(text: &str) -> Result<DeliveryId, ApiError> {
    text.parse().map_err(|_no_id| ApiError::not_found())
}
