//! `/api/v1/auth/tokens`.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use utoipa_axum::routes;

use super::actions;
use super::wire::{MadeToken, NewToken, TokenView};
use crate::auth::Auth;
use crate::auth::caller::Caller;
use crate::auth::sessions::end_one;
use crate::base::ids::{PersonalTokenId, SessionId};
use crate::base::page::Page;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path};
use crate::platform::http::idempotency::{Creation, IdempotencyKey};
use crate::platform::http::routes::Routes;

/// The routes of this feature.
pub fn router(auth: Auth) -> Routes {
    Routes::new()
        .add(Access::first_party(), routes!(make, list))
        .add(Access::first_party(), routes!(end))
        .with(auth)
}

/// Makes a personal access token, for a bot; it is shown this once.
#[utoipa::path(post, path = "/api/v1/auth/tokens", tag = "auth", params(IdempotencyKey), request_body = NewToken, responses((status = 201, body = MadeToken), (status = 409, body = Problem)))]
async fn make(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    request: Creation<NewToken>,
) -> Result<Response, ApiError> {
    let made = actions::make(&ctx, me, request.body, request.idempotency).await?;
    let mut response = made.into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The personal access tokens of the member, without their secrets.
#[utoipa::path(get, path = "/api/v1/auth/tokens", tag = "auth", responses((status = 200, body = Page<TokenView, PersonalTokenId>)))]
async fn list(
    State(ctx): State<Ctx>,
    me: CurrentUser,
) -> Result<Json<Page<TokenView, PersonalTokenId>>, ApiError> {
    Ok(Json(Page::whole(actions::list(&ctx, me).await?)))
}

/// Ends a personal access token at once.
#[utoipa::path(delete, path = "/api/v1/auth/tokens/{id}", tag = "auth", params(("id" = PersonalTokenId, Path, description = "The token")), responses((status = 204)))]
async fn end(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    me: CurrentUser,
    caller: Caller,
    Path(token): Path<PersonalTokenId>,
) -> Result<StatusCode, ApiError> {
    // A token has the id of its session.
    let session: SessionId = token.as_str().parse().map_err(ApiError::internal)?;
    end_one(&ctx, &auth, me, session, caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
