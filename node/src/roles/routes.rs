//! `/api/v1/admin/roles`, `/api/v1/admin/privileges` and the roles of members.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use federation_core::store::sql::Connection;
use http::StatusCode;
use utoipa_axum::routes;

use super::actions;
use super::model::SYSTEM;
use super::wire::{NewRole, PatchRole, PrivilegeView, PutRoles, RoleView, UserRoles};
use crate::accounts::acting::Acting;
use crate::auth::Auth;
use crate::base::ids::UserId;
use crate::base::page::Page;
use crate::base::privilege::Privilege;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path};
use crate::platform::http::idempotency::{Creation, IdempotencyKey};
use crate::platform::http::routes::Routes;

/// The routes of this feature.
pub fn router(auth: Auth) -> Routes {
    let roles = Access::privilege(Privilege::ManageServerPrivileges);
    let reading = roles.class(RateClass::Read);
    Routes::new()
        .add(reading, routes!(privileges))
        .add(reading, routes!(list))
        .add(roles, routes!(create))
        .add(reading, routes!(show))
        .add(roles, routes!(change, delete))
        .add(reading, routes!(of_user))
        .add(roles, routes!(give))
        .with(auth)
}

/// Every privilege that there is.
#[utoipa::path(get, path = "/api/v1/admin/privileges", tag = "roles", responses((status = 200, body = Page<PrivilegeView, String>)))]
pub(super) async fn privileges() -> Json<Page<PrivilegeView, String>> {
    let all = Privilege::ALL.iter();
    let all = all.map(|privilege| PrivilegeView::new(*privilege, &SYSTEM));
    Json(Page::whole(all.collect()))
}

/// All roles, the built-in ones first.
#[utoipa::path(get, path = "/api/v1/admin/roles", tag = "roles", responses((status = 200, body = Page<RoleView, String>)))]
pub(super) async fn list(State(ctx): State<Ctx>) -> Result<Json<Page<RoleView, String>>, ApiError> {
    Ok(Json(Page::whole(actions::list(&ctx).await?)))
}

/// Makes a role; nobody makes one that holds more than they do.
#[utoipa::path(post, path = "/api/v1/admin/roles", tag = "roles", params(IdempotencyKey), request_body = NewRole, responses((status = 201, body = RoleView), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn create(
    State(ctx): State<Ctx>,
    acting: Acting,
    request: Creation<NewRole>,
) -> Result<Response, ApiError> {
    let (held, body, idempotency) = (ctx.clone(), request.body, request.idempotency);
    let effect = move |connection: &mut Connection| {
        let scope = format!("roles/{}", acting.id);
        idempotency.once(&held, connection, &scope, |connection| {
            let role = actions::create(&held, connection, acting, &body)?;
            Ok((StatusCode::CREATED, role))
        })
    };
    let created = ctx.db().write(effect).await?;
    Ok(created.into_response())
}

/// One role, by its id or, of the built-in ones, by its name.
#[utoipa::path(get, path = "/api/v1/admin/roles/{id}", tag = "roles", params(("id" = String, Path, description = "The role")), responses((status = 200, body = RoleView)))]
pub(super) async fn show(
    State(ctx): State<Ctx>,
    Path(id): Path<String>,
) -> Result<Json<RoleView>, ApiError> {
    Ok(Json(actions::show(&ctx, id.parse()?).await?))
}

/// Changes a role; who has it has the new privileges at once.
#[utoipa::path(patch, path = "/api/v1/admin/roles/{id}", tag = "roles", params(("id" = String, Path, description = "The role")), request_body = PatchRole, responses((status = 200, body = RoleView), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn change(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    acting: Acting,
    Path(id): Path<String>,
    Json(patch): Json<PatchRole>,
) -> Result<Json<RoleView>, ApiError> {
    let changed = actions::change(&ctx, &auth, acting, id.parse()?, patch).await?;
    Ok(Json(changed))
}

/// Deletes a role; who had it loses its privileges at once.
#[utoipa::path(delete, path = "/api/v1/admin/roles/{id}", tag = "roles", params(("id" = String, Path, description = "The role")), responses((status = 204), (status = 403, body = Problem)))]
pub(super) async fn delete(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    acting: Acting,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    actions::delete(&ctx, &auth, acting, id.parse()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a member may do, and by which roles.
#[utoipa::path(get, path = "/api/v1/admin/users/{id}/roles", tag = "roles", params(("id" = UserId, Path, description = "The member")), responses((status = 200, body = UserRoles), (status = 403, body = Problem)))]
pub(super) async fn of_user(
    State(ctx): State<Ctx>,
    Path(id): Path<UserId>,
) -> Result<Json<UserRoles>, ApiError> {
    Ok(Json(actions::of_user(&ctx, id).await?))
}

/// Gives a member these roles and no others.
#[utoipa::path(put, path = "/api/v1/admin/users/{id}/roles", tag = "roles", params(("id" = UserId, Path, description = "The member")), request_body = PutRoles, responses((status = 200, body = UserRoles), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn give(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    acting: Acting,
    Path(id): Path<UserId>,
    Json(wanted): Json<PutRoles>,
) -> Result<Json<UserRoles>, ApiError> {
    Ok(Json(actions::give(&ctx, &auth, acting, id, wanted).await?))
}
