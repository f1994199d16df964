//! `/api/v1/auth/invites`.

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use utoipa_axum::routes;

use super::actions;
use super::wire::{InviteView, Invited, NewInvite};
use crate::auth::caller::Caller;
use crate::auth::routes::uncached;
use crate::base::ids::InviteId;
use crate::base::page::{Page, PageQuery};
use crate::base::privilege::Privilege;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Path, Query};
use crate::platform::http::idempotency::{Creation, IdempotencyKey};
use crate::platform::http::page::{self, Cursors};
use crate::platform::http::routes::Routes;

/// The routes of invitations.
pub(in crate::auth) fn router() -> Routes {
    let inviting = Access::privilege(Privilege::ManageInvites);
    Routes::new()
        .add(inviting, routes!(list, create))
        .add(inviting, routes!(remove))
}

/// Makes an invitation; its code is shown once.
#[utoipa::path(post, path = "/api/v1/auth/invites", tag = "auth", params(IdempotencyKey), request_body = NewInvite, responses((status = 201, body = Invited), (status = 409, body = Problem)))]
pub(super) async fn create(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    caller: Caller,
    request: Creation<NewInvite>,
) -> Result<Response, ApiError> {
    let created = actions::create(&ctx, me, caller, request.body, request.idempotency).await?;
    Ok(uncached(created))
}

/// Invitations, newest first, without their codes.
#[utoipa::path(get, path = "/api/v1/auth/invites", tag = "auth", params(Cursors<InviteId>), responses((status = 200, body = Page<InviteView, InviteId>), (status = 403, body = Problem)))]
pub(super) async fn list(
    State(ctx): State<Ctx>,
    uri: Uri,
    Query(wanted): Query<PageQuery<InviteId>>,
) -> Result<Response, ApiError> {
    let found = actions::list(&ctx, wanted).await?;
    Ok(page::respond(
        &uri,
        ("before", "after"),
        found.map(InviteView::from),
    ))
}

/// Takes an invitation back.
#[utoipa::path(delete, path = "/api/v1/auth/invites/{id}", tag = "auth", params(("id" = InviteId, Path, description = "The invitation")), responses((status = 204)))]
pub(super) async fn remove(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    caller: Caller,
    Path(id): Path<InviteId>,
) -> Result<StatusCode, ApiError> {
    actions::remove(&ctx, me, caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
