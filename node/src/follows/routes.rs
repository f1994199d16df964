//! `/api/v1/federation/follow|unfollow|followers|following|resolve`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::{StatusCode, Uri};
use serde::Deserialize;

use super::actions;
use super::model::Side;
use super::wire::{FollowView, Whom};
use crate::accounts::wire::UserView;
use crate::base::ids::FollowId;
use crate::base::page::PageQuery;
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::{Json, Query};
use crate::platform::http::page;
use crate::platform::people::People;

/// The routes of this feature; `people` finds those of other nodes.
pub fn router(people: Arc<dyn People>) -> Router<Ctx> {
    Router::new()
        .route("/api/v1/federation/resolve", get(resolve))
        .route("/api/v1/federation/follow", post(follow))
        .route("/api/v1/federation/unfollow", post(unfollow))
        .route("/api/v1/federation/followers", get(followers))
        .route("/api/v1/federation/following", get(following))
        .layer(Extension(people))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResolveQuery {
    handle: String,
}

async fn resolve(
    State(ctx): State<Ctx>,
    Extension(people): Extension<Arc<dyn People>>,
    _me: CurrentUser,
    Query(query): Query<ResolveQuery>,
) -> Result<Json<UserView>, ApiError> {
    let user = actions::resolve(&ctx, people.as_ref(), &query.handle).await?;
    Ok(Json(UserView::new(&user, ctx.origin())))
}

async fn follow(
    State(ctx): State<Ctx>,
    Extension(people): Extension<Arc<dyn People>>,
    me: CurrentUser,
    Json(whom): Json<Whom>,
) -> Result<Json<FollowView>, ApiError> {
    let (follow, followee) = actions::follow(&ctx, people.as_ref(), me.id, &whom.handle).await?;
    Ok(Json(FollowView::new(&follow, &followee, ctx.origin())))
}

async fn unfollow(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    Json(whom): Json<Whom>,
) -> Result<StatusCode, ApiError> {
    actions::unfollow(&ctx, me.id, &whom.handle).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn followers(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    uri: Uri,
    Query(wanted): Query<PageQuery<FollowId>>,
) -> Result<Response, ApiError> {
    list(&ctx, &me, &uri, Side::Followers, wanted).await
}

async fn following(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    uri: Uri,
    Query(wanted): Query<PageQuery<FollowId>>,
) -> Result<Response, ApiError> {
    list(&ctx, &me, &uri, Side::Following, wanted).await
}

async fn list(
    ctx: &Ctx,
    me: &CurrentUser,
    uri: &Uri,
    side: Side,
    wanted: PageQuery<FollowId>,
) -> Result<Response, ApiError> {
    let found = actions::list(ctx, me.id, side, wanted).await?;
    let shown = found.map(|(follow, user)| FollowView::new(&follow, &user, ctx.origin()));
    Ok(page::respond(uri, ("before", "after"), shown))
}
