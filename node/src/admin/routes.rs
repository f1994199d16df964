//! `/api/v1/admin/…`: limits, blocks, activity, sessions, the audit log.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use federation_core::Timestamp;
use http::{StatusCode, Uri};
use serde::Deserialize;
use std::time::Duration;

use super::actions::{self, Caller};
use super::store;
use super::wire::{BlockView, Chart, NewBlock, SessionCounts, Step};
use crate::base::ids::{AuditId, BlockId, RequestId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::base::privilege::Privilege;
use crate::platform::activity::{Kind, Wanted};
use crate::platform::audit::{self, AuditFilter, Recorded};
use crate::platform::ctx::Ctx;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::address::ClientAddress;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::idempotency::{Created, Creation, IdempotencyKey};
use crate::platform::http::page::{self, Cursors};
use crate::platform::http::routes::Routes;
use crate::platform::limits::settings::RateSettings;
use crate::platform::limits::store as blocks;
use utoipa_axum::routes;

type Asked = (
    Option<Extension<RequestId>>,
    Option<Extension<ClientAddress>>,
);

/// The routes of this feature.
pub fn router() -> Routes {
    let settings = Access::privilege(Privilege::ManageServerSettings);
    let addresses = Access::privilege(Privilege::ManageBlockedIps);
    let stats = Access::privilege(Privilege::ViewServerStats).class(RateClass::Read);
    let audits = Access::privilege(Privilege::ViewAuditLogs).class(RateClass::Read);
    Routes::new()
        .add(settings, routes!(show_limits, set_limits))
        .add(addresses, routes!(list_blocks, block))
        .add(addresses, routes!(unblock))
        .add(stats, routes!(show_activity))
        .add(stats, routes!(count_sessions))
        .add(audits, routes!(audit_log))
}

fn caller(me: &CurrentUser, (request, address): Asked) -> Caller {
    Caller {
        user: me.id,
        request: request.map(|Extension(id)| id),
        address: address.map(|Extension(ClientAddress(address))| address),
    }
}

/// The limits that count now.
#[utoipa::path(get, path = "/api/v1/admin/rate-limits", tag = "admin", responses((status = 200, body = RateSettings)))]
pub(super) async fn show_limits(State(ctx): State<Ctx>) -> Json<RateSettings> {
    Json(RateSettings::clone(&ctx.limits().settings()))
}

/// Sets the limits, without a restart.
#[utoipa::path(put, path = "/api/v1/admin/rate-limits", tag = "admin", request_body = RateSettings, responses((status = 200, body = RateSettings)))]
pub(super) async fn set_limits(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    request: Option<Extension<RequestId>>,
    address: Option<Extension<ClientAddress>>,
    Json(wanted): Json<RateSettings>,
) -> Result<Json<RateSettings>, ApiError> {
    let caller = caller(&me, (request, address));
    let now_set = actions::set_limits(&ctx, caller, wanted).await?;
    Ok(Json(RateSettings::clone(&now_set)))
}

/// Blocked addresses and networks, the newest first.
#[utoipa::path(get, path = "/api/v1/admin/blocked-addresses", tag = "admin", params(Cursors<BlockId>), responses((status = 200, body = Page<BlockView, BlockId>)))]
pub(super) async fn list_blocks(
    State(ctx): State<Ctx>,
    uri: Uri,
    Query(query): Query<PageQuery<BlockId>>,
) -> Result<Response, ApiError> {
    let asked = query.clone();
    let found = ctx.db().read(move |c| blocks::list(c, &asked)).await?;
    let shown = Page::newest_first(found, &query, |block| block.id).map(BlockView::from);
    Ok(page::respond(&uri, ("before", "after"), shown))
}

/// Blocks an address or a network at once.
#[utoipa::path(post, path = "/api/v1/admin/blocked-addresses", tag = "admin", params(IdempotencyKey), request_body = NewBlock, responses((status = 201, body = BlockView), (status = 409, body = Problem)))]
pub(super) async fn block(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    request: Option<Extension<RequestId>>,
    address: Option<Extension<ClientAddress>>,
    new: Creation<NewBlock>,
) -> Result<Created, ApiError> {
    let caller = caller(&me, (request, address));
    actions::block(&ctx, caller, new.body, new.idempotency).await
}

/// Lifts a block.
#[utoipa::path(delete, path = "/api/v1/admin/blocked-addresses/{id}", tag = "admin", params(("id" = BlockId, Path, description = "The block")), responses((status = 204)))]
pub(super) async fn unblock(
    State(ctx): State<Ctx>,
    me: CurrentUser,
    request: Option<Extension<RequestId>>,
    address: Option<Extension<ClientAddress>>,
    Path(id): Path<BlockId>,
) -> Result<StatusCode, ApiError> {
    let caller = caller(&me, (request, address));
    actions::unblock(&ctx, caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChartQuery {
    kind: Kind,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    #[serde(default)]
    by: Step,
    subject: Option<String>,
}

/// How much happened, by the hour or the day.
#[utoipa::path(get, path = "/api/v1/admin/activity", tag = "admin", params(("kind" = Kind, Query, description = "What to count"), ("from" = Option<String>, Query, format = DateTime, description = "The first moment; a day before the last one when not given"), ("to" = Option<String>, Query, format = DateTime, description = "The last moment; now when not given"), ("by" = Option<Step>, Query, description = "The width of a point"), ("subject" = Option<String>, Query, description = "Only of this channel")), responses((status = 200, body = Chart), (status = 422, body = Problem)))]
pub(super) async fn show_activity(
    State(ctx): State<Ctx>,
    Query(query): Query<ChartQuery>,
) -> Result<Json<Chart>, ApiError> {
    let to = query.to.unwrap_or_else(|| ctx.now());
    let from = query
        .from
        .unwrap_or_else(|| to.minus(Duration::from_hours(24)));
    let wanted = Wanted {
        kind: query.kind,
        from,
        to,
        subject: query.subject.map(|text| text.replace('\0', "")),
    };
    Ok(Json(actions::chart(&ctx, wanted, query.by).await?))
}

/// How many sessions there are.
#[utoipa::path(get, path = "/api/v1/admin/sessions", tag = "admin", responses((status = 200, body = SessionCounts)))]
pub(super) async fn count_sessions(
    State(ctx): State<Ctx>,
) -> Result<Json<SessionCounts>, ApiError> {
    let now = ctx.now();
    let counts = ctx
        .db()
        .read(move |c| store::session_counts(c, now))
        .await?;
    Ok(Json(counts))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditQuery {
    actor: Option<UserId>,
    action: Option<String>,
    target: Option<String>,
    before: Option<AuditId>,
    after: Option<AuditId>,
    limit: Option<u32>,
}

/// Who did what, the newest first.
#[utoipa::path(get, path = "/api/v1/admin/audit-log", tag = "admin", params(("actor" = Option<UserId>, Query, description = "Only acts of this member"), ("action" = Option<String>, Query, description = "Only this act, such as role.update"), ("target" = Option<String>, Query, description = "Only what was done to this"), Cursors<AuditId>), responses((status = 200, body = Page<Recorded, AuditId>)))]
pub(super) async fn audit_log(
    State(ctx): State<Ctx>,
    uri: Uri,
    Query(query): Query<AuditQuery>,
) -> Result<Response, ApiError> {
    let text = |text: Option<String>| text.map(|text| text.replace('\0', ""));
    let filter = AuditFilter {
        actor: query.actor,
        action: text(query.action),
        target: text(query.target),
    };
    let wanted = PageQuery {
        before: query.before,
        after: query.after,
        limit: query.limit,
    };
    let found = ctx
        .db()
        .read(move |connection| audit::list(connection, &filter, &wanted))
        .await?;
    Ok(page::respond(&uri, ("before", "after"), found))
}
