//! `/api/v1/channels`: what a member is in.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::Uri;

use super::actions;
use super::wire::ChannelView;
use crate::base::ids::ChannelId;
use crate::base::page::PageQuery;
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::page;

/// The routes of this feature.
pub fn router() -> Router<Ctx> {
    Router::new()
        .route("/api/v1/channels", get(list))
        .route("/api/v1/channels/{id}", get(show))
}

/// `GET /api/v1/channels`, and `GET /api/v1/dms` while every channel is a conversation.
pub(crate) async fn list(
    State(ctx): State<Ctx>,
    user: CurrentUser,
    uri: Uri,
    Query(query): Query<PageQuery<ChannelId>>,
) -> Result<Response, ApiError> {
    let found = actions::list(&ctx, user.id, query).await?;
    Ok(page::respond(&uri, ("before", "after"), found))
}

async fn show(
    State(ctx): State<Ctx>,
    user: CurrentUser,
    Path(id): Path<ChannelId>,
) -> Result<Json<ChannelView>, ApiError> {
    Ok(Json(actions::show(&ctx, user.id, id).await?))
}
