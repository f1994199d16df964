//! `/api/v1/dms`: the conversations of a member.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::Uri;
use serde::Deserialize;

use super::actions;
use crate::accounts::online::Online;
use crate::base::ids::ChannelId;
use crate::base::page::{Page, PageQuery};
use crate::base::scope::Scope;
use crate::channels;
use crate::channels::wire::ChannelView;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::Query;
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
    recipients: Vec<String>,
}

/// Opens the conversation of these people, or finds it.
#[utoipa::path(post, path = "/api/v1/dms", tag = "channels", params(IdempotencyKey), request_body = OpenDm, responses((status = 201, body = ChannelView), (status = 200, body = ChannelView)))]
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
        &body.recipients,
        idempotency,
    )
    .await
}
