//! `/api/v1/channels/{id}/messages/{mid}/previews`.

use axum::extract::State;
use http::StatusCode;
use utoipa_axum::routes;

use super::actions;
use crate::accounts::acting::Acting;
use crate::base::ids::{ChannelId, MessageId};
use crate::base::scope::Scope;
use crate::messages::actions::Place;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::access::Access;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::Path;
use crate::platform::http::routes::Routes;

/// The routes of previews.
pub(in crate::messages) fn router() -> Routes {
    Routes::new().add(Access::member(Scope::Write), routes!(remove))
}

/// Takes the previews of a message away, for its author and for moderators; an edit asks for them anew.
#[utoipa::path(delete, path = "/api/v1/channels/{id}/messages/{mid}/previews", tag = "messages", params(("id" = ChannelId, Path, description = "The channel"), ("mid" = MessageId, Path, description = "The message")), responses((status = 204)))]
async fn remove(
    State(ctx): State<Ctx>,
    me: Acting,
    Path((channel, message)): Path<(ChannelId, MessageId)>,
) -> Result<StatusCode, ApiError> {
    let place = Place {
        channel,
        message,
        user: me.id,
        request: me.request,
    };
    let held = ctx.clone();
    let remove = ctx.db().write(move |connection| {
        let log = EventLog::begin(connection)?;
        actions::take_away(&held, connection, &log, &place)
    });
    remove.await?;
    Ok(StatusCode::NO_CONTENT)
}
