//! `/api/v1/communities/{id}/bans`.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use utoipa_axum::routes;

use super::actions;
use super::wire::{BanView, NewBan};
use crate::accounts::acting::Acting;
use crate::base::ids::{CommunityId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::base::scope::Scope;
use crate::communities::known::Known;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::page::{self, Cursors};
use crate::platform::http::routes::Routes;

/// The routes of bans.
pub(in crate::communities) fn router() -> Routes {
    Routes::new()
        .add(Access::member(Scope::Read), routes!(list))
        .add(Access::member(Scope::Write), routes!(put, remove))
}

/// Who may not come back, the newest account first.
#[utoipa::path(get, path = "/api/v1/communities/{id}/bans", tag = "communities", params(("id" = CommunityId, Path, description = "The community"), Cursors<UserId>), responses((status = 200, body = Page<BanView, UserId>), (status = 403, body = Problem)))]
async fn list(
    State(ctx): State<Ctx>,
    me: Acting,
    uri: Uri,
    Path(id): Path<CommunityId>,
    Query(query): Query<PageQuery<UserId>>,
) -> Result<Response, ApiError> {
    let found = actions::list(&ctx, me.id, id, query).await?;
    Ok(page::respond(&uri, ("before", "after"), found))
}

/// Bans a person of lower rank, member or not.
#[utoipa::path(put, path = "/api/v1/communities/{id}/bans/{user}", tag = "communities", params(("id" = CommunityId, Path, description = "The community"), ("user" = UserId, Path, description = "The person")), request_body = NewBan, responses((status = 200, body = BanView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn put(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path(place): Path<(CommunityId, UserId)>,
    Json(new): Json<NewBan>,
) -> Result<Json<BanView>, ApiError> {
    Ok(Json(actions::put(&ctx, &known, me, place, new).await?))
}

/// Takes a ban back; the person may join again.
#[utoipa::path(delete, path = "/api/v1/communities/{id}/bans/{user}", tag = "communities", params(("id" = CommunityId, Path, description = "The community"), ("user" = UserId, Path, description = "The person")), responses((status = 204), (status = 403, body = Problem)))]
async fn remove(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(place): Path<(CommunityId, UserId)>,
) -> Result<StatusCode, ApiError> {
    actions::remove(&ctx, me, place).await?;
    Ok(StatusCode::NO_CONTENT)
}
