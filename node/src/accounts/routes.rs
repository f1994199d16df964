//! `/api/v1/users`.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::Uri;
use serde::Deserialize;

use super::actions;
use super::wire::{MeView, PatchMe, UserView};
use crate::base::ids::UserId;
use crate::base::page::PageQuery;
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::page;

/// The routes of this feature.
pub fn router() -> Router<Ctx> {
    Router::new()
        .route("/api/v1/users", get(search))
        .route("/api/v1/users/@me", get(show_me).patch(change_me))
        .route("/api/v1/users/{id}", get(show))
}

async fn show_me(State(ctx): State<Ctx>, me: CurrentUser) -> Result<Json<MeView>, ApiError> {
    let user = actions::find(&ctx, me.id).await?;
    Ok(Json(MeView::new(&user, ctx.origin())))
}

async fn change_me(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    Json(patch): Json<PatchMe>,
) -> Result<Json<MeView>, ApiError> {
    let user = actions::change_profile(&ctx, me.id, patch.into()).await?;
    Ok(Json(MeView::new(&user, ctx.origin())))
}

async fn show(
    State(ctx): State<Ctx>,
    _me: CurrentUser,
    Path(id): Path<UserId>,
) -> Result<Json<UserView>, ApiError> {
    let user = actions::find(&ctx, id).await?;
    Ok(Json(UserView::new(&user, ctx.origin())))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchQuery {
    q: String,
    before: Option<UserId>,
    after: Option<UserId>,
    limit: Option<u32>,
}

async fn search(
    State(ctx): State<Ctx>,
    _me: CurrentUser,
    uri: Uri,
    Query(query): Query<SearchQuery>,
) -> Result<Response, ApiError> {
    let wanted = PageQuery {
        before: query.before,
        after: query.after,
        limit: query.limit,
    };
    let found = actions::search(&ctx, query.q, wanted).await?;
    let shown = found.map(|user| UserView::new(&user, ctx.origin()));
    Ok(page::respond(&uri, ("after", "before"), shown))
}
