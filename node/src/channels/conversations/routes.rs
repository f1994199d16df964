//! `/api/v1/channels/{id}/members`: who is in a conversation.

use axum::extract::State;
use utoipa_axum::routes;

use super::listing;
use super::wire::ParticipantView;
use crate::accounts::acting::Acting;
use crate::base::ids::{ChannelId, UserId};
use crate::base::page::Page;
use crate::base::scope::Scope;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path};
use crate::platform::http::routes::Routes;

/// The routes of conversations that are of no other.
pub(in crate::channels) fn router() -> Routes {
    Routes::new().add(Access::member(Scope::Read), routes!(list))
}

/// Everybody in a conversation, those who have been there longest first: 50 at most, if the operator
/// does not say otherwise.
#[utoipa::path(get, path = "/api/v1/channels/{id}/members", tag = "channels", params(("id" = ChannelId, Path, description = "The conversation")), responses((status = 200, body = Page<ParticipantView, UserId>), (status = 422, body = Problem)))]
async fn list(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(id): Path<ChannelId>,
) -> Result<Json<Page<ParticipantView, UserId>>, ApiError> {
    let people = listing::list(&ctx, me.id, id).await?;
    Ok(Json(Page::whole(people)))
}
