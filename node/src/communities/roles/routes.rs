//! `/api/v1/communities/{id}/roles`.

use axum::Extension;
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::routes;

use super::actions;
use super::wire::{CommunityRoleView, NewCommunityRole, PatchCommunityRole, RoleOrder};
use crate::accounts::acting::Acting;
use crate::base::ids::{CommunityId, CommunityRoleId};
use crate::base::page::Page;
use crate::base::scope::Scope;
use crate::communities::known::Known;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::access::Access;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path};
use crate::platform::http::idempotency::{Created, Creation, IdempotencyKey};
use crate::platform::http::routes::Routes;

/// The routes of roles.
pub(in crate::communities) fn router() -> Routes {
    let writing = Access::member(Scope::Write);
    Routes::new()
        .add(Access::member(Scope::Read).visitors(), routes!(list))
        .add(writing, routes!(create))
        .add(writing, routes!(order))
        .add(writing, routes!(update, remove))
}

/// The roles of a community, the highest first.
#[utoipa::path(get, path = "/api/v1/communities/{id}/roles", tag = "communities", params(("id" = CommunityId, Path, description = "The community")), responses((status = 200, body = Page<CommunityRoleView, CommunityRoleId>)))]
async fn list(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(id): Path<CommunityId>,
) -> Result<Json<Page<CommunityRoleView, CommunityRoleId>>, ApiError> {
    let roles = actions::list(&ctx, me.id, id).await?;
    Ok(Json(Page::whole(roles)))
}

/// Makes a role below all others; nobody gives it what they do not hold.
#[utoipa::path(post, path = "/api/v1/communities/{id}/roles", tag = "communities", params(IdempotencyKey, ("id" = CommunityId, Path, description = "The community")), request_body = NewCommunityRole, responses((status = 201, body = CommunityRoleView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn create(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path(id): Path<CommunityId>,
    request: Creation<NewCommunityRole>,
) -> Result<Created, ApiError> {
    let held = ctx.clone();
    let Creation { body, idempotency } = request;
    let created = ctx.db().write(move |connection| {
        let log = EventLog::begin(connection)?;
        idempotency.once(&held, connection, me.id.as_str(), |connection| {
            let view = actions::create(&held, connection, &log, &me, id, &body)?;
            Ok((StatusCode::CREATED, view))
        })
    });
    let created: Created = created.await?;
    known.changed(id);
    Ok(created)
}

/// Changes a role that is below one's own.
#[utoipa::path(patch, path = "/api/v1/communities/{id}/roles/{role}", tag = "communities", params(("id" = CommunityId, Path, description = "The community"), ("role" = CommunityRoleId, Path, description = "The role")), request_body = PatchCommunityRole, responses((status = 200, body = CommunityRoleView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn update(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path(place): Path<(CommunityId, CommunityRoleId)>,
    Json(patch): Json<PatchCommunityRole>,
) -> Result<Json<CommunityRoleView>, ApiError> {
    Ok(Json(actions::update(&ctx, &known, me, place, patch).await?))
}

/// Deletes a role, which takes it from everybody.
#[utoipa::path(delete, path = "/api/v1/communities/{id}/roles/{role}", tag = "communities", params(("id" = CommunityId, Path, description = "The community"), ("role" = CommunityRoleId, Path, description = "The role")), responses((status = 204), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn remove(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path(place): Path<(CommunityId, CommunityRoleId)>,
) -> Result<StatusCode, ApiError> {
    actions::delete(&ctx, &known, me, place).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts the roles in another order; only those below one's own may move.
#[utoipa::path(put, path = "/api/v1/communities/{id}/roles/order", tag = "communities", params(("id" = CommunityId, Path, description = "The community")), request_body = RoleOrder, responses((status = 200, body = Page<CommunityRoleView, CommunityRoleId>), (status = 403, body = Problem)))]
async fn order(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path(id): Path<CommunityId>,
    Json(wanted): Json<RoleOrder>,
) -> Result<Json<Page<CommunityRoleView, CommunityRoleId>>, ApiError> {
    let roles = actions::order(&ctx, &known, me, id, wanted.roles).await?;
    Ok(Json(Page::whole(roles)))
}
