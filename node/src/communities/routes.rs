//! `/api/v1/communities`.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri};
use utoipa_axum::routes;

use super::actions;
use super::known::Known;
use super::wire::{
    CommunityView, JoinByInvite, ListQuery, Listed, MyCommunity, NewCommunity, PatchCommunity,
};
use super::{bans, emoji, invites, members, roles};
use crate::accounts::acting::Acting;
use crate::base::ids::{AuditId, CommunityId};
use crate::base::page::{Page, PageQuery};
use crate::base::privilege::Privilege;
use crate::base::scope::Scope;
use crate::platform::audit::Recorded;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::access::Access;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::idempotency::{Created, Creation, IdempotencyKey};
use crate::platform::http::page::{self, Cursors};
use crate::platform::http::routes::Routes;

/// The routes of this feature.
pub fn router(known: Known) -> Routes {
    let (reading, writing) = (Access::member(Scope::Read), Access::member(Scope::Write));
    Routes::new()
        .add(reading.visitors(), routes!(list))
        .add(
            Access::privilege(Privilege::CreateCommunities),
            routes!(create),
        )
        .add(writing, routes!(join_by_invite))
        .add(reading.visitors(), routes!(show))
        .add(writing, routes!(update, remove))
        .add(writing, routes!(join))
        .add(reading, routes!(acts))
        .merge(members::router())
        .merge(roles::router())
        .merge(bans::router())
        .merge(invites::router())
        .merge(emoji::router())
        .with(known)
}

/// The communities of the member; with `scope=public` those that anybody may join, newest first.
#[utoipa::path(get, path = "/api/v1/communities", tag = "communities", params(("scope" = Option<String>, Query, pattern = "^(joined|public)$", description = "joined (as when absent) or public"), Cursors<CommunityId>), responses((status = 200, body = Page<CommunityView, CommunityId>)))]
async fn list(
    State(ctx): State<Ctx>,
    me: Acting,
    uri: Uri,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    if query.scope == Some(Listed::Public) {
        let page = PageQuery {
            before: query.before,
            after: query.after,
            limit: query.limit,
        };
        let found = actions::public(&ctx, page).await?;
        return Ok(page::respond(&uri, ("before", "after"), found));
    }
    // One is in so few that they fit in one page.
    let found = actions::joined(&ctx, me.id).await?;
    let page: Page<CommunityView, CommunityId> = Page::whole(found);
    Ok(Json(page).into_response())
}

/// Makes a community, whose owner the member becomes.
#[utoipa::path(post, path = "/api/v1/communities", tag = "communities", params(IdempotencyKey), request_body = NewCommunity, responses((status = 201, body = CommunityView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn create(
    State(ctx): State<Ctx>,
    me: Acting,
    request: Creation<NewCommunity>,
) -> Result<Created, ApiError> {
    let held = ctx.clone();
    let Creation { body, idempotency } = request;
    let created = ctx.db().write(move |connection| {
        let log = EventLog::begin(connection)?;
        idempotency.once(&held, connection, me.id.as_str(), |connection| {
            let view = actions::create(&held, connection, &log, &me, &body)?;
            Ok((StatusCode::CREATED, view))
        })
    });
    created.await
}

/// A community, and how the member stands in it.
#[utoipa::path(get, path = "/api/v1/communities/{id}", tag = "communities", params(("id" = CommunityId, Path, description = "The community")), responses((status = 200, body = MyCommunity)))]
async fn show(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(id): Path<CommunityId>,
) -> Result<Json<MyCommunity>, ApiError> {
    Ok(Json(actions::show(&ctx, me.id, id).await?))
}

/// Changes a community; its owner may hand it over.
#[utoipa::path(patch, path = "/api/v1/communities/{id}", tag = "communities", params(("id" = CommunityId, Path, description = "The community")), request_body = PatchCommunity, responses((status = 200, body = CommunityView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn update(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path(id): Path<CommunityId>,
    Json(patch): Json<PatchCommunity>,
) -> Result<Json<CommunityView>, ApiError> {
    Ok(Json(actions::update(&ctx, &known, me, id, patch).await?))
}

/// Deletes a community with all that is in it; only its owner can.
#[utoipa::path(delete, path = "/api/v1/communities/{id}", tag = "communities", params(("id" = CommunityId, Path, description = "The community")), responses((status = 204), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn remove(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path(id): Path<CommunityId>,
) -> Result<StatusCode, ApiError> {
    actions::delete(&ctx, &known, me, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Joins a community that anybody may join.
#[utoipa::path(post, path = "/api/v1/communities/{id}/join", tag = "communities", params(("id" = CommunityId, Path, description = "The community")), responses((status = 200, body = CommunityView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn join(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path(id): Path<CommunityId>,
) -> Result<Json<CommunityView>, ApiError> {
    Ok(Json(actions::join(&ctx, &known, me, id).await?))
}

/// Joins the community that an invitation is for.
#[utoipa::path(post, path = "/api/v1/communities/join", tag = "communities", request_body = JoinByInvite, responses((status = 200, body = CommunityView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn join_by_invite(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Json(body): Json<JoinByInvite>,
) -> Result<Json<CommunityView>, ApiError> {
    let view = actions::join_by(&ctx, &known, me, body.invite).await?;
    Ok(Json(view))
}

/// What was done in a community with permissions, newest first.
#[utoipa::path(get, path = "/api/v1/communities/{id}/audit-log", tag = "communities", params(("id" = CommunityId, Path, description = "The community"), Cursors<AuditId>), responses((status = 200, body = Page<Recorded, AuditId>), (status = 403, body = Problem)))]
async fn acts(
    State(ctx): State<Ctx>,
    me: Acting,
    uri: Uri,
    Path(id): Path<CommunityId>,
    Query(query): Query<PageQuery<AuditId>>,
) -> Result<Response, ApiError> {
    let found = actions::acts(&ctx, me.id, id, query).await?;
    Ok(page::respond(&uri, ("before", "after"), found))
}
