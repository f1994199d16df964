//! `/api/v1/auth/totp`.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use utoipa_axum::routes;

use super::actions;
use super::wire::{Confirm, Enrol, Enrolled, Prove, RecoveryCodes, Status};
use crate::auth::Auth;
use crate::auth::caller::Caller;
use crate::auth::routes::uncached;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::Json;
use crate::platform::http::routes::Routes;

/// The routes of the second factor.
pub(in crate::auth) fn router() -> Routes {
    let own = Access::first_party().class(RateClass::Auth);
    Routes::new()
        .add(own, routes!(status, enrol, disable))
        .add(own, routes!(confirm))
        .add(own, routes!(renew_codes))
}

/// Whether signing in asks for a code.
#[utoipa::path(get, path = "/api/v1/auth/totp", tag = "auth", responses((status = 200, body = Status)))]
pub(super) async fn status(
    State(ctx): State<Ctx>,
    me: CurrentUser,
) -> Result<Json<Status>, ApiError> {
    Ok(Json(actions::status(&ctx, me).await?))
}

/// Gives a secret for an authenticator app; nothing is asked for before it is confirmed.
#[utoipa::path(post, path = "/api/v1/auth/totp", tag = "auth", request_body = Enrol, responses((status = 201, body = Enrolled), (status = 409, body = Problem)))]
pub(super) async fn enrol(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    me: CurrentUser,
    caller: Caller,
    Json(request): Json<Enrol>,
) -> Result<Response, ApiError> {
    let enrolled = actions::enrol(&ctx, &auth, me, &caller, request).await?;
    Ok(uncached((StatusCode::CREATED, Json(enrolled))))
}

/// Puts the secret into use by its first code; answers the recovery codes.
#[utoipa::path(post, path = "/api/v1/auth/totp/confirm", tag = "auth", request_body = Confirm, responses((status = 200, body = RecoveryCodes), (status = 409, body = Problem)))]
pub(super) async fn confirm(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    caller: Caller,
    Json(request): Json<Confirm>,
) -> Result<Response, ApiError> {
    let codes = actions::confirm(&ctx, me, caller, request).await?;
    Ok(uncached(Json(codes)))
}

/// Takes the second factor away.
#[utoipa::path(delete, path = "/api/v1/auth/totp", tag = "auth", request_body = Prove, responses((status = 204), (status = 409, body = Problem)))]
pub(super) async fn disable(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    me: CurrentUser,
    caller: Caller,
    Json(request): Json<Prove>,
) -> Result<StatusCode, ApiError> {
    actions::disable(&ctx, &auth, me, &caller, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives new recovery codes in place of all earlier ones.
#[utoipa::path(post, path = "/api/v1/auth/totp/recovery-codes", tag = "auth", request_body = Prove, responses((status = 200, body = RecoveryCodes), (status = 409, body = Problem)))]
pub(super) async fn renew_codes(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    me: CurrentUser,
    caller: Caller,
    Json(request): Json<Prove>,
) -> Result<Response, ApiError> {
    let codes = actions::renew_codes(&ctx, &auth, me, &caller, request).await?;
    Ok(uncached(Json(codes)))
}
