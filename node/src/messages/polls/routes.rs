//! `/api/v1/channels/{id}/messages/{mid}/poll/votes`.

use axum::Extension;
use axum::extract::State;
use utoipa_axum::routes;

use super::actions;
use super::wire::{PutVotes, VotesView};
use crate::accounts::acting::Acting;
use crate::base::ids::{ChannelId, MessageId};
use crate::base::scope::Scope;
use crate::communities::known::Known;
use crate::messages::actions::Place;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::access::Access;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path};
use crate::platform::http::routes::Routes;

/// The routes of polls.
pub(in crate::messages) fn router() -> Routes {
    Routes::new()
        .add(Access::member(Scope::Read).visitors(), routes!(show))
        .add(Access::member(Scope::Write), routes!(vote, take_back))
}

fn place(me: Acting, (channel, message): (ChannelId, MessageId)) -> Place {
    Place {
        channel,
        message,
        user: me.id,
        request: me.request,
    }
}

/// The counts of a poll, and what the member voted for.
#[utoipa::path(get, path = "/api/v1/channels/{id}/messages/{mid}/poll/votes", tag = "messages", params(("id" = ChannelId, Path, description = "The channel"), ("mid" = MessageId, Path, description = "The message")), responses((status = 200, body = VotesView)))]
async fn show(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path(path): Path<(ChannelId, MessageId)>,
) -> Result<Json<VotesView>, ApiError> {
    let votes = actions::show(&ctx, &known, place(me, path)).await?;
    Ok(Json(votes))
}

/// Votes, in the place of what the member voted before.
#[utoipa::path(put, path = "/api/v1/channels/{id}/messages/{mid}/poll/votes", tag = "messages", params(("id" = ChannelId, Path, description = "The channel"), ("mid" = MessageId, Path, description = "The message")), request_body = PutVotes, responses((status = 200, body = VotesView), (status = 409, body = Problem)))]
async fn vote(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(path): Path<(ChannelId, MessageId)>,
    Json(body): Json<PutVotes>,
) -> Result<Json<VotesView>, ApiError> {
    set(&ctx, place(me, path), Some(body.choices)).await
}

/// Takes one's vote back, while the poll is open.
#[utoipa::path(delete, path = "/api/v1/channels/{id}/messages/{mid}/poll/votes", tag = "messages", params(("id" = ChannelId, Path, description = "The channel"), ("mid" = MessageId, Path, description = "The message")), responses((status = 200, body = VotesView), (status = 409, body = Problem)))]
async fn take_back(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(path): Path<(ChannelId, MessageId)>,
) -> Result<Json<VotesView>, ApiError> {
    set(&ctx, place(me, path), None).await
}

async fn set(
    ctx: &Ctx,
    place: Place,
    choices: Option<Vec<i32>>,
) -> Result<Json<VotesView>, ApiError> {
    let held = ctx.clone();
    let voted = ctx.db().write(move |connection| {
        let log = EventLog::begin(connection)?;
        actions::vote(&held, connection, &log, &place, choices.as_deref())
    });
    Ok(Json(voted.await?))
}
