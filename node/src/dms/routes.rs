//! `/api/v1/dms`: the conversations of a member.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use serde::Deserialize;

use super::actions;
use crate::accounts::online::Online;
use crate::base::ids::ChannelId;
use crate::base::page::{Page, PageQuery};
use crate::base::scope::Scope;
use crate::channels;
use crate::channels::conversations;
use crate::channels::wire::ChannelView;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Path, Query};
use crate::platform::http::idempotency::{Created, Creation, IdempotencyKey};
use crate::platform::http::page::Cursors;
use crate::platform::http::routes::Routes;
use crate::platform::people::People;
use utoipa_axum::routes;

/// The routes of this feature; `people` finds those of other nodes.
pub fn router(people: Arc<dyn People>) -> Routes {
    Routes::new()
        .add(Access::member(Scope::Read), routes!(list))
        .add(Access::member(Scope::Write), routes!(open))
        .add(Access::member(Scope::Write), routes!(hide))
        .with(people)
}

/// The conversations that the member is in.
#[utoipa::path(
    get, path = "/api/v1/dms", tag = "channels",
    params(
        Cursors<ChannelId>
    ),
    responses((status = 200, body = Page<ChannelView, ChannelId>)),
)]
pub(super) async fn list(
    ctx: State<Ctx>,
    online: Extension<Online>,
    user: CurrentUser,
    uri: Uri,
    query: Query<PageQuery<ChannelId>>,
) -> Result<Response, ApiError> {
    channels::list_route(ctx, online, user, uri, query).await
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenDm {
    /// Each as name, `@name@domain`, or the address of the actor; one for a conversation of two, more
    /// for a group.
    recipients: Vec<String>,
    /// The name of a group, 1 to 80 characters.
    #[serde(default)]
    name: Option<String>,
}

/// Opens the conversation with one person, or finds it; opens a new group with several.
#[utoipa::path(post, path = "/api/v1/dms", tag = "channels", params(IdempotencyKey), request_body = OpenDm, responses((status = 201, body = ChannelView), (status = 200, body = ChannelView), (status = 403, body = Problem)))]
pub(super) async fn open(
    State(ctx): State<Ctx>,
    Extension(people): Extension<Arc<dyn People>>,
    user: CurrentUser,
    creation: Creation<OpenDm>,
) -> Result<Created, ApiError> {
    let Creation { body, idempotency } = creation;
    actions::open(
        &ctx,
        people.as_ref(),
        user.id,
        (&body.recipients, body.name.as_deref()),
        idempotency,
    )
    .await
}

/// Leaves a conversation out of the member's list until the next message.
#[utoipa::path(delete, path = "/api/v1/dms/{id}", tag = "channels", params(("id" = ChannelId, Path, description = "The conversation")), responses((status = 204)))]
pub(super) async fn hide(
    State(ctx): State<Ctx>,
    user: CurrentUser,
    Path(id): Path<ChannelId>,
) -> Result<StatusCode, ApiError> {
    conversations::hide(&ctx, user.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
