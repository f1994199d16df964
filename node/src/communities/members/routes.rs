//! `/api/v1/communities/{id}/members`.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use utoipa_axum::routes;

use super::actions;
use super::wire::{CommunityMemberView, PatchMember, Who};
use crate::accounts::acting::Acting;
use crate::base::ids::{CommunityId, CommunityRoleId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::base::scope::Scope;
use crate::communities::known::Known;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::page::{self, Cursors};
use crate::platform::http::routes::Routes;

/// The routes of members.
pub(in crate::communities) fn router() -> Routes {
    let (reading, writing) = (Access::member(Scope::Read), Access::member(Scope::Write));
    Routes::new()
        .add(reading.visitors(), routes!(list))
        .add(reading.visitors(), routes!(show))
        .add(writing, routes!(update, remove))
        .add(writing, routes!(give, take))
}

/// The members of a community, the newest account first.
#[utoipa::path(get, path = "/api/v1/communities/{id}/members", tag = "communities", params(("id" = CommunityId, Path, description = "The community"), Cursors<UserId>), responses((status = 200, body = Page<CommunityMemberView, UserId>)))]
async fn list(
    State(ctx): State<Ctx>,
    me: Acting,
    uri: Uri,
    Path(id): Path<CommunityId>,
    Query(query): Query<PageQuery<UserId>>,
) -> Result<Response, ApiError> {
    let found = actions::list(&ctx, me.id, id, query).await?;
    Ok(page::respond(&uri, ("before", "after"), found))
}

/// One member.
#[utoipa::path(get, path = "/api/v1/communities/{id}/members/{user}", tag = "communities", params(("id" = CommunityId, Path, description = "The community"), ("user" = String, Path, description = "The member, or @me")), responses((status = 200, body = CommunityMemberView)))]
async fn show(
    State(ctx): State<Ctx>,
    me: Acting,
    Path((id, user)): Path<(CommunityId, Who)>,
) -> Result<Json<CommunityMemberView>, ApiError> {
    let view = actions::show(&ctx, me.id, id, user.id(me.id)).await?;
    Ok(Json(view))
}

/// Changes a nickname, or silences a member of lower rank for a while.
#[utoipa::path(patch, path = "/api/v1/communities/{id}/members/{user}", tag = "communities", params(("id" = CommunityId, Path, description = "The community"), ("user" = String, Path, description = "The member, or @me")), request_body = PatchMember, responses((status = 200, body = CommunityMemberView), (status = 403, body = Problem)))]
async fn update(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path((id, user)): Path<(CommunityId, Who)>,
    Json(patch): Json<PatchMember>,
) -> Result<Json<CommunityMemberView>, ApiError> {
    let place = (id, user.id(me.id));
    let view = actions::update(&ctx, &known, me, place, patch).await?;
    Ok(Json(view))
}

/// Leaves a community (@me), or removes a member of lower rank, who may come back.
#[utoipa::path(delete, path = "/api/v1/communities/{id}/members/{user}", tag = "communities", params(("id" = CommunityId, Path, description = "The community"), ("user" = String, Path, description = "The member, or @me")), responses((status = 204), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn remove(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path((id, user)): Path<(CommunityId, Who)>,
) -> Result<StatusCode, ApiError> {
    let place = (id, user.id(me.id));
    actions::remove(&ctx, &known, me, place).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a member a role that is below one's own and holds nothing beyond it.
#[utoipa::path(put, path = "/api/v1/communities/{id}/members/{user}/roles/{role}", tag = "communities", params(("id" = CommunityId, Path, description = "The community"), ("user" = String, Path, description = "The member, or @me"), ("role" = CommunityRoleId, Path, description = "The role")), responses((status = 200, body = CommunityMemberView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn give(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path((id, user, role)): Path<(CommunityId, Who, CommunityRoleId)>,
) -> Result<Json<CommunityMemberView>, ApiError> {
    let place = (id, user.id(me.id), role);
    let view = actions::set_role(&ctx, &known, me, place, true).await?;
    Ok(Json(view))
}

/// Takes a role from a member.
#[utoipa::path(delete, path = "/api/v1/communities/{id}/members/{user}/roles/{role}", tag = "communities", params(("id" = CommunityId, Path, description = "The community"), ("user" = String, Path, description = "The member, or @me"), ("role" = CommunityRoleId, Path, description = "The role")), responses((status = 200, body = CommunityMemberView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn take(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path((id, user, role)): Path<(CommunityId, Who, CommunityRoleId)>,
) -> Result<Json<CommunityMemberView>, ApiError> {
    let place = (id, user.id(me.id), role);
    let view = actions::set_role(&ctx, &known, me, place, false).await?;
    Ok(Json(view))
}
