//! `/api/v1/users`.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::Uri;
use serde::Deserialize;

use super::actions;
use super::model::ProfileChange;
use super::online::Online;
use super::profile::Change;
use super::wire::{MeView, PatchMe, UserView};
use crate::base::ids::UserId;
use crate::base::page::{Page, PageQuery};
use crate::base::scope::Scope;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::page::{self, Cursors};
use crate::platform::http::routes::Routes;
use utoipa_axum::routes;

/// The routes of this feature.
pub fn router() -> Routes {
    Routes::new()
        .add(Access::member(Scope::Read), routes!(search))
        .add(Access::member(Scope::Read), routes!(show_me))
        .add(Access::member(Scope::Write), routes!(change_me))
        .add(Access::member(Scope::Read).visitors(), routes!(show))
}

/// The member who asks.
#[utoipa::path(get, path = "/api/v1/users/@me", tag = "users", responses((status = 200, body = MeView)))]
pub(super) async fn show_me(
    State(ctx): State<Ctx>,
    me: CurrentUser,
) -> Result<Json<MeView>, ApiError> {
    let user = actions::find(&ctx, me.id).await?;
    Ok(Json(MeView::new(&user, ctx.origin())))
}

/// Changes what members say about themselves; what is absent stays.
#[utoipa::path(patch, path = "/api/v1/users/@me", tag = "users", request_body = PatchMe, responses((status = 200, body = MeView)))]
pub(super) async fn change_me(
    State(ctx): State<Ctx>,
    Extension(online): Extension<Online>,
    me: CurrentUser,
    Json(patch): Json<PatchMe>,
) -> Result<Json<MeView>, ApiError> {
    let change = ProfileChange::from(patch);
    // The address leads to a new password, so no application changes it.
    if change.email != Change::Keep {
        me.first_party()?;
    }
    let is_shown_with_presence = !change.profile.status.is_keep();
    let held = ctx.clone();
    let changes = async move { actions::change_profile(&held, me.id, change).await };
    let user = if is_shown_with_presence {
        online.change(&ctx, me.id, changes).await?
    } else {
        changes.await?
    };
    Ok(Json(MeView::new(&user, ctx.origin())))
}

/// A person of this node, or one known from another.
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "users", params(("id" = UserId, Path, description = "The person")), responses((status = 200, body = UserView)))]
pub(super) async fn show(
    State(ctx): State<Ctx>,
    Extension(online): Extension<Online>,
    me: CurrentUser,
    Path(id): Path<UserId>,
) -> Result<Json<UserView>, ApiError> {
    let (user, presence) = actions::find_for(&ctx, &online, me.id, id).await?;
    let view = UserView::new(&user, ctx.origin());
    Ok(Json(match presence {
        Some(presence) => view.with_presence(presence),
        None => view,
    }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchQuery {
    q: String,
    before: Option<UserId>,
    after: Option<UserId>,
    limit: Option<u32>,
}

/// People whose handle or name starts like this.
#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(("q" = String, Query, description = "The start of a handle or name"), Cursors<UserId>), responses((status = 200, body = Page<UserView, UserId>)))]
pub(super) async fn search(
    State(ctx): State<Ctx>,
    _me: CurrentUser,
    uri: Uri,
    Query(query): Query<SearchQuery>,
) -> Result<Response, ApiError> {
    let wanted = PageQuery {
        before: query.before,
        after: query.after,
        limit: query.limit,
    };
    let found = actions::search(&ctx, query.q, wanted).await?;
    let shown = found.map(|user| UserView::new(&user, ctx.origin()));
    Ok(page::respond(&uri, ("after", "before"), shown))
}
