//! `/api/v1/communities/{id}/emoji`, and their pictures under `/emoji`.

use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use federation_core::media::inert_headers;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use utoipa_axum::routes;

use super::actions::{self, Sent};
use super::wire::{EmojiView, NewEmoji, PatchEmoji};
use crate::accounts::acting::Acting;
use crate::base::ids::{CommunityId, EmojiId};
use crate::base::page::Page;
use crate::base::scope::Scope;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path};
use crate::platform::http::idempotency::{Created, Creation, IdempotencyKey};
use crate::platform::http::routes::Routes;

/// Bytes of a request at most: those of a picture in Base64, and something around it.
const MAX_BODY: usize = 384 * 1024;

/// The routes of custom emoji.
pub(in crate::communities) fn router() -> Routes {
    let writing = Access::member(Scope::Write);
    Routes::new()
        .add(Access::member(Scope::Read).visitors(), routes!(list))
        .add(writing.class(RateClass::Upload), routes!(create))
        .add(writing, routes!(rename, remove))
        .add(Access::public(), routes!(picture))
        .bodies(DefaultBodyLimit::max(MAX_BODY))
}

/// The custom emoji of a community, by shortcode; there are at most 200.
#[utoipa::path(get, path = "/api/v1/communities/{id}/emoji", tag = "communities", params(("id" = CommunityId, Path, description = "The community")), responses((status = 200, body = Page<EmojiView, EmojiId>)))]
async fn list(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(id): Path<CommunityId>,
) -> Result<Json<Page<EmojiView, EmojiId>>, ApiError> {
    let emoji = actions::list(&ctx, me.id, id).await?;
    Ok(Json(Page::whole(emoji)))
}

/// Makes a custom emoji.
#[utoipa::path(post, path = "/api/v1/communities/{id}/emoji", tag = "communities", params(IdempotencyKey, ("id" = CommunityId, Path, description = "The community")), request_body = NewEmoji, responses((status = 201, body = EmojiView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn create(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(id): Path<CommunityId>,
    request: Creation<NewEmoji>,
) -> Result<Created, ApiError> {
    let held = ctx.clone();
    let Creation { body, idempotency } = request;
    let sent = Sent::read(&body)?;
    let created = ctx.db().write(move |connection| {
        let log = EventLog::begin(connection)?;
        idempotency.once(&held, connection, me.id.as_str(), |connection| {
            let view = actions::create(&held, connection, &log, &me, id, &sent)?;
            Ok((StatusCode::CREATED, view))
        })
    });
    created.await
}

/// Gives a custom emoji another shortcode.
#[utoipa::path(patch, path = "/api/v1/communities/{id}/emoji/{emoji}", tag = "communities", params(("id" = CommunityId, Path, description = "The community"), ("emoji" = EmojiId, Path, description = "The emoji")), request_body = PatchEmoji, responses((status = 200, body = EmojiView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn rename(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(place): Path<(CommunityId, EmojiId)>,
    Json(patch): Json<PatchEmoji>,
) -> Result<Json<EmojiView>, ApiError> {
    let renamed = actions::rename(&ctx, me, place, patch.shortcode).await?;
    Ok(Json(renamed))
}

/// Deletes a custom emoji.
#[utoipa::path(delete, path = "/api/v1/communities/{id}/emoji/{emoji}", tag = "communities", params(("id" = CommunityId, Path, description = "The community"), ("emoji" = EmojiId, Path, description = "The emoji")), responses((status = 204), (status = 403, body = Problem)))]
async fn remove(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(place): Path<(CommunityId, EmojiId)>,
) -> Result<StatusCode, ApiError> {
    actions::delete(&ctx, me, place).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The picture of a custom emoji. Its address names bytes that never change.
#[utoipa::path(get, path = "/emoji/{id}", tag = "communities", params(("id" = EmojiId, Path, description = "The emoji")), responses((status = 200, description = "The picture", content((Vec<u8> = "image/png"), (Vec<u8> = "image/gif"), (Vec<u8> = "image/webp"), (Vec<u8> = "image/jpeg")))))]
async fn picture(State(ctx): State<Ctx>, Path(id): Path<EmojiId>) -> Result<Response, ApiError> {
    let (media_type, bytes) = actions::picture(&ctx, id).await?;
    let mut headers = inert_headers(media_type.as_str());
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(CACHE_CONTROL, forever);
    Ok((headers, bytes).into_response())
}
