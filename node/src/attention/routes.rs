//! `/api/v1/notifications`, preferences, and `/api/v1/users/{id}/ping`.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use serde::Deserialize;
use utoipa_axum::routes;

use super::ping::{self, Pings};
use super::wire::{NotificationCount, PreferencesView, PutPreferences, ReadNotifications};
use super::{choices, inbox};
use crate::accounts::acting::Acting;
use crate::base::ids::{ChannelId, CommunityId, NotificationId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::base::scope::Scope;
use crate::notifications::model::NotificationKind;
use crate::notifications::preferences::Of;
use crate::notifications::store::Filter;
use crate::notifications::wire::NotificationView;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::page::{self, Cursors};
use crate::platform::http::routes::Routes;

/// The routes of this feature.
pub fn router() -> Routes {
    let (reading, writing) = (Access::member(Scope::Read), Access::member(Scope::Write));
    Routes::new()
        .add(reading, routes!(list))
        .add(reading, routes!(count))
        .add(writing, routes!(read))
        .add(writing, routes!(dismiss))
        .add(reading, routes!(show_own))
        .add(writing, routes!(put_own))
        .add(reading, routes!(show_of_community))
        .add(writing, routes!(put_of_community))
        .add(reading, routes!(show_of_channel))
        .add(writing, routes!(put_of_channel))
        .add(writing, routes!(send_ping))
        .with(Pings::default())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    before: Option<NotificationId>,
    after: Option<NotificationId>,
    limit: Option<u32>,
    #[serde(default)]
    unread: bool,
    kind: Option<NotificationKind>,
}

/// What the member is told of, newest first.
#[utoipa::path(get, path = "/api/v1/notifications", tag = "notifications", params(("unread" = Option<bool>, Query, description = "Only those that were not read"), ("kind" = Option<NotificationKind>, Query, description = "Only those of this kind"), Cursors<NotificationId>), responses((status = 200, body = Page<NotificationView, NotificationId>)))]
async fn list(
    State(ctx): State<Ctx>,
    me: Acting,
    uri: Uri,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    let filter = Filter {
        unread: query.unread,
        kind: query.kind,
    };
    let wanted = PageQuery {
        before: query.before,
        after: query.after,
        limit: query.limit,
    };
    let found = inbox::list(&ctx, me.id, filter, wanted).await?;
    Ok(page::respond(&uri, ("before", "after"), found))
}

/// How many notifications the member has not read.
#[utoipa::path(get, path = "/api/v1/notifications/count", tag = "notifications", responses((status = 200, body = NotificationCount)))]
async fn count(State(ctx): State<Ctx>, me: Acting) -> Result<Json<NotificationCount>, ApiError> {
    Ok(Json(inbox::count(&ctx, me.id).await?))
}

/// Marks notifications as read: some, all up to one, or all.
#[utoipa::path(post, path = "/api/v1/notifications/read", tag = "notifications", request_body = ReadNotifications, responses((status = 204)))]
async fn read(
    State(ctx): State<Ctx>,
    me: Acting,
    Json(body): Json<ReadNotifications>,
) -> Result<StatusCode, ApiError> {
    inbox::read(&ctx, me.id, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a notification away.
#[utoipa::path(delete, path = "/api/v1/notifications/{id}", tag = "notifications", params(("id" = NotificationId, Path, description = "The notification")), responses((status = 204)))]
async fn dismiss(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(id): Path<NotificationId>,
) -> Result<StatusCode, ApiError> {
    inbox::dismiss(&ctx, me.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Of what the member wants to be told, wherever nothing else was chosen.
#[utoipa::path(get, path = "/api/v1/users/@me/preferences", tag = "notifications", responses((status = 200, body = PreferencesView)))]
async fn show_own(State(ctx): State<Ctx>, me: Acting) -> Result<Json<PreferencesView>, ApiError> {
    Ok(Json(choices::show(&ctx, me.id, Of::Account).await?))
}

/// Chooses of what to be told, wherever nothing else is chosen.
#[utoipa::path(put, path = "/api/v1/users/@me/preferences", tag = "notifications", request_body = PutPreferences, responses((status = 200, body = PreferencesView), (status = 409, body = Problem)))]
async fn put_own(
    State(ctx): State<Ctx>,
    me: Acting,
    Json(body): Json<PutPreferences>,
) -> Result<Json<PreferencesView>, ApiError> {
    Ok(Json(choices::put(&ctx, me.id, Of::Account, body).await?))
}

/// Of what the member wants to be told in a community.
#[utoipa::path(get, path = "/api/v1/communities/{id}/preferences", tag = "notifications", params(("id" = CommunityId, Path, description = "The community")), responses((status = 200, body = PreferencesView)))]
async fn show_of_community(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(id): Path<CommunityId>,
) -> Result<Json<PreferencesView>, ApiError> {
    Ok(Json(choices::show(&ctx, me.id, Of::Community(id)).await?))
}

/// Chooses of what to be told in a community.
#[utoipa::path(put, path = "/api/v1/communities/{id}/preferences", tag = "notifications", params(("id" = CommunityId, Path, description = "The community")), request_body = PutPreferences, responses((status = 200, body = PreferencesView), (status = 409, body = Problem)))]
async fn put_of_community(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(id): Path<CommunityId>,
    Json(body): Json<PutPreferences>,
) -> Result<Json<PreferencesView>, ApiError> {
    let view = choices::put(&ctx, me.id, Of::Community(id), body).await?;
    Ok(Json(view))
}

/// Of what the member wants to be told in a channel.
#[utoipa::path(get, path = "/api/v1/channels/{id}/preferences", tag = "notifications", params(("id" = ChannelId, Path, description = "The channel")), responses((status = 200, body = PreferencesView)))]
async fn show_of_channel(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(id): Path<ChannelId>,
) -> Result<Json<PreferencesView>, ApiError> {
    Ok(Json(choices::show(&ctx, me.id, Of::Channel(id)).await?))
}

/// Chooses of what to be told in a channel.
#[utoipa::path(put, path = "/api/v1/channels/{id}/preferences", tag = "notifications", params(("id" = ChannelId, Path, description = "The channel")), request_body = PutPreferences, responses((status = 200, body = PreferencesView), (status = 409, body = Problem)))]
async fn put_of_channel(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(id): Path<ChannelId>,
    Json(body): Json<PutPreferences>,
) -> Result<Json<PreferencesView>, ApiError> {
    let view = choices::put(&ctx, me.id, Of::Channel(id), body).await?;
    Ok(Json(view))
}

/// Pings another member of this node, on the sockets that they have open.
#[utoipa::path(post, path = "/api/v1/users/{id}/ping", tag = "users", params(("id" = UserId, Path, description = "The member")), responses((status = 202), (status = 422, body = Problem)))]
async fn send_ping(
    State(ctx): State<Ctx>,
    Extension(pings): Extension<Pings>,
    me: Acting,
    Path(id): Path<UserId>,
) -> Result<StatusCode, ApiError> {
    ping::send(&ctx, &pings, me.id, id).await?;
    Ok(StatusCode::ACCEPTED)
}
