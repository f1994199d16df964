//! `/api/v1/channels/{id}/messages/{mid}/reactions`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use utoipa_axum::routes;

use super::actions;
use super::model::Emoji;
use super::wire::ReactorView;
use crate::accounts::acting::Acting;
use crate::base::ids::{ChannelId, MessageId, ReactionId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::base::scope::Scope;
use crate::communities::known::Known;
use crate::messages::actions::Place;
use crate::messages::routes::ready;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::access::Access;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Path, Query};
use crate::platform::http::page::{self, Cursors};
use crate::platform::http::routes::Routes;
use crate::platform::people::Signers;

/// The routes of reactions.
pub(in crate::messages) fn router() -> Routes {
    let writing = Access::member(Scope::Write);
    Routes::new()
        .add(Access::member(Scope::Read).visitors(), routes!(list))
        .add(writing, routes!(add, remove))
        .add(writing, routes!(remove_all))
        .add(writing, routes!(remove_of))
}

fn place(me: Acting, channel: ChannelId, message: MessageId) -> Place {
    Place {
        channel,
        message,
        user: me.id,
        request: me.request,
    }
}

/// Who put an emoji on a message, the latest first.
#[utoipa::path(get, path = "/api/v1/channels/{id}/messages/{mid}/reactions/{emoji}", tag = "messages", params(("id" = ChannelId, Path, description = "The channel"), ("mid" = MessageId, Path, description = "The message"), ("emoji" = String, Path, description = "The emoji, or :shortcode:"), Cursors<ReactionId>), responses((status = 200, body = Page<ReactorView, ReactionId>)))]
async fn list(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    uri: Uri,
    Path((channel, message, emoji)): Path<(ChannelId, MessageId, String)>,
    Query(query): Query<PageQuery<ReactionId>>,
) -> Result<Response, ApiError> {
    let place = place(me, channel, message);
    let found = actions::list(&ctx, &known, place, emoji, query).await?;
    Ok(page::respond(&uri, ("before", "after"), found))
}

/// Puts an emoji on a message; a second time changes nothing.
#[utoipa::path(put, path = "/api/v1/channels/{id}/messages/{mid}/reactions/{emoji}", tag = "messages", params(("id" = ChannelId, Path, description = "The channel"), ("mid" = MessageId, Path, description = "The message"), ("emoji" = String, Path, description = "One emoji, or :shortcode: of a custom one of the community")), responses((status = 204), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn add(
    State(ctx): State<Ctx>,
    Extension(signers): Extension<Arc<dyn Signers>>,
    me: Acting,
    Path((channel, message, emoji)): Path<(ChannelId, MessageId, String)>,
) -> Result<StatusCode, ApiError> {
    let place = place(me, channel, message);
    let emoji = Emoji::asked(&emoji)?;
    ready(&ctx, signers.as_ref(), (place.user, channel)).await?;
    let held = ctx.clone();
    let added = ctx.db().write(move |connection| {
        let log = EventLog::begin(connection)?;
        actions::add(&held, connection, &log, &place, &emoji)
    });
    added.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes one's own emoji off a message.
#[utoipa::path(delete, path = "/api/v1/channels/{id}/messages/{mid}/reactions/{emoji}", tag = "messages", params(("id" = ChannelId, Path, description = "The channel"), ("mid" = MessageId, Path, description = "The message"), ("emoji" = String, Path, description = "The emoji, or :shortcode:")), responses((status = 204)))]
async fn remove(
    ctx: State<Ctx>,
    Extension(signers): Extension<Arc<dyn Signers>>,
    me: Acting,
    Path((channel, message, emoji)): Path<(ChannelId, MessageId, String)>,
) -> Result<StatusCode, ApiError> {
    let of = me.id;
    ready(&ctx, signers.as_ref(), (of, channel)).await?;
    remove_of(ctx, me, Path((channel, message, emoji, of))).await
}

/// Takes an emoji of somebody off a message; of others with the permission `manage_messages`.
#[utoipa::path(delete, path = "/api/v1/channels/{id}/messages/{mid}/reactions/{emoji}/{user}", tag = "messages", params(("id" = ChannelId, Path, description = "The channel"), ("mid" = MessageId, Path, description = "The message"), ("emoji" = String, Path, description = "The emoji, or :shortcode:"), ("user" = UserId, Path, description = "Whose")), responses((status = 204)))]
async fn remove_of(
    State(ctx): State<Ctx>,
    me: Acting,
    Path((channel, message, emoji, of)): Path<(ChannelId, MessageId, String, UserId)>,
) -> Result<StatusCode, ApiError> {
    let place = place(me, channel, message);
    let held = ctx.clone();
    let removed = ctx.db().write(move |connection| {
        let log = EventLog::begin(connection)?;
        actions::remove(&held, connection, &log, &place, (emoji.as_str(), of))
    });
    removed.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes all emoji off a message; with the permission `manage_messages`.
#[utoipa::path(delete, path = "/api/v1/channels/{id}/messages/{mid}/reactions", tag = "messages", params(("id" = ChannelId, Path, description = "The channel"), ("mid" = MessageId, Path, description = "The message")), responses((status = 204)))]
async fn remove_all(
    State(ctx): State<Ctx>,
    me: Acting,
    Path((channel, message)): Path<(ChannelId, MessageId)>,
) -> Result<StatusCode, ApiError> {
    let place = place(me, channel, message);
    let held = ctx.clone();
    let removed = ctx.db().write(move |connection| {
        let log = EventLog::begin(connection)?;
        actions::remove_all(&held, connection, &log, &place)
    });
    removed.await?;
    Ok(StatusCode::NO_CONTENT)
}
