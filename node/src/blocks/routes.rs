//! `/api/v1/users/@me/blocks` and `/api/v1/users/@me/mutes`.

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use utoipa_axum::routes;

use super::actions;
use super::model::BlockKind;
use super::wire::UserBlockView;
use crate::accounts::acting::Acting;
use crate::base::ids::UserId;
use crate::base::page::{Page, PageQuery};
use crate::base::scope::Scope;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::page::{self, Cursors};
use crate::platform::http::routes::Routes;

/// The routes of this feature.
pub fn router() -> Routes {
    let (reading, writing) = (Access::member(Scope::Read), Access::member(Scope::Write));
    Routes::new()
        .add(reading, routes!(list_blocks))
        .add(reading, routes!(show_block))
        .add(writing, routes!(block, unblock))
        .add(reading, routes!(list_mutes))
        .add(reading, routes!(show_mute))
        .add(writing, routes!(mute, unmute))
}

/// Whom the member blocked, the newest account first.
#[utoipa::path(get, path = "/api/v1/users/@me/blocks", tag = "users", params(Cursors<UserId>), responses((status = 200, body = Page<UserBlockView, UserId>)))]
async fn list_blocks(
    State(ctx): State<Ctx>,
    me: Acting,
    uri: Uri,
    Query(query): Query<PageQuery<UserId>>,
) -> Result<Response, ApiError> {
    let found = actions::list(&ctx, me.id, BlockKind::Block, query).await?;
    Ok(page::respond(&uri, ("before", "after"), found))
}

/// Whether the member blocked somebody.
#[utoipa::path(get, path = "/api/v1/users/@me/blocks/{user}", tag = "users", params(("user" = UserId, Path, description = "The person")), responses((status = 200, body = UserBlockView)))]
async fn show_block(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(user): Path<UserId>,
) -> Result<Json<UserBlockView>, ApiError> {
    let found = actions::show(&ctx, me.id, BlockKind::Block, user).await?;
    Ok(Json(found))
}

/// Blocks somebody of any node: no conversation, no follow, no notification.
#[utoipa::path(put, path = "/api/v1/users/@me/blocks/{user}", tag = "users", params(("user" = UserId, Path, description = "The person")), responses((status = 200, body = UserBlockView), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn block(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(user): Path<UserId>,
) -> Result<Json<UserBlockView>, ApiError> {
    let made = actions::put(&ctx, me.id, BlockKind::Block, user).await?;
    Ok(Json(made))
}

/// Lifts a block.
#[utoipa::path(delete, path = "/api/v1/users/@me/blocks/{user}", tag = "users", params(("user" = UserId, Path, description = "The person")), responses((status = 204)))]
async fn unblock(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(user): Path<UserId>,
) -> Result<StatusCode, ApiError> {
    actions::remove(&ctx, me.id, BlockKind::Block, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whom the member muted, the newest account first.
#[utoipa::path(get, path = "/api/v1/users/@me/mutes", tag = "users", params(Cursors<UserId>), responses((status = 200, body = Page<UserBlockView, UserId>)))]
async fn list_mutes(
    State(ctx): State<Ctx>,
    me: Acting,
    uri: Uri,
    Query(query): Query<PageQuery<UserId>>,
) -> Result<Response, ApiError> {
    let found = actions::list(&ctx, me.id, BlockKind::Mute, query).await?;
    Ok(page::respond(&uri, ("before", "after"), found))
}

/// Whether the member muted somebody.
#[utoipa::path(get, path = "/api/v1/users/@me/mutes/{user}", tag = "users", params(("user" = UserId, Path, description = "The person")), responses((status = 200, body = UserBlockView)))]
async fn show_mute(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(user): Path<UserId>,
) -> Result<Json<UserBlockView>, ApiError> {
    let found = actions::show(&ctx, me.id, BlockKind::Mute, user).await?;
    Ok(Json(found))
}

/// Mutes somebody of any node: no notification, and nothing unread by them.
#[utoipa::path(put, path = "/api/v1/users/@me/mutes/{user}", tag = "users", params(("user" = UserId, Path, description = "The person")), responses((status = 200, body = UserBlockView), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn mute(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(user): Path<UserId>,
) -> Result<Json<UserBlockView>, ApiError> {
    let made = actions::put(&ctx, me.id, BlockKind::Mute, user).await?;
    Ok(Json(made))
}

/// Lifts a mute.
#[utoipa::path(delete, path = "/api/v1/users/@me/mutes/{user}", tag = "users", params(("user" = UserId, Path, description = "The person")), responses((status = 204)))]
async fn unmute(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(user): Path<UserId>,
) -> Result<StatusCode, ApiError> {
    actions::remove(&ctx, me.id, BlockKind::Mute, user).await?;
    Ok(StatusCode::NO_CONTENT)
}
