//! `/api/v1/federation/follow|unfollow|followers|following|resolve`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use serde::Deserialize;

use super::actions;
use super::model::Side;
use super::wire::{FollowView, Whom};
use crate::accounts::wire::UserView;
use crate::base::ids::FollowId;
use crate::base::page::{Page, PageQuery};
use crate::base::scope::Scope;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Query};
use crate::platform::http::page::{self, Cursors};
use crate::platform::http::routes::Routes;
use crate::platform::people::People;
use utoipa_axum::routes;

/// The routes of this feature; `people` finds those of other nodes.
pub fn router(people: Arc<dyn People>) -> Routes {
    Routes::new()
        .add(Access::member(Scope::Read), routes!(resolve))
        .add(Access::member(Scope::Write), routes!(follow))
        .add(Access::member(Scope::Write), routes!(unfollow))
        .add(Access::member(Scope::Read), routes!(followers))
        .add(Access::member(Scope::Read), routes!(following))
        .with(people)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResolveQuery {
    handle: String,
}

/// Who is behind a handle, wherever they are.
#[utoipa::path(get, path = "/api/v1/federation/resolve", tag = "federation", params(("handle" = String, Query, description = "@name@domain, or the address of an actor")), responses((status = 200, body = UserView), (status = 422, body = Problem), (status = 404, body = Problem), (status = 502, body = Problem)))]
pub(super) async fn resolve(
    State(ctx): State<Ctx>,
    Extension(people): Extension<Arc<dyn People>>,
    _me: CurrentUser,
    Query(query): Query<ResolveQuery>,
) -> Result<Json<UserView>, ApiError> {
    let user = actions::resolve(&ctx, people.as_ref(), &query.handle).await?;
    Ok(Json(UserView::new(&user, ctx.origin())))
}

/// Asks to follow somebody.
#[utoipa::path(post, path = "/api/v1/federation/follow", tag = "federation", request_body = Whom, responses((status = 200, body = FollowView), (status = 403, body = Problem), (status = 404, body = Problem), (status = 502, body = Problem)))]
pub(super) async fn follow(
    State(ctx): State<Ctx>,
    Extension(people): Extension<Arc<dyn People>>,
    me: CurrentUser,
    Json(whom): Json<Whom>,
) -> Result<Json<FollowView>, ApiError> {
    let (follow, followee) = actions::follow(&ctx, people.as_ref(), me.id, &whom.handle).await?;
    Ok(Json(FollowView::new(&follow, &followee, ctx.origin())))
}

/// Follows somebody no longer.
#[utoipa::path(post, path = "/api/v1/federation/unfollow", tag = "federation", request_body = Whom, responses((status = 204), (status = 404, body = Problem)))]
pub(super) async fn unfollow(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    Json(whom): Json<Whom>,
) -> Result<StatusCode, ApiError> {
    actions::unfollow(&ctx, me.id, &whom.handle).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who follows the member.
#[utoipa::path(get, path = "/api/v1/federation/followers", tag = "federation", params(Cursors<FollowId>), responses((status = 200, body = Page<FollowView, FollowId>)))]
pub(super) async fn followers(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    uri: Uri,
    Query(wanted): Query<PageQuery<FollowId>>,
) -> Result<Response, ApiError> {
    list(&ctx, &me, &uri, Side::Followers, wanted).await
}

/// Whom the member follows.
#[utoipa::path(get, path = "/api/v1/federation/following", tag = "federation", params(Cursors<FollowId>), responses((status = 200, body = Page<FollowView, FollowId>)))]
pub(super) async fn following(
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
