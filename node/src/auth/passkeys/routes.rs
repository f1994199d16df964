//! `/api/v1/auth/passkeys`.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use utoipa_axum::routes;

use super::actions;
use super::wire::{Answer, AskToRegister, Challenged, PasskeyView, Register, Rename};
use crate::auth::Auth;
use crate::auth::caller::Caller;
use crate::auth::routes::uncached;
use crate::auth::wire::SignedIn;
use crate::base::ids::PasskeyId;
use crate::base::page::Page;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path};
use crate::platform::http::routes::Routes;

/// The routes of passkeys.
pub(in crate::auth) fn router() -> Routes {
    let own = Access::first_party().class(RateClass::Auth);
    let anybody = Access::public().class(RateClass::Auth);
    Routes::new()
        .add(own, routes!(list, register))
        .add(own, routes!(ask_to_register))
        .add(own, routes!(rename, remove))
        .add(anybody, routes!(challenge))
        .add(anybody, routes!(sign_in))
}

/// The passkeys of the member.
#[utoipa::path(get, path = "/api/v1/auth/passkeys", tag = "auth", responses((status = 200, body = Page<PasskeyView, PasskeyId>)))]
pub(super) async fn list(
    State(ctx): State<Ctx>,
    me: CurrentUser,
) -> Result<Json<Page<PasskeyView, PasskeyId>>, ApiError> {
    let known = actions::list(&ctx, me).await?;
    let shown = known.into_iter().map(PasskeyView::from);
    Ok(Json(Page::whole(shown.collect())))
}

/// Begins to make a passkey.
#[utoipa::path(post, path = "/api/v1/auth/passkeys/options", tag = "auth", request_body = AskToRegister, responses((status = 200, body = Challenged), (status = 501, body = Problem)))]
pub(super) async fn ask_to_register(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    me: CurrentUser,
    caller: Caller,
    Json(body): Json<AskToRegister>,
) -> Result<Response, ApiError> {
    let challenged = actions::ask_to_register(&ctx, &auth, me, &caller, body).await?;
    Ok(uncached(Json(challenged)))
}

/// Makes a passkey out of the answer of the browser.
#[utoipa::path(post, path = "/api/v1/auth/passkeys", tag = "auth", request_body = Register, responses((status = 201, body = PasskeyView), (status = 409, body = Problem), (status = 501, body = Problem)))]
pub(super) async fn register(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    me: CurrentUser,
    caller: Caller,
    Json(body): Json<Register>,
) -> Result<(StatusCode, Json<PasskeyView>), ApiError> {
    let known = actions::register(&ctx, &auth, me, caller, body).await?;
    Ok((StatusCode::CREATED, Json(known.into())))
}

/// Names a passkey anew.
#[utoipa::path(patch, path = "/api/v1/auth/passkeys/{id}", tag = "auth", params(("id" = PasskeyId, Path, description = "The passkey")), request_body = Rename, responses((status = 200, body = PasskeyView)))]
pub(super) async fn rename(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    Path(id): Path<PasskeyId>,
    Json(body): Json<Rename>,
) -> Result<Json<PasskeyView>, ApiError> {
    let known = actions::rename(&ctx, me, id, &body.name).await?;
    Ok(Json(known.into()))
}

/// Takes a passkey away.
#[utoipa::path(delete, path = "/api/v1/auth/passkeys/{id}", tag = "auth", params(("id" = PasskeyId, Path, description = "The passkey")), responses((status = 204)))]
pub(super) async fn remove(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    caller: Caller,
    Path(id): Path<PasskeyId>,
) -> Result<StatusCode, ApiError> {
    actions::remove(&ctx, me, caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begins a sign-in by passkey.
#[utoipa::path(post, path = "/api/v1/auth/passkeys/challenge", tag = "auth", responses((status = 200, body = Challenged), (status = 501, body = Problem)))]
pub(super) async fn challenge(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
) -> Result<Response, ApiError> {
    Ok(uncached(Json(actions::challenge(&ctx, &auth)?)))
}

/// Signs in by a passkey.
#[utoipa::path(post, path = "/api/v1/auth/passkeys/login", tag = "auth", request_body = Answer, responses((status = 200, body = SignedIn), (status = 401, body = Problem), (status = 403, body = Problem), (status = 501, body = Problem)))]
pub(super) async fn sign_in(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    caller: Caller,
    Json(body): Json<Answer>,
) -> Result<Response, ApiError> {
    let answer = actions::sign_in(&ctx, &auth, caller, body).await?;
    Ok(uncached(Json(answer)))
}
