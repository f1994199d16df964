//! `/api/v1/channels/{id}/messages`: read, send, edit and delete.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::{StatusCode, Uri};

use super::actions::{self, NewMessage, Place};
use super::model::Draft;
use super::wire::{MessageView, PatchMessage, PostMessage};
use crate::base::ids::{ChannelId, MessageId};
use crate::base::page::PageQuery;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::idempotency::{Created, Creation};
use crate::platform::http::page;

/// The routes of this feature.
pub fn router() -> Router<Ctx> {
    Router::new()
        .route("/api/v1/channels/{id}/messages", get(list).post(send))
        .route(
            "/api/v1/channels/{id}/messages/{mid}",
            get(show).patch(edit).delete(delete),
        )
}

async fn list(
    State(ctx): State<Ctx>,
    user: CurrentUser,
    uri: Uri,
    Path(channel): Path<ChannelId>,
    Query(query): Query<PageQuery<MessageId>>,
) -> Result<Response, ApiError> {
    let found = actions::list(&ctx, user.id, channel, query).await?;
    Ok(page::respond(&uri, ("before", "after"), found))
}

async fn send(
    State(ctx): State<Ctx>,
    user: CurrentUser,
    Path(channel): Path<ChannelId>,
    creation: Creation<PostMessage>,
) -> Result<Created, ApiError> {
    let Creation { body, idempotency } = creation;
    if body.attachments.is_some_and(|files| !files.is_empty()) {
        let detail = "This node does not take attachments yet.";
        return Err(ApiError::invalid("attachments_unsupported", detail));
    }
    let draft = Draft::new(body.content, ctx.config().limits.message_characters)?;
    let new = NewMessage {
        channel,
        author: user.id,
        draft,
        reply_to: body.reply_to,
    };
    let scope = user.id.to_string();
    let held = ctx.clone();
    ctx.db()
        .write(move |connection| {
            let log = EventLog::begin(connection)?;
            idempotency.once(&held, connection, &scope, |connection| {
                Ok((
                    StatusCode::CREATED,
                    actions::send(&held, connection, &log, &new)?,
                ))
            })
        })
        .await
}

async fn show(
    State(ctx): State<Ctx>,
    user: CurrentUser,
    Path((channel, message)): Path<(ChannelId, MessageId)>,
) -> Result<Json<MessageView>, ApiError> {
    Ok(Json(
        actions::show(
            &ctx,
            Place {
                channel,
                message,
                user: user.id,
            },
        )
        .await?,
    ))
}

async fn edit(
    State(ctx): State<Ctx>,
    user: CurrentUser,
    Path((channel, message)): Path<(ChannelId, MessageId)>,
    Json(body): Json<PatchMessage>,
) -> Result<Json<MessageView>, ApiError> {
    let draft = Draft::new(body.content, ctx.config().limits.message_characters)?;
    let place = Place {
        channel,
        message,
        user: user.id,
    };
    let held = ctx.clone();
    let edited = ctx.db().write(move |connection| {
        let log = EventLog::begin(connection)?;
        actions::edit(&held, connection, &log, &place, &draft)
    });
    Ok(Json(edited.await?))
}

async fn delete(
    State(ctx): State<Ctx>,
    user: CurrentUser,
    Path((channel, message)): Path<(ChannelId, MessageId)>,
) -> Result<StatusCode, ApiError> {
    let place = Place {
        channel,
        message,
        user: user.id,
    };
    let held = ctx.clone();
    let deleted = ctx.db().write(move |connection| {
        let log = EventLog::begin(connection)?;
        actions::delete(&held, connection, &log, &place)
    });
    deleted.await?;
    Ok(StatusCode::NO_CONTENT)
}
