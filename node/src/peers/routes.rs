//! `/api/v1/federation/peers`, for the owner and admins.

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use serde::Deserialize;

use super::actions;
use super::policies;
use super::wire::{PeerHealthView, PeerView};
use crate::base::page::{Page, PageQuery};
use crate::base::privilege::Privilege;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::page;
use crate::platform::http::routes::Routes;
use utoipa_axum::routes;

/// The routes of this feature.
pub fn router() -> Routes {
    let federation = Access::privilege(Privilege::ManageFederation).class(RateClass::Read);
    Routes::new()
        .add(federation, routes!(list))
        .add(federation, routes!(show))
        .merge(policies::router())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    after: Option<String>,
    limit: Option<u32>,
}

/// Other nodes by name: which are well, and which are held back.
#[utoipa::path(get, path = "/api/v1/federation/peers", tag = "federation", params(("after" = Option<String>, Query, description = "Only peers after this one"), ("limit" = Option<u32>, Query, description = "Peers at most; never more than 100")), responses((status = 200, body = Page<PeerView, String>)))]
pub(super) async fn list(
    State(ctx): State<Ctx>,
    uri: Uri,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    let wanted = PageQuery {
        before: None,
        after: query.after.map(|after| after.replace('\0', "")),
        limit: query.limit,
    };
    let limit = wanted.limit();
    let found = actions::list(&ctx, wanted.after, limit).await?;
    let shown = found.map(PeerView::from);
    Ok(page::respond(&uri, ("after", "before"), shown))
}

/// One other node: how it fares, what is queued for it, and the policy towards it.
#[utoipa::path(get, path = "/api/v1/federation/peers/{domain}", tag = "federation", params(("domain" = String, Path, description = "The peer")), responses((status = 200, body = PeerHealthView)))]
pub(super) async fn show(
    State(ctx): State<Ctx>,
    Path(domain): Path<String>,
) -> Result<Json<PeerHealthView>, ApiError> {
    let host = actions::canonical(&domain).ok_or_else(ApiError::not_found)?;
    let found = actions::find(&ctx, host.clone()).await?;
    if found.0.is_none() && found.1.is_none() {
        return Err(ApiError::not_found());
    }
    Ok(Json(PeerHealthView::new(host, found)))
}
