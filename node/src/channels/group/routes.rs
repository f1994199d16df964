//! `/api/v1/federation/channels`: channels of other nodes that a member is in.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::routes;

use super::joining;
use super::wire::{JoinView, WhichGroup};
use crate::base::ids::JoinId;
use crate::base::page::Page;
use crate::base::scope::Scope;
use crate::communities::known::Known;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::Json;
use crate::platform::http::routes::Routes;
use crate::platform::people::People;

/// The routes of this feature; `people` finds actors of other nodes.
pub fn router(people: Arc<dyn People>, known: Known) -> Routes {
    Routes::new()
        .add(Access::member(Scope::Read), routes!(list))
        .add(Access::member(Scope::Write), routes!(join))
        .add(Access::member(Scope::Write), routes!(leave))
        .with(people)
        .with(known)
}

/// The channels of other nodes that the member asked to be in.
#[utoipa::path(get, path = "/api/v1/federation/channels", tag = "federation", responses((status = 200, body = Page<JoinView, JoinId>)))]
pub(super) async fn list(
    State(ctx): State<Ctx>,
    me: CurrentUser,
) -> Result<Json<Page<JoinView, JoinId>>, ApiError> {
    let items = joining::list(&ctx, me.id).await?;
    Ok(Json(Page::whole(items)))
}

/// Asks to be in a channel of another node.
#[utoipa::path(post, path = "/api/v1/federation/channels/join", tag = "federation", request_body = WhichGroup, responses((status = 200, body = JoinView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem)))]
pub(super) async fn join(
    State(ctx): State<Ctx>,
    Extension(people): Extension<Arc<dyn People>>,
    me: CurrentUser,
    Json(which): Json<WhichGroup>,
) -> Result<Json<JoinView>, ApiError> {
    let asked = joining::join(&ctx, people.as_ref(), me.id, &which.handle).await?;
    Ok(Json(asked))
}

/// Leaves a channel of another node.
#[utoipa::path(post, path = "/api/v1/federation/channels/leave", tag = "federation", request_body = WhichGroup, responses((status = 204), (status = 404, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem)))]
pub(super) async fn leave(
    State(ctx): State<Ctx>,
    Extension(people): Extension<Arc<dyn People>>,
    Extension(known): Extension<Known>,
    me: CurrentUser,
    Json(which): Json<WhichGroup>,
) -> Result<StatusCode, ApiError> {
    let left = joining::leave(&ctx, people.as_ref(), me.id, &which.handle).await?;
    if let Some(community) = left {
        known.changed(community);
    }
    Ok(StatusCode::NO_CONTENT)
}
