//! Policies towards other domains, and `/api/v1/moderation/domain-blocks`.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use utoipa_axum::routes;

use super::actions::{self, take_up};
use super::list;
use super::wire::{FederationMode, Imported, PolicyView, PutPolicy};
use crate::accounts::acting::Acting;
use crate::base::page::{MAX_LIMIT, Page};
use crate::base::privilege::Privilege;
use crate::platform::ctx::Ctx;
use crate::platform::domains::store;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path, Query, too_large};
use crate::platform::http::routes::Routes;

/// The media type of lists (RFC 4180).
const CSV: &str = "text/csv; charset=utf-8";

/// The routes of policies.
pub(in crate::peers) fn router() -> Routes {
    let writing = Access::privilege(Privilege::ManageFederation);
    let reading = writing.class(RateClass::Read);
    Routes::new()
        .add(writing, routes!(put_policy, remove_policy))
        .add(reading, routes!(list_policies))
        .add(reading, routes!(show_mode))
        .add(writing, routes!(set_mode))
        .add(writing, routes!(import))
        .add(reading, routes!(export))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyQuery {
    after: Option<String>,
    limit: Option<u32>,
}

/// The policies by domain.
#[utoipa::path(get, path = "/api/v1/federation/policies", tag = "federation", params(("after" = Option<String>, Query, description = "Only domains after this one"), ("limit" = Option<u32>, Query, description = "Policies at most; never more than 100")), responses((status = 200, body = Page<PolicyView, String>)))]
async fn list_policies(
    State(ctx): State<Ctx>,
    Query(query): Query<PolicyQuery>,
) -> Result<Json<Page<PolicyView, String>>, ApiError> {
    let after = query.after.map(|after| after.replace('\0', ""));
    let limit = query.limit.unwrap_or(MAX_LIMIT).clamp(1, MAX_LIMIT);
    let wanted = i64::from(limit).saturating_add(1);
    let mut found = ctx
        .db()
        .read(move |connection| store::page(connection, after.as_deref(), wanted))
        .await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().map(|policy| policy.domain.clone());
    Ok(Json(Page {
        items: found.iter().map(PolicyView::from).collect(),
        next: last.filter(|_| more),
        prev: None,
    }))
}

/// Sets the policy towards a domain and everything below it, at once.
#[utoipa::path(put, path = "/api/v1/federation/peers/{domain}", tag = "federation", params(("domain" = String, Path, description = "The domain")), request_body = PutPolicy, responses((status = 200, body = PolicyView), (status = 409, body = Problem)))]
async fn put_policy(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(domain): Path<String>,
    Json(new): Json<PutPolicy>,
) -> Result<Json<PolicyView>, ApiError> {
    Ok(Json(actions::put(&ctx, me, &domain, new).await?))
}

/// Drops the policy towards a domain.
#[utoipa::path(delete, path = "/api/v1/federation/peers/{domain}", tag = "federation", params(("domain" = String, Path, description = "The domain")), responses((status = 204)))]
async fn remove_policy(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(domain): Path<String>,
) -> Result<StatusCode, ApiError> {
    actions::remove(&ctx, me, &domain).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What becomes of domains without a policy.
#[utoipa::path(get, path = "/api/v1/federation/mode", tag = "federation", responses((status = 200, body = FederationMode)))]
async fn show_mode(State(ctx): State<Ctx>) -> Result<Json<FederationMode>, ApiError> {
    let (mode, _) = ctx.db().read(store::settings).await?;
    Ok(Json(FederationMode { mode }))
}

/// Lets in everybody but those who are blocked, or nobody but those who are let in by name.
#[utoipa::path(put, path = "/api/v1/federation/mode", tag = "federation", request_body = FederationMode, responses((status = 200, body = FederationMode)))]
async fn set_mode(
    State(ctx): State<Ctx>,
    me: Acting,
    Json(wanted): Json<FederationMode>,
) -> Result<Json<FederationMode>, ApiError> {
    actions::set_mode(&ctx, me, wanted.mode).await?;
    Ok(Json(wanted))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportQuery {
    #[serde(default)]
    dry_run: bool,
}

/// Takes in a list of domains as Mastodon exports it, or says what it would change and affect.
#[utoipa::path(post, path = "/api/v1/moderation/domain-blocks/import", tag = "moderation", params(("dry_run" = Option<bool>, Query, description = "Whether to change nothing")), request_body(content = String, content_type = "text/csv", description = "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate"), responses((status = 200, body = Imported), (status = 409, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem)))]
async fn import(
    State(ctx): State<Ctx>,
    me: Acting,
    Query(query): Query<ImportQuery>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Imported>, ApiError> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => ApiError::bad_request("unreadable_body", "The body could not be read."),
    })?;
    let lines = list::parse(&body)?;
    let own = ctx.origin().url().host_str().unwrap_or_default().to_owned();
    let entry = (!query.dry_run).then(|| me.entry("domain.import"));
    let imported = actions::import(ctx.db(), (own, ctx.now()), lines, entry).await?;
    if !imported.dry_run {
        take_up(&ctx).await?;
    }
    Ok(Json(imported))
}

/// The policies as a list that other servers read.
#[utoipa::path(get, path = "/api/v1/moderation/domain-blocks.csv", tag = "moderation", responses((status = 200, body = String, content_type = "text/csv")))]
async fn export(State(ctx): State<Ctx>) -> Result<Response, ApiError> {
    let policies = actions::listed(ctx.db()).await?;
    Ok(([(CONTENT_TYPE, CSV)], list::write(&policies)).into_response())
}
