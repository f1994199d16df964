//! `/api/v1/communities/{id}/invites`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{StatusCode, Uri};
use utoipa_axum::routes;

use super::actions;
use super::wire::{CommunityInviteView, CommunityInvited, NewCommunityInvite};
use crate::accounts::acting::Acting;
use crate::base::ids::{CommunityId, CommunityInviteId};
use crate::base::page::{Page, PageQuery};
use crate::base::scope::Scope;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::access::Access;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Path, Query};
use crate::platform::http::idempotency::{Created, Creation, IdempotencyKey};
use crate::platform::http::page::{self, Cursors};
use crate::platform::http::routes::Routes;

/// The routes of invitations.
pub(in crate::communities) fn router() -> Routes {
    Routes::new()
        .add(Access::member(Scope::Read), routes!(list))
        .add(Access::member(Scope::Write), routes!(create))
        .add(Access::member(Scope::Write), routes!(remove))
}

/// Makes an invitation; its code is shown once.
#[utoipa::path(post, path = "/api/v1/communities/{id}/invites", tag = "communities", params(IdempotencyKey, ("id" = CommunityId, Path, description = "The community")), request_body = NewCommunityInvite, responses((status = 201, body = CommunityInvited), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn create(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(id): Path<CommunityId>,
    request: Creation<NewCommunityInvite>,
) -> Result<Response, ApiError> {
    let held = ctx.clone();
    let Creation { body, idempotency } = request;
    let created = ctx.db().write(move |connection| {
        let log = EventLog::begin(connection)?;
        idempotency.once(&held, connection, me.id.as_str(), |connection| {
            let view = actions::create(&held, connection, &log, &me, id, &body)?;
            Ok((StatusCode::CREATED, view))
        })
    });
    let created: Created = created.await?;
    Ok(([(CACHE_CONTROL, "no-store")], created).into_response())
}

/// The invitations of a community, newest first; those who may not manage them see their own.
#[utoipa::path(get, path = "/api/v1/communities/{id}/invites", tag = "communities", params(("id" = CommunityId, Path, description = "The community"), Cursors<CommunityInviteId>), responses((status = 200, body = Page<CommunityInviteView, CommunityInviteId>)))]
async fn list(
    State(ctx): State<Ctx>,
    me: Acting,
    uri: Uri,
    Path(id): Path<CommunityId>,
    Query(query): Query<PageQuery<CommunityInviteId>>,
) -> Result<Response, ApiError> {
    let found = actions::list(&ctx, me.id, id, query).await?;
    Ok(page::respond(&uri, ("before", "after"), found))
}

/// Takes an invitation back.
#[utoipa::path(delete, path = "/api/v1/communities/{id}/invites/{invite}", tag = "communities", params(("id" = CommunityId, Path, description = "The community"), ("invite" = CommunityInviteId, Path, description = "The invitation")), responses((status = 204)))]
async fn remove(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(place): Path<(CommunityId, CommunityInviteId)>,
) -> Result<StatusCode, ApiError> {
    actions::remove(&ctx, me, place).await?;
    Ok(StatusCode::NO_CONTENT)
}
