//! `/api/v1/auth`.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};

use super::Auth;
use super::actions;
use super::caller::Caller;
use super::invites;
use super::passkeys;
use super::reset;
use super::rotation;
use super::sessions;
use super::token::KeySet;
use super::totp;
use super::wire::{DeviceChange, Login, RefreshToken, SessionView, SignedIn, Signup};
use crate::base::ids::SessionId;
use crate::base::page::Page;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path};
use crate::platform::http::idempotency::{Created, Creation, IdempotencyKey};
use crate::platform::http::routes::Routes;
use utoipa_axum::routes;

/// The routes of this feature.
pub fn router(auth: Auth) -> Routes {
    let by_token = Access::judged("a refresh token in the body").class(RateClass::Auth);
    Routes::new()
        .add(Access::public().class(RateClass::Auth), routes!(sign_up))
        .add(Access::public().class(RateClass::Auth), routes!(sign_in))
        .add(by_token, routes!(refresh))
        .add(by_token, routes!(sign_out))
        .add(
            Access::first_party(),
            routes!(list_sessions, end_other_sessions),
        )
        .add(Access::first_party(), routes!(end_session, name_device))
        .add(Access::first_party(), routes!(end_all_sessions))
        .add(Access::public(), routes!(key_set))
        .merge(totp::routes::router())
        .merge(reset::router())
        .merge(passkeys::router())
        .merge(invites::router())
        .with(auth)
}

/// How long others may remember the key set: new keys are listed for longer before they sign.
const KEY_SET_CACHED: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// Tokens must not stay in caches (RFC 6749 s5.1).
pub(super) fn uncached(response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Opens an account and signs its member in.
#[utoipa::path(post, path = "/api/v1/auth/signup", tag = "auth", params(IdempotencyKey), request_body = Signup, responses((status = 201, body = SignedIn), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn sign_up(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    caller: Caller,
    request: Creation<Signup>,
) -> Result<Response, ApiError> {
    let created: Created =
        actions::sign_up(&ctx, &auth, request.body, caller, request.idempotency).await?;
    Ok(uncached(created))
}

/// Signs a member in.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "auth", params(IdempotencyKey), request_body = Login, responses((status = 200, body = SignedIn), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(super) async fn sign_in(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    caller: Caller,
    request: Creation<Login>,
) -> Result<Response, ApiError> {
    let created = actions::sign_in(&ctx, &auth, request.body, caller, request.idempotency).await?;
    Ok(uncached(created))
}

/// Gives the next pair of tokens; the one sent is used up.
#[utoipa::path(post, path = "/api/v1/auth/refresh", tag = "auth", request_body = RefreshToken, responses((status = 200, body = SignedIn), (status = 401, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn refresh(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    caller: Caller,
    Json(sent): Json<RefreshToken>,
) -> Result<Response, ApiError> {
    let sent = sent.refresh_token.expose();
    let answer: SignedIn = rotation::refresh(&ctx, &auth, sent, caller).await?;
    Ok(uncached(Json(answer)))
}

/// Ends the session of a refresh token.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "auth", request_body = RefreshToken, responses((status = 204)))]
pub(super) async fn sign_out(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    Json(sent): Json<RefreshToken>,
) -> Result<StatusCode, ApiError> {
    actions::sign_out(&ctx, &auth, sent.refresh_token.expose()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The sign-ins of the member that live.
#[utoipa::path(get, path = "/api/v1/auth/sessions", tag = "auth", responses((status = 200, body = Page<SessionView, SessionId>)))]
pub(super) async fn list_sessions(
    State(ctx): State<Ctx>,
    me: CurrentUser,
) -> Result<Json<Page<SessionView, SessionId>>, ApiError> {
    let live = sessions::list(&ctx, me.id).await?;
    let shown = live
        .into_iter()
        .map(|session| SessionView::new(session, me.session));
    Ok(Json(Page::whole(shown.collect())))
}

/// Ends all sign-ins but this one.
#[utoipa::path(delete, path = "/api/v1/auth/sessions", tag = "auth", responses((status = 204)))]
pub(super) async fn end_other_sessions(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    me: CurrentUser,
    caller: Caller,
) -> Result<StatusCode, ApiError> {
    sessions::end_others(&ctx, &auth, me, caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends one sign-in.
#[utoipa::path(delete, path = "/api/v1/auth/sessions/{id}", tag = "auth", params(("id" = SessionId, Path, description = "The sign-in")), responses((status = 204)))]
pub(super) async fn end_session(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    me: CurrentUser,
    Path(session): Path<SessionId>,
    caller: Caller,
) -> Result<StatusCode, ApiError> {
    sessions::end_one(&ctx, &auth, me, session, caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all sign-ins, this one too.
#[utoipa::path(post, path = "/api/v1/auth/logout-everywhere", tag = "auth", responses((status = 204)))]
pub(super) async fn end_all_sessions(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    me: CurrentUser,
    caller: Caller,
) -> Result<StatusCode, ApiError> {
    sessions::end_all(&ctx, &auth, me, caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives the device of a sign-in a name, or takes it away.
#[utoipa::path(patch, path = "/api/v1/auth/sessions/{id}", tag = "auth", params(("id" = SessionId, Path, description = "The sign-in")), request_body = DeviceChange, responses((status = 200, body = SessionView)))]
pub(super) async fn name_device(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    Path(session): Path<SessionId>,
    Json(change): Json<DeviceChange>,
) -> Result<Json<SessionView>, ApiError> {
    let named = sessions::name_device(&ctx, me, session, change.name).await?;
    Ok(Json(SessionView::new(named, me.session)))
}

/// The keys that access tokens are checked with (RFC 7517 s5).
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "auth", responses((status = 200, body = KeySet, content_type = "application/jwk-set+json")))]
pub(super) async fn key_set(Extension(auth): Extension<Auth>) -> Response {
    let media = HeaderValue::from_static("application/jwk-set+json");
    let mut response = Json(auth.tokens.key_set()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, media);
    headers.insert(CACHE_CONTROL, KEY_SET_CACHED);
    response
}
