//! `/api/v1/channels/{id}/pins`.

use axum::Extension;
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::routes;

use super::actions;
use crate::accounts::acting::Acting;
use crate::base::ids::{ChannelId, MessageId, PinId};
use crate::base::page::Page;
use crate::base::scope::Scope;
use crate::communities::known::Known;
use crate::messages::actions::Place;
use crate::messages::wire::MessageView;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::access::Access;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path};
use crate::platform::http::routes::Routes;

/// The routes of pins.
pub(in crate::messages) fn router() -> Routes {
    Routes::new()
        .add(Access::member(Scope::Read).visitors(), routes!(list))
        .add(Access::member(Scope::Write), routes!(pin, unpin))
}

/// The pinned messages of a channel, the latest pinned first; there are at most 50.
#[utoipa::path(get, path = "/api/v1/channels/{id}/pins", tag = "messages", params(("id" = ChannelId, Path, description = "The channel")), responses((status = 200, body = Page<MessageView, PinId>)))]
async fn list(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path(channel): Path<ChannelId>,
) -> Result<Json<Page<MessageView, PinId>>, ApiError> {
    let found = actions::list(&ctx, &known, me.id, channel).await?;
    Ok(Json(Page::whole(found)))
}

/// Pins a message; a second time changes nothing.
#[utoipa::path(put, path = "/api/v1/channels/{id}/pins/{mid}", tag = "messages", params(("id" = ChannelId, Path, description = "The channel"), ("mid" = MessageId, Path, description = "The message")), responses((status = 204), (status = 409, body = Problem)))]
async fn pin(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(path): Path<(ChannelId, MessageId)>,
) -> Result<StatusCode, ApiError> {
    set(&ctx, me, path, true).await
}

/// Unpins a message.
#[utoipa::path(delete, path = "/api/v1/channels/{id}/pins/{mid}", tag = "messages", params(("id" = ChannelId, Path, description = "The channel"), ("mid" = MessageId, Path, description = "The message")), responses((status = 204)))]
async fn unpin(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(path): Path<(ChannelId, MessageId)>,
) -> Result<StatusCode, ApiError> {
    set(&ctx, me, path, false).await
}

async fn set(
    ctx: &Ctx,
    me: Acting,
    (channel, message): (ChannelId, MessageId),
    pinned: bool,
) -> Result<StatusCode, ApiError> {
    let place = Place {
        channel,
        message,
        user: me.id,
        request: me.request,
    };
    let held = ctx.clone();
    let set = ctx.db().write(move |connection| {
        let log = EventLog::begin(connection)?;
        actions::set(&held, connection, &log, &place, pinned)
    });
    set.await?;
    Ok(StatusCode::NO_CONTENT)
}
