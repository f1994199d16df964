//! `/api/v1/channels/{id}/read`, `/api/v1/communities/{id}/read` and `/api/v1/users/@me/unread`.

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use utoipa_axum::routes;

use super::actions;
use super::wire::{PutRead, UnreadView};
use crate::accounts::acting::Acting;
use crate::base::ids::{ChannelId, CommunityId};
use crate::base::page::{Page, PageQuery};
use crate::base::scope::Scope;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::page::{self, Cursors};
use crate::platform::http::routes::Routes;

/// The routes of reading.
pub(in crate::messages) fn router() -> Routes {
    let (reading, writing) = (Access::member(Scope::Read), Access::member(Scope::Write));
    Routes::new()
        .add(reading, routes!(list))
        .add(writing, routes!(put))
        .add(writing, routes!(put_all))
}

/// Notes up to which message the member has read; it never goes back.
#[utoipa::path(put, path = "/api/v1/channels/{id}/read", tag = "channels", params(("id" = ChannelId, Path, description = "The channel")), request_body = PutRead, responses((status = 200, body = UnreadView)))]
async fn put(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(channel): Path<ChannelId>,
    Json(body): Json<PutRead>,
) -> Result<Json<UnreadView>, ApiError> {
    let view = actions::put(&ctx, me.id, channel, body.message_id).await?;
    Ok(Json(view))
}

/// Notes that the member has read everything that they see in a community.
#[utoipa::path(post, path = "/api/v1/communities/{id}/read", tag = "communities", params(("id" = CommunityId, Path, description = "The community")), responses((status = 204)))]
async fn put_all(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(community): Path<CommunityId>,
) -> Result<StatusCode, ApiError> {
    actions::put_all(&ctx, me.id, community).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The channels and conversations in which something is unread, the newest channel first.
#[utoipa::path(get, path = "/api/v1/users/@me/unread", tag = "users", params(Cursors<ChannelId>), responses((status = 200, body = Page<UnreadView, ChannelId>)))]
async fn list(
    State(ctx): State<Ctx>,
    me: Acting,
    uri: Uri,
    Query(query): Query<PageQuery<ChannelId>>,
) -> Result<Response, ApiError> {
    let found = actions::list(&ctx, me.id, query).await?;
    Ok(page::respond(&uri, ("before", "after"), found))
}
