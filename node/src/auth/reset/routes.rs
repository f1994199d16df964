//! `/api/v1/auth/password` and `/api/v1/auth/email`.

use axum::Extension;
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::routes;

use super::actions;
use super::email;
use super::wire::{ChangePassword, ConfirmEmail, ConfirmReset, EmailView, RequestReset};
use crate::auth::Auth;
use crate::auth::caller::Caller;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::Json;
use crate::platform::http::routes::Routes;

/// The routes of passwords and addresses.
pub(in crate::auth) fn router() -> Routes {
    let own = Access::first_party().class(RateClass::Auth);
    let by_code = Access::judged("a code from a mail in the body").class(RateClass::Auth);
    Routes::new()
        .add(own, routes!(change))
        .add(Access::public().class(RateClass::Auth), routes!(request))
        .add(by_code, routes!(confirm))
        .add(own, routes!(show_email, ask_for_code))
        .add(by_code, routes!(confirm_email))
}

/// Sets another password; all other sessions end.
#[utoipa::path(post, path = "/api/v1/auth/password", tag = "auth", request_body = ChangePassword, responses((status = 204), (status = 409, body = Problem)))]
pub(super) async fn change(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    me: CurrentUser,
    caller: Caller,
    Json(body): Json<ChangePassword>,
) -> Result<StatusCode, ApiError> {
    actions::change(&ctx, &auth, me, &caller, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks for a new password by mail; the answer does not tell who has an account.
#[utoipa::path(post, path = "/api/v1/auth/password/reset", tag = "auth", request_body = RequestReset, responses((status = 202)))]
pub(super) async fn request(
    State(ctx): State<Ctx>,
    caller: Caller,
    Json(body): Json<RequestReset>,
) -> Result<StatusCode, ApiError> {
    actions::request(&ctx, &caller, body).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Sets a new password by a code; all sessions end.
#[utoipa::path(post, path = "/api/v1/auth/password/reset/confirm", tag = "auth", request_body = ConfirmReset, responses((status = 204), (status = 403, body = Problem)))]
pub(super) async fn confirm(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    caller: Caller,
    Json(body): Json<ConfirmReset>,
) -> Result<StatusCode, ApiError> {
    actions::confirm(&ctx, &auth, caller, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The e-mail address of the member, and whether it is proved.
#[utoipa::path(get, path = "/api/v1/auth/email", tag = "auth", responses((status = 200, body = EmailView)))]
pub(super) async fn show_email(
    State(ctx): State<Ctx>,
    me: CurrentUser,
) -> Result<Json<EmailView>, ApiError> {
    Ok(Json(email::show(&ctx, me).await?))
}

/// Sends a code to the address of the member.
#[utoipa::path(post, path = "/api/v1/auth/email", tag = "auth", responses((status = 202), (status = 409, body = Problem)))]
pub(super) async fn ask_for_code(
    State(ctx): State<Ctx>,
    me: CurrentUser,
) -> Result<StatusCode, ApiError> {
    email::ask(&ctx, me).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Proves an address by the code that was sent there.
#[utoipa::path(post, path = "/api/v1/auth/email/confirm", tag = "auth", request_body = ConfirmEmail, responses((status = 204), (status = 403, body = Problem)))]
pub(super) async fn confirm_email(
    State(ctx): State<Ctx>,
    caller: Caller,
    Json(body): Json<ConfirmEmail>,
) -> Result<StatusCode, ApiError> {
    email::confirm(&ctx, caller, body).await?;
    Ok(StatusCode::NO_CONTENT)
}
