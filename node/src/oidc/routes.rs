//! `/api/v1/auth/oidc`.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use utoipa_axum::routes;

use super::wire::{Finish, LinkView, Start, StartLink, Started};
use super::{Oidc, flow, links};
use crate::auth::Auth;
use crate::auth::caller::Caller;
use crate::auth::wire::SignedIn;
use crate::base::ids::ExternalIdentityId;
use crate::base::page::Page;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::routes::Routes;

/// The routes of this feature.
pub fn router(auth: Auth, oidc: Oidc) -> Routes {
    let own = Access::first_party().class(RateClass::Auth);
    let by_issuer = Access::judged("a code of the issuer and the binding of the client");
    Routes::new()
        .add(Access::public().class(RateClass::Auth), routes!(start))
        .add(by_issuer.class(RateClass::Auth), routes!(finish))
        .add(own, routes!(list, start_link))
        .add(own, routes!(finish_link))
        .add(own, routes!(unlink))
        .with(auth)
        .with(oidc)
}

fn uncached(response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    response
}

/// Begins a sign-in by the issuer.
#[utoipa::path(get, path = "/api/v1/auth/oidc/start", tag = "auth", params(("redirect_uri" = String, Query, description = "Where the issuer sends the member back to")), responses((status = 200, body = Started), (status = 404, body = Problem), (status = 503, body = Problem)))]
async fn start(
    Extension(oidc): Extension<Oidc>,
    Query(sent): Query<Start>,
) -> Result<Response, ApiError> {
    let started = flow::start(&oidc, sent.redirect_uri, None).await?;
    Ok(uncached(Json(started)))
}

/// Signs the member in who comes back from the issuer.
#[utoipa::path(post, path = "/api/v1/auth/oidc/finish", tag = "auth", request_body = Finish, responses((status = 200, body = SignedIn), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem)))]
async fn finish(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    Extension(oidc): Extension<Oidc>,
    caller: Caller,
    Json(sent): Json<Finish>,
) -> Result<Response, ApiError> {
    let answer = flow::finish(&ctx, &auth, &oidc, sent, caller).await?;
    Ok(uncached(Json(answer)))
}

/// The people of the issuer that the member is linked to.
#[utoipa::path(get, path = "/api/v1/auth/oidc/links", tag = "auth", responses((status = 200, body = Page<LinkView, ExternalIdentityId>)))]
async fn list(
    State(ctx): State<Ctx>,
    me: CurrentUser,
) -> Result<Json<Page<LinkView, ExternalIdentityId>>, ApiError> {
    let known = links::list(&ctx, me.id).await?;
    let shown = known.into_iter().map(LinkView::from).collect();
    Ok(Json(Page::whole(shown)))
}

/// Begins to link the member to a person of the issuer.
#[utoipa::path(post, path = "/api/v1/auth/oidc/links", tag = "auth", request_body = StartLink, responses((status = 200, body = Started), (status = 404, body = Problem), (status = 503, body = Problem)))]
async fn start_link(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    Extension(oidc): Extension<Oidc>,
    me: CurrentUser,
    caller: Caller,
    Json(sent): Json<StartLink>,
) -> Result<Response, ApiError> {
    let started = links::start(&ctx, &auth, &oidc, (me, &caller), sent).await?;
    Ok(uncached(Json(started)))
}

/// Links the member to the person who comes back from the issuer.
#[utoipa::path(post, path = "/api/v1/auth/oidc/links/finish", tag = "auth", request_body = Finish, responses((status = 204), (status = 400, body = Problem), (status = 401, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem)))]
async fn finish_link(
    State(ctx): State<Ctx>,
    Extension(oidc): Extension<Oidc>,
    me: CurrentUser,
    caller: Caller,
    Json(sent): Json<Finish>,
) -> Result<StatusCode, ApiError> {
    links::finish(&ctx, &oidc, &sent, (me, caller)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a link, and ends all sessions of the member but the one that asks.
#[utoipa::path(delete, path = "/api/v1/auth/oidc/links/{id}", tag = "auth", params(("id" = String, Path, description = "The link")), responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn unlink(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    me: CurrentUser,
    caller: Caller,
    Path(id): Path<ExternalIdentityId>,
) -> Result<StatusCode, ApiError> {
    links::remove(&ctx, &auth, (me, caller), id).await?;
    Ok(StatusCode::NO_CONTENT)
}
