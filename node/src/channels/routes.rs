//! `/api/v1/channels`: what a member is in.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::Uri;

use super::actions;
use super::conversations;
use super::structure::{self, Naming};
use super::wire::ChannelView;
use crate::accounts::online::Online;
use crate::base::ids::ChannelId;
use crate::base::page::{Page, PageQuery};
use crate::base::scope::Scope;
use crate::communities::known::Known;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::page::{self, Cursors};
use crate::platform::http::routes::Routes;
use utoipa_axum::routes;

/// The routes of this feature; `naming` says what threads may be called.
pub fn router(known: Known, naming: Arc<dyn Naming>) -> Routes {
    Routes::new()
        .add(Access::member(Scope::Read).visitors(), routes!(list))
        .add(Access::member(Scope::Read).visitors(), routes!(show))
        .merge(structure::router())
        .merge(conversations::router())
        .with(known)
        .with(naming)
}

/// What the member is in.
#[utoipa::path(get, path = "/api/v1/channels", tag = "channels", params(Cursors<ChannelId>), responses((status = 200, body = Page<ChannelView, ChannelId>)))]
pub(crate) async fn list(
    State(ctx): State<Ctx>,
    Extension(online): Extension<Online>,
    user: CurrentUser,
    uri: Uri,
    Query(query): Query<PageQuery<ChannelId>>,
) -> Result<Response, ApiError> {
    let found = actions::list(&ctx, &online, user.id, query).await?;
    Ok(page::respond(&uri, ("before", "after"), found))
}

/// One channel.
#[utoipa::path(get, path = "/api/v1/channels/{id}", tag = "channels", params(("id" = ChannelId, Path, description = "The channel")), responses((status = 200, body = ChannelView)))]
pub(super) async fn show(
    State(ctx): State<Ctx>,
    Extension(online): Extension<Online>,
    user: CurrentUser,
    Path(id): Path<ChannelId>,
) -> Result<Json<ChannelView>, ApiError> {
    Ok(Json(actions::show(&ctx, &online, user.id, id).await?))
}
