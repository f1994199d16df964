//! `/api/v1/channels/{id}/scheduled`.

use axum::extract::State;
use federation_core::store::sql::Connection;
use http::StatusCode;
use utoipa_axum::routes;

use super::actions::{self, NewScheduled, PatchScheduled, ScheduledView};
use crate::accounts::acting::Acting;
use crate::base::ids::{ChannelId, ScheduledId};
use crate::base::page::Page;
use crate::base::scope::Scope;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path};
use crate::platform::http::idempotency::{Created, Creation, IdempotencyKey};
use crate::platform::http::routes::Routes;

/// The routes of this part.
pub(in crate::messages) fn router() -> Routes {
    let writing = Access::member(Scope::Write);
    Routes::new()
        .add(Access::member(Scope::Read), routes!(list_scheduled))
        .add(writing, routes!(schedule))
        .add(writing, routes!(reschedule, unschedule))
}

/// What the member is going to say in a channel, in the order in which it is sent.
#[utoipa::path(get, path = "/api/v1/channels/{id}/scheduled", tag = "messages", params(("id" = ChannelId, Path, description = "The channel")), responses((status = 200, body = Page<ScheduledView, ScheduledId>)))]
async fn list_scheduled(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(channel): Path<ChannelId>,
) -> Result<Json<Page<ScheduledView, ScheduledId>>, ApiError> {
    let found = actions::list(&ctx, (channel, me.id)).await?;
    Ok(Json(Page::whole(found)))
}

/// Writes a message that is sent later.
#[utoipa::path(post, path = "/api/v1/channels/{id}/scheduled", tag = "messages", params(IdempotencyKey, ("id" = ChannelId, Path, description = "The channel")), request_body = NewScheduled, responses((status = 201, body = ScheduledView), (status = 409, body = Problem)))]
async fn schedule(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(channel): Path<ChannelId>,
    request: Creation<NewScheduled>,
) -> Result<Created, ApiError> {
    let Creation { body, idempotency } = request;
    let held = ctx.clone();
    ctx.db()
        .write(move |connection| {
            let effect = |connection: &mut Connection| {
                let view = actions::create(&held, connection, (channel, me.id), &body)?;
                Ok::<_, ApiError>((StatusCode::CREATED, view))
            };
            let about = |view: &ScheduledView| view.id.to_string();
            idempotency.once_about(&held, connection, me.id.as_str(), effect, about)
        })
        .await
}

/// Changes a message that is sent later; one that was refused waits again.
#[utoipa::path(patch, path = "/api/v1/channels/{id}/scheduled/{scheduled}", tag = "messages", params(("id" = ChannelId, Path, description = "The channel"), ("scheduled" = ScheduledId, Path, description = "The message")), request_body = PatchScheduled, responses((status = 200, body = ScheduledView), (status = 409, body = Problem)))]
async fn reschedule(
    State(ctx): State<Ctx>,
    me: Acting,
    Path((channel, id)): Path<(ChannelId, ScheduledId)>,
    Json(patch): Json<PatchScheduled>,
) -> Result<Json<ScheduledView>, ApiError> {
    let place = (channel, me.id);
    Ok(Json(actions::update(&ctx, place, id, patch).await?))
}

/// Drops a message that is sent later.
#[utoipa::path(delete, path = "/api/v1/channels/{id}/scheduled/{scheduled}", tag = "messages", params(("id" = ChannelId, Path, description = "The channel"), ("scheduled" = ScheduledId, Path, description = "The message")), responses((status = 204)))]
async fn unschedule(
    State(ctx): State<Ctx>,
    me: Acting,
    Path((channel, id)): Path<(ChannelId, ScheduledId)>,
) -> Result<StatusCode, ApiError> {
    actions::remove(&ctx, (channel, me.id), id).await?;
    Ok(StatusCode::NO_CONTENT)
}
