//! `/api/v1/channels/{id}/messages/{mid}/history`: what a message said before.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::Uri;
use utoipa_axum::routes;

use super::actions;
use super::wire::RevisionView;
use crate::accounts::acting::Acting;
use crate::base::ids::{ChannelId, MessageId};
use crate::base::page::{Page, PageQuery};
use crate::base::scope::Scope;
use crate::communities::known::Known;
use crate::messages::actions::Place;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::{Path, Query};
use crate::platform::http::page::{self, Cursors};
use crate::platform::http::routes::Routes;

/// The routes of this feature.
pub(in crate::messages) fn router() -> Routes {
    Routes::new().add(Access::member(Scope::Read), routes!(history))
}

/// What a message said before it was edited, newest first.
#[utoipa::path(get, path = "/api/v1/channels/{id}/messages/{mid}/history", tag = "messages", params(("id" = ChannelId, Path, description = "The channel"), ("mid" = MessageId, Path, description = "The message"), Cursors<i32>), responses((status = 200, body = Page<RevisionView, i32>)))]
async fn history(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    uri: Uri,
    Path((channel, message)): Path<(ChannelId, MessageId)>,
    Query(query): Query<PageQuery<i32>>,
) -> Result<Response, ApiError> {
    let place = Place {
        channel,
        message,
        user: me.id,
        request: me.request,
    };
    let found = actions::list(&ctx, &known, place, query).await?;
    Ok(page::respond(&uri, ("before", "after"), found))
}
