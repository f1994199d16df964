//! `/api/v1/auth`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Router};
use http::header::{CACHE_CONTROL, USER_AGENT};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::Auth;
use super::actions;
use super::model::shown_user_agent;
use super::wire::{Login, RefreshToken, SessionView, SignedIn, Signup};
use crate::base::ids::SessionId;
use crate::base::page::Page;
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::{Json, Path};
use crate::platform::http::idempotency::{Created, Creation};

/// The routes of this feature.
pub fn router(auth: Auth) -> Router<Ctx> {
    Router::new()
        .route("/api/v1/auth/signup", post(sign_up))
        .route("/api/v1/auth/login", post(sign_in))
        .route("/api/v1/auth/refresh", post(refresh))
        .route("/api/v1/auth/logout", post(sign_out))
        .route(
            "/api/v1/auth/sessions",
            get(sessions).delete(end_other_sessions),
        )
        .route("/api/v1/auth/sessions/{id}", delete(end_session))
        .layer(Extension(auth))
}

/// Tokens must not stay in caches (RFC 6749 s5.1).
fn uncached(response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn sign_up(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    headers: HeaderMap,
    request: Creation<Signup>,
) -> Result<Response, ApiError> {
    let agent = shown_user_agent(headers.get(USER_AGENT));
    let created: Created =
        actions::sign_up(&ctx, &auth, request.body, agent, request.idempotency).await?;
    Ok(uncached(created))
}

async fn sign_in(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    headers: HeaderMap,
    request: Creation<Login>,
) -> Result<Response, ApiError> {
    let agent = shown_user_agent(headers.get(USER_AGENT));
    let created = actions::sign_in(&ctx, &auth, request.body, agent, request.idempotency).await?;
    Ok(uncached(created))
}

async fn refresh(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    Json(sent): Json<RefreshToken>,
) -> Result<Response, ApiError> {
    let answer: SignedIn = actions::refresh(&ctx, &auth, sent.refresh_token.expose()).await?;
    Ok(uncached(Json(answer)))
}

async fn sign_out(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    Json(sent): Json<RefreshToken>,
) -> Result<StatusCode, ApiError> {
    actions::sign_out(&ctx, &auth, sent.refresh_token.expose()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn sessions(
    State(ctx): State<Ctx>,
    me: CurrentUser,
) -> Result<Json<Page<SessionView, SessionId>>, ApiError> {
    let live = actions::sessions(&ctx, me.id).await?;
    let shown = live
        .into_iter()
        .map(|session| SessionView::new(session, me.session));
    Ok(Json(Page::whole(shown.collect())))
}

async fn end_other_sessions(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    me: CurrentUser,
) -> Result<StatusCode, ApiError> {
    actions::end_other_sessions(&ctx, &auth, me).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn end_session(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    me: CurrentUser,
    Path(session): Path<SessionId>,
) -> Result<StatusCode, ApiError> {
    actions::end_session(&ctx, &auth, me, session).await?;
    Ok(StatusCode::NO_CONTENT)
}
