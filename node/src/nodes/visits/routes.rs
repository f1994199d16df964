//! `/api/v1/node/visit` and `/api/v1/node/visits`: sessions at other nodes, for members of this one.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use utoipa_axum::routes;

use super::actions;
use super::wire::{NewVisit, OpenedVisit, VisitView};
use crate::accounts::acting::Acting;
use crate::base::ids::VisitId;
use crate::base::page::Page;
use crate::nodes::Nodes;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path};
use crate::platform::http::routes::Routes;

/// The routes of this feature.
pub(in crate::nodes) fn router(nodes: &Nodes) -> Routes {
    let own = Access::first_party();
    Routes::new()
        .add(own.class(RateClass::Auth), routes!(open))
        .add(own.class(RateClass::Read), routes!(list))
        .add(own, routes!(end))
        .with(nodes.clone())
}

/// Opens a session for the member at another node; its token is shown this once.
#[utoipa::path(post, path = "/api/v1/node/visit", tag = "federation", request_body = NewVisit, responses((status = 200, body = OpenedVisit), (status = 404, body = Problem), (status = 409, body = Problem), (status = 502, body = Problem)))]
async fn open(
    State(ctx): State<Ctx>,
    Extension(nodes): Extension<Nodes>,
    me: CurrentUser,
    by: Acting,
    Json(wanted): Json<NewVisit>,
) -> Result<Response, ApiError> {
    let opened = actions::open(&ctx, &nodes, (me, by), &wanted.host).await?;
    let mut response = Json(opened).into_response();
    let secret = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, secret);
    Ok(response)
}

/// The open visits of the member at other nodes, newest first; 50 at most.
#[utoipa::path(get, path = "/api/v1/node/visits", tag = "federation", responses((status = 200, body = Page<VisitView, VisitId>)))]
async fn list(
    State(ctx): State<Ctx>,
    me: CurrentUser,
) -> Result<Json<Page<VisitView, VisitId>>, ApiError> {
    let items = actions::list(&ctx, me.id).await?;
    Ok(Json(Page::whole(items)))
}

/// Ends a visit; the other node is told.
#[utoipa::path(delete, path = "/api/v1/node/visits/{id}", tag = "federation", params(("id" = VisitId, Path, description = "The visit")), responses((status = 204)))]
async fn end(
    State(ctx): State<Ctx>,
    by: Acting,
    Path(id): Path<VisitId>,
) -> Result<StatusCode, ApiError> {
    actions::end(&ctx, by, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
