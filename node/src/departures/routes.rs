//! Deleting accounts, and the ledger of deletions.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use utoipa_axum::routes;

use super::actions;
use super::wire::{DeleteMe, DeletionView, Departed};
use crate::accounts::acting::Acting;
use crate::auth::Auth;
use crate::auth::caller::Caller;
use crate::auth::proof::Proven;
use crate::base::ids::{DeletionId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::base::privilege::Privilege;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::page::{self, Cursors};
use crate::platform::http::routes::Routes;

/// The routes of this feature.
pub fn router(auth: Auth) -> Routes {
    let deleting = Access::privilege(Privilege::DeleteUsers);
    let own = Access::first_party().class(RateClass::Auth);
    Routes::new()
        .add(own, routes!(delete_me))
        .add(deleting, routes!(delete_other))
        .add(deleting.class(RateClass::Read), routes!(list))
        .add(deleting.class(RateClass::Read), routes!(show))
        .with(auth)
}

/// Deletes the account of the member who asks, for good.
#[utoipa::path(delete, path = "/api/v1/users/@me", tag = "users", request_body = DeleteMe, responses((status = 202, body = Departed), (status = 401, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn delete_me(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    (acting, caller): (Acting, Caller),
    Json(body): Json<DeleteMe>,
) -> Result<(StatusCode, Json<Departed>), ApiError> {
    let proven = Proven::password(&ctx, &auth, acting.id, &caller, body.password).await?;
    let deletion = actions::delete_own(&ctx, &auth, acting, &proven, body.otp).await?;
    Ok((StatusCode::ACCEPTED, Json(Departed { deletion })))
}

/// Deletes the account of another member, for good.
#[utoipa::path(delete, path = "/api/v1/admin/users/{id}", tag = "users", params(("id" = UserId, Path, description = "The member")), responses((status = 202, body = Departed), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn delete_other(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    acting: Acting,
    Path(id): Path<UserId>,
) -> Result<(StatusCode, Json<Departed>), ApiError> {
    let deletion = actions::delete_other(&ctx, &auth, acting, id).await?;
    Ok((StatusCode::ACCEPTED, Json(Departed { deletion })))
}

/// Accounts that were deleted, and which other nodes took notice; newest first.
#[utoipa::path(get, path = "/api/v1/admin/deletions", tag = "users", params(Cursors<DeletionId>), responses((status = 200, body = Page<DeletionView, DeletionId>)))]
pub(super) async fn list(
    State(ctx): State<Ctx>,
    uri: Uri,
    Query(query): Query<PageQuery<DeletionId>>,
) -> Result<Response, ApiError> {
    let found = actions::list(&ctx, query).await?;
    Ok(page::respond(&uri, ("before", "after"), found))
}

/// One deletion.
#[utoipa::path(get, path = "/api/v1/admin/deletions/{id}", tag = "users", params(("id" = DeletionId, Path, description = "The deletion")), responses((status = 200, body = DeletionView)))]
pub(super) async fn show(
    State(ctx): State<Ctx>,
    Path(id): Path<DeletionId>,
) -> Result<Json<DeletionView>, ApiError> {
    Ok(Json(actions::find(&ctx, id).await?))
}
