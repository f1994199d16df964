//! `/api/v1/channels/{id}/draft`.

use axum::extract::State;
use http::StatusCode;
use utoipa_axum::routes;

use super::actions;
use super::wire::{DraftView, PutDraft};
use crate::accounts::acting::Acting;
use crate::base::ids::ChannelId;
use crate::base::scope::Scope;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path};
use crate::platform::http::routes::Routes;

/// The routes of drafts.
pub(in crate::messages) fn router() -> Routes {
    Routes::new()
        .add(Access::member(Scope::Read), routes!(show))
        .add(Access::member(Scope::Write), routes!(put, remove))
}

/// What the member has begun to write in a channel.
#[utoipa::path(get, path = "/api/v1/channels/{id}/draft", tag = "messages", params(("id" = ChannelId, Path, description = "The channel")), responses((status = 200, body = DraftView)))]
async fn show(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(channel): Path<ChannelId>,
) -> Result<Json<DraftView>, ApiError> {
    Ok(Json(actions::show(&ctx, me.id, channel).await?))
}

/// Keeps what the member has begun to write.
#[utoipa::path(put, path = "/api/v1/channels/{id}/draft", tag = "messages", params(("id" = ChannelId, Path, description = "The channel")), request_body = PutDraft, responses((status = 200, body = DraftView), (status = 409, body = Problem)))]
async fn put(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(channel): Path<ChannelId>,
    Json(body): Json<PutDraft>,
) -> Result<Json<DraftView>, ApiError> {
    Ok(Json(actions::put(&ctx, me.id, channel, body).await?))
}

/// Drops what the member has begun to write.
#[utoipa::path(delete, path = "/api/v1/channels/{id}/draft", tag = "messages", params(("id" = ChannelId, Path, description = "The channel")), responses((status = 204)))]
async fn remove(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(channel): Path<ChannelId>,
) -> Result<StatusCode, ApiError> {
    actions::remove(&ctx, me.id, channel).await?;
    Ok(StatusCode::NO_CONTENT)
}
