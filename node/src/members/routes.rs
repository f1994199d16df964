//! `/api/v1/admin/users`.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use federation_core::handshake::Sessions;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode, Uri};
use serde::Deserialize;
use utoipa_axum::routes;

use super::actions;
use super::store::{Filter, Standing};
use super::wire::{Code, Ended, MemberView, NewMember, Opened, Suspension};
use crate::accounts::acting::Acting;
use crate::accounts::model::ProfileChange;
use crate::accounts::online::Online;
use crate::accounts::profile::Change;
use crate::accounts::wire::PatchMe;
use crate::auth::Auth;
use crate::base::ids::UserId;
use crate::base::page::{Page, PageQuery};
use crate::base::privilege::Privilege;
use crate::base::role::Role;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::page::{self, Cursors};
use crate::platform::http::routes::Routes;

/// The routes of this feature; `sessions` are those that other nodes have here.
pub fn router(auth: Auth, sessions: Sessions) -> Routes {
    let banning = Access::privilege(Privilege::BanUsers);
    let resetting = Access::privilege(Privilege::ResetUserTokens);
    Routes::new()
        .add(banning.class(RateClass::Read), routes!(list))
        .add(Access::privilege(Privilege::CreateUsers), routes!(open))
        .add(banning.class(RateClass::Read), routes!(show))
        .add(Access::privilege(Privilege::EditUsers), routes!(edit))
        .add(banning, routes!(suspend))
        .add(banning, routes!(unsuspend))
        .add(resetting, routes!(reset_sessions))
        .add(resetting, routes!(reset_password))
        .with(auth)
        .with(sessions)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    q: Option<String>,
    role: Option<Role>,
    state: Option<Standing>,
    local: Option<bool>,
    before: Option<UserId>,
    after: Option<UserId>,
    limit: Option<u32>,
}

fn shown(ctx: &Ctx, me: CurrentUser, user: &crate::accounts::model::User) -> MemberView {
    let with_email = me.privileges.contains(Privilege::EditUsers);
    MemberView::new(user, with_email, ctx.origin())
}

/// Everybody this node knows, newest first.
#[utoipa::path(get, path = "/api/v1/admin/users", tag = "users", params(("q" = Option<String>, Query, description = "The start of a handle"), ("role" = Option<Role>, Query, description = "The role"), ("state" = Option<Standing>, Query, description = "Where they stand"), ("local" = Option<bool>, Query, description = "Of this node, or of others"), Cursors<UserId>), responses((status = 200, body = Page<MemberView, UserId>)))]
pub(super) async fn list(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    uri: Uri,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    let filter = Filter {
        start: query.q,
        role: query.role,
        state: query.state,
        local: query.local,
    };
    let wanted = PageQuery {
        before: query.before,
        after: query.after,
        limit: query.limit,
    };
    let found = actions::list(&ctx, filter, wanted).await?;
    let found = found.map(|user| shown(&ctx, me, &user));
    Ok(page::respond(&uri, ("before", "after"), found))
}

/// One person, even when gone.
#[utoipa::path(get, path = "/api/v1/admin/users/{id}", tag = "users", params(("id" = UserId, Path, description = "The person")), responses((status = 200, body = MemberView)))]
pub(super) async fn show(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    Path(id): Path<UserId>,
) -> Result<Json<MemberView>, ApiError> {
    let user = actions::find(&ctx, id).await?;
    Ok(Json(shown(&ctx, me, &user)))
}

/// Opens an account for somebody else, whatever the registration mode.
#[utoipa::path(post, path = "/api/v1/admin/users", tag = "users", request_body = NewMember, responses((status = 201, body = Opened), (status = 409, body = Problem)))]
pub(super) async fn open(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    acting: Acting,
    Json(new): Json<NewMember>,
) -> Result<Response, ApiError> {
    let (user, password) = actions::open(&ctx, &auth, acting, new).await?;
    let user = MemberView::new(&user, true, ctx.origin());
    Ok(uncached((
        StatusCode::CREATED,
        Json(Opened { user, password }),
    )))
}

