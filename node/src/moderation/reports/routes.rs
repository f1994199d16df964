//! `/api/v1/moderation/reports`, `/api/v1/communities/{id}/reports` and `/api/v1/users/@me/reports`.

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use utoipa_axum::routes;

use super::actions;
use super::judging::{self, Court};
use super::wire::{NewReport, OwnReport, PatchReport, ReportQuery, ReportView};
use crate::accounts::acting::Acting;
use crate::base::ids::{CommunityId, ReportId};
use crate::base::page::{Page, PageQuery};
use crate::base::privilege::Privilege;
use crate::base::scope::Scope;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::idempotency::{Created, Creation, IdempotencyKey};
use crate::platform::http::page::{self, Cursors};
use crate::platform::http::routes::Routes;

/// The routes of reports.
pub(in crate::moderation) fn router() -> Routes {
    let (reading, writing) = (Access::member(Scope::Read), Access::member(Scope::Write));
    let judging = Access::privilege(Privilege::ModerateContent);
    Routes::new()
        .add(writing, routes!(create))
        .add(judging.class(RateClass::Read), routes!(list))
        .add(judging.class(RateClass::Read), routes!(show))
        .add(judging, routes!(update))
        .add(reading, routes!(list_of))
        .add(reading, routes!(show_of))
        .add(writing, routes!(update_of))
        .add(reading, routes!(own))
}

/// Reports a message, a person, a community or a channel that the member sees.
#[utoipa::path(post, path = "/api/v1/moderation/reports", tag = "moderation", params(IdempotencyKey), request_body = NewReport, responses((status = 201, body = OwnReport), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn create(
    State(ctx): State<Ctx>,
    me: Acting,
    request: Creation<NewReport>,
) -> Result<Created, ApiError> {
    let Creation { body, idempotency } = request;
    let held = ctx.clone();
    ctx.db()
        .write(move |connection| {
            let _log = EventLog::begin(connection)?;
            idempotency.once(&held, connection, me.id.as_str(), |connection| {
                let view = actions::create(&held, connection, me.id, &body)?;
                Ok((StatusCode::CREATED, view))
            })
        })
        .await
}

/// All reports, newest first, without those of what the one who asks did.
#[utoipa::path(get, path = "/api/v1/moderation/reports", tag = "moderation", params(("state" = Option<String>, Query, pattern = "^(open|assigned|resolved|dismissed)$", description = "Only those that have come this far"), Cursors<ReportId>), responses((status = 200, body = Page<ReportView, ReportId>)))]
async fn list(
    State(ctx): State<Ctx>,
    me: Acting,
    uri: Uri,
    Query(query): Query<ReportQuery>,
) -> Result<Response, ApiError> {
    listed(&ctx, me, None, query, &uri).await
}

async fn listed(
    ctx: &Ctx,
    me: Acting,
    court: Court,
    query: ReportQuery,
    uri: &Uri,
) -> Result<Response, ApiError> {
    let wanted = PageQuery {
        before: query.before,
        after: query.after,
        limit: query.limit,
    };
    let found = judging::list(ctx, me.id, court, (query.state, wanted)).await?;
    Ok(page::respond(uri, ("before", "after"), found))
}

/// One report with the content it holds and what was done about it.
#[utoipa::path(get, path = "/api/v1/moderation/reports/{id}", tag = "moderation", params(("id" = ReportId, Path, description = "The report")), responses((status = 200, body = ReportView)))]
async fn show(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(id): Path<ReportId>,
) -> Result<Json<ReportView>, ApiError> {
    Ok(Json(judging::show(&ctx, me.id, (None, id)).await?))
}

/// Gives a report to somebody, judges it, opens it again, or adds a note.
#[utoipa::path(patch, path = "/api/v1/moderation/reports/{id}", tag = "moderation", params(("id" = ReportId, Path, description = "The report")), request_body = PatchReport, responses((status = 200, body = ReportView), (status = 409, body = Problem)))]
async fn update(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(id): Path<ReportId>,
    Json(patch): Json<PatchReport>,
) -> Result<Json<ReportView>, ApiError> {
    Ok(Json(judging::update(&ctx, me, (None, id), patch).await?))
}

/// The reports of what is in a community, newest first.
#[utoipa::path(get, path = "/api/v1/communities/{id}/reports", tag = "moderation", params(("id" = CommunityId, Path, description = "The community"), ("state" = Option<String>, Query, pattern = "^(open|assigned|resolved|dismissed)$", description = "Only those that have come this far"), Cursors<ReportId>), responses((status = 200, body = Page<ReportView, ReportId>), (status = 403, body = Problem)))]
async fn list_of(
    State(ctx): State<Ctx>,
    me: Acting,
    uri: Uri,
    Path(id): Path<CommunityId>,
    Query(query): Query<ReportQuery>,
) -> Result<Response, ApiError> {
    listed(&ctx, me, Some(id), query, &uri).await
}

/// One report of what is in a community.
#[utoipa::path(get, path = "/api/v1/communities/{id}/reports/{report}", tag = "moderation", params(("id" = CommunityId, Path, description = "The community"), ("report" = ReportId, Path, description = "The report")), responses((status = 200, body = ReportView), (status = 403, body = Problem)))]
async fn show_of(
    State(ctx): State<Ctx>,
    me: Acting,
    Path((id, report)): Path<(CommunityId, ReportId)>,
) -> Result<Json<ReportView>, ApiError> {
    let place = (Some(id), report);
    Ok(Json(judging::show(&ctx, me.id, place).await?))
}

/// Takes a step about a report of what is in a community.
#[utoipa::path(patch, path = "/api/v1/communities/{id}/reports/{report}", tag = "moderation", params(("id" = CommunityId, Path, description = "The community"), ("report" = ReportId, Path, description = "The report")), request_body = PatchReport, responses((status = 200, body = ReportView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn update_of(
    State(ctx): State<Ctx>,
    me: Acting,
    Path((id, report)): Path<(CommunityId, ReportId)>,
    Json(patch): Json<PatchReport>,
) -> Result<Json<ReportView>, ApiError> {
    let place = (Some(id), report);
    Ok(Json(judging::update(&ctx, me, place, patch).await?))
}

/// What the member reported, newest first, and how far it has come.
#[utoipa::path(get, path = "/api/v1/users/@me/reports", tag = "moderation", params(Cursors<ReportId>), responses((status = 200, body = Page<OwnReport, ReportId>)))]
async fn own(
    State(ctx): State<Ctx>,
    me: Acting,
    uri: Uri,
    Query(query): Query<PageQuery<ReportId>>,
) -> Result<Response, ApiError> {
    let found = actions::own(&ctx, me.id, query).await?;
    Ok(page::respond(&uri, ("before", "after"), found))
}
