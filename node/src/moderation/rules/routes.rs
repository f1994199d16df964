//! `/api/v1/moderation/rules` and `/api/v1/communities/{id}/rules`.

use axum::Extension;
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::routes;

use super::actions;
use super::dry_run::{Trials, try_rule};
use super::model::Scope;
use super::wire::{DryRun, NewRule, PatchRule, RuleView, Tried};
use crate::accounts::acting::Acting;
use crate::base::ids::{CommunityId, RuleId};
use crate::base::page::Page;
use crate::base::privilege::Privilege;
use crate::base::scope;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path};
use crate::platform::http::idempotency::{Created, Creation, Idempotency, IdempotencyKey};
use crate::platform::http::routes::Routes;

/// The rules of the node.
const NODE: Scope = Scope(None);

/// The routes of rules.
pub(in crate::moderation) fn router() -> Routes {
    let judging = Access::privilege(Privilege::ModerateContent);
    let ruling = Access::privilege(Privilege::ManageServerSettings);
    let writing = Access::member(scope::Scope::Write);
    Routes::new()
        .add(judging.class(RateClass::Read), routes!(list))
        .add(ruling, routes!(create))
        .add(judging, routes!(dry_run))
        .add(ruling, routes!(update, remove))
        .add(Access::member(scope::Scope::Read), routes!(list_of))
        .add(writing, routes!(create_in))
        .add(writing, routes!(dry_run_in))
        .add(writing, routes!(update_in, remove_from))
        .with(Trials::default())
}

/// The rules of the node, oldest first.
#[utoipa::path(get, path = "/api/v1/moderation/rules", tag = "moderation", responses((status = 200, body = Page<RuleView, RuleId>)))]
async fn list(
    State(ctx): State<Ctx>,
    me: Acting,
) -> Result<Json<Page<RuleView, RuleId>>, ApiError> {
    let rules = actions::list(&ctx, me.id, NODE).await?;
    Ok(Json(Page::whole(rules)))
}

/// Makes a rule for the whole node.
#[utoipa::path(post, path = "/api/v1/moderation/rules", tag = "moderation", params(IdempotencyKey), request_body = NewRule, responses((status = 201, body = RuleView), (status = 409, body = Problem)))]
async fn create(
    State(ctx): State<Ctx>,
    me: Acting,
    request: Creation<NewRule>,
) -> Result<Created, ApiError> {
    let Creation { body, idempotency } = request;
    created(&ctx, me, NODE, body, idempotency).await
}

async fn created(
    ctx: &Ctx,
    me: Acting,
    scope: Scope,
    new: NewRule,
    idempotency: Idempotency,
) -> Result<Created, ApiError> {
    let held = ctx.clone();
    ctx.db()
        .write(move |connection| {
            let _log = EventLog::begin(connection)?;
            idempotency.once(&held, connection, me.id.as_str(), |connection| {
                let view = actions::create(&held, connection, &me, scope, &new)?;
                Ok((StatusCode::CREATED, view))
            })
        })
        .await
}

/// Says which of the newest messages of a channel a rule of the node would have found.
#[utoipa::path(post, path = "/api/v1/moderation/rules/dry-run", tag = "moderation", request_body = DryRun, responses((status = 200, body = Tried), (status = 404, body = Problem)))]
async fn dry_run(
    State(ctx): State<Ctx>,
    Extension(trials): Extension<Trials>,
    me: Acting,
    Json(asked): Json<DryRun>,
) -> Result<Json<Tried>, ApiError> {
    Ok(Json(try_rule(&ctx, &trials, me.id, NODE, asked).await?))
}

/// Changes a rule of the node.
#[utoipa::path(patch, path = "/api/v1/moderation/rules/{rule}", tag = "moderation", params(("rule" = RuleId, Path, description = "The rule")), request_body = PatchRule, responses((status = 200, body = RuleView)))]
async fn update(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(rule): Path<RuleId>,
    Json(patch): Json<PatchRule>,
) -> Result<Json<RuleView>, ApiError> {
    Ok(Json(actions::update(&ctx, me, (NODE, rule), patch).await?))
}

/// Deletes a rule of the node.
#[utoipa::path(delete, path = "/api/v1/moderation/rules/{rule}", tag = "moderation", params(("rule" = RuleId, Path, description = "The rule")), responses((status = 204)))]
async fn remove(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(rule): Path<RuleId>,
) -> Result<StatusCode, ApiError> {
    actions::delete(&ctx, me, (NODE, rule)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The rules of a community, oldest first.
#[utoipa::path(get, path = "/api/v1/communities/{id}/rules", tag = "moderation", params(("id" = CommunityId, Path, description = "The community")), responses((status = 200, body = Page<RuleView, RuleId>), (status = 403, body = Problem)))]
async fn list_of(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(id): Path<CommunityId>,
) -> Result<Json<Page<RuleView, RuleId>>, ApiError> {
    let rules = actions::list(&ctx, me.id, Scope(Some(id))).await?;
    Ok(Json(Page::whole(rules)))
}

/// Makes a rule for a community.
#[utoipa::path(post, path = "/api/v1/communities/{id}/rules", tag = "moderation", params(IdempotencyKey, ("id" = CommunityId, Path, description = "The community")), request_body = NewRule, responses((status = 201, body = RuleView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn create_in(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(id): Path<CommunityId>,
    request: Creation<NewRule>,
) -> Result<Created, ApiError> {
    let Creation { body, idempotency } = request;
    created(&ctx, me, Scope(Some(id)), body, idempotency).await
}

/// Says which of the newest messages of a channel a rule of its community would have found.
#[utoipa::path(post, path = "/api/v1/communities/{id}/rules/dry-run", tag = "moderation", params(("id" = CommunityId, Path, description = "The community")), request_body = DryRun, responses((status = 200, body = Tried), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn dry_run_in(
    State(ctx): State<Ctx>,
    Extension(trials): Extension<Trials>,
    me: Acting,
    Path(id): Path<CommunityId>,
    Json(asked): Json<DryRun>,
) -> Result<Json<Tried>, ApiError> {
    let tried = try_rule(&ctx, &trials, me.id, Scope(Some(id)), asked).await?;
    Ok(Json(tried))
}

/// Changes a rule of a community.
#[utoipa::path(patch, path = "/api/v1/communities/{id}/rules/{rule}", tag = "moderation", params(("id" = CommunityId, Path, description = "The community"), ("rule" = RuleId, Path, description = "The rule")), request_body = PatchRule, responses((status = 200, body = RuleView), (status = 403, body = Problem)))]
async fn update_in(
    State(ctx): State<Ctx>,
    me: Acting,
    Path((id, rule)): Path<(CommunityId, RuleId)>,
    Json(patch): Json<PatchRule>,
) -> Result<Json<RuleView>, ApiError> {
    let place = (Scope(Some(id)), rule);
    Ok(Json(actions::update(&ctx, me, place, patch).await?))
}

/// Deletes a rule of a community.
#[utoipa::path(delete, path = "/api/v1/communities/{id}/rules/{rule}", tag = "moderation", params(("id" = CommunityId, Path, description = "The community"), ("rule" = RuleId, Path, description = "The rule")), responses((status = 204), (status = 403, body = Problem)))]
async fn remove_from(
    State(ctx): State<Ctx>,
    me: Acting,
    Path((id, rule)): Path<(CommunityId, RuleId)>,
) -> Result<StatusCode, ApiError> {
    actions::delete(&ctx, me, (Scope(Some(id)), rule)).await?;
    Ok(StatusCode::NO_CONTENT)
}