/// Secrets must not stay in caches.
fn uncached(response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Changes what an account of this node says about its member.
#[utoipa::path(patch, path = "/api/v1/admin/users/{id}", tag = "users", params(("id" = UserId, Path, description = "The member")), request_body = PatchMe, responses((status = 200, body = MemberView), (status = 403, body = Problem)))]
pub(super) async fn edit(
    State(ctx): State<Ctx>,
    Extension(online): Extension<Online>,
    me: CurrentUser,
    acting: Acting,
    Path(id): Path<UserId>,
    Json(patch): Json<PatchMe>,
) -> Result<Json<MemberView>, ApiError> {
    let change = ProfileChange::from(patch);
    // The address leads to a new password, so no application changes it.
    if change.email != Change::Keep {
        me.first_party()?;
    }
    let held = ctx.clone();
    let changes = async move { actions::edit(&held, acting, id, change).await };
    let user = online.change(&ctx, id, changes).await?;
    Ok(Json(MemberView::new(&user, true, ctx.origin())))
}

/// Suspends a person: they may not act here, and all that they have open ends at once.
#[utoipa::path(post, path = "/api/v1/admin/users/{id}/suspend", tag = "users", params(("id" = UserId, Path, description = "The person")), request_body = Suspension, responses((status = 200, body = MemberView), (status = 409, body = Problem)))]
pub(super) async fn suspend(
    State(ctx): State<Ctx>,
    (Extension(auth), Extension(sessions)): (Extension<Auth>, Extension<Sessions>),
    (me, acting): (CurrentUser, Acting),
    Path(id): Path<UserId>,
    Json(body): Json<Suspension>,
) -> Result<Json<MemberView>, ApiError> {
    let user = actions::suspend(&ctx, (&auth, &sessions), acting, id, body.reason).await?;
    Ok(Json(shown(&ctx, me, &user)))
}

/// Lets a suspended person act again.
#[utoipa::path(post, path = "/api/v1/admin/users/{id}/unsuspend", tag = "users", params(("id" = UserId, Path, description = "The person")), responses((status = 200, body = MemberView)))]
pub(super) async fn unsuspend(
    State(ctx): State<Ctx>,
    (me, acting): (CurrentUser, Acting),
    Path(id): Path<UserId>,
) -> Result<Json<MemberView>, ApiError> {
    let user = actions::unsuspend(&ctx, acting, id).await?;
    Ok(Json(shown(&ctx, me, &user)))
}

/// Ends every sign-in of a member at once.
#[utoipa::path(post, path = "/api/v1/admin/users/{id}/reset-sessions", tag = "users", params(("id" = UserId, Path, description = "The member")), responses((status = 200, body = Ended), (status = 403, body = Problem)))]
pub(super) async fn reset_sessions(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    acting: Acting,
    Path(id): Path<UserId>,
) -> Result<Json<Ended>, ApiError> {
    let ended = actions::reset_sessions(&ctx, &auth, acting, id).await?;
    Ok(Json(Ended { ended }))
}

/// Makes a code by which a member sets a new password (`POST /api/v1/auth/password/reset/confirm`);
/// hand it over in person. Every sign-in of the member ends.
#[utoipa::path(post, path = "/api/v1/admin/users/{id}/reset-password", tag = "users", params(("id" = UserId, Path, description = "The member")), responses((status = 200, body = Code), (status = 403, body = Problem)))]
pub(super) async fn reset_password(
    State(ctx): State<Ctx>,
    Extension(auth): Extension<Auth>,
    me: CurrentUser,
    acting: Acting,
    Path(id): Path<UserId>,
) -> Result<Response, ApiError> {
    // The code is a way into an account: no application and no token gets hold of one.
    me.first_party()?;
    let code = actions::reset_password(&ctx, &auth, acting, id).await?;
    let token = code.expose().to_owned();
    Ok(uncached(Json(Code { token })))
}
