//! `/api/v1/communities/{id}/channels` and what changes single channels.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::routes;

use super::overrides::{self, Whose};
use super::threads::{self, Naming};
use super::wire::{
    ChannelOrder, NewChannel, NewThread, OverridesView, PatchChannel, PutOverride, SeenChannel,
};
use super::{actions, order};
use crate::accounts::acting::Acting;
use crate::base::ids::{ChannelId, CommunityId, CommunityRoleId, UserId};
use crate::base::page::Page;
use crate::base::permission::{Permission, Permissions};
use crate::base::scope::Scope;
use crate::channels::access;
use crate::channels::conversations;
use crate::channels::wire::ChannelView;
use crate::communities::known::Known;
use crate::communities::members::wire::Who;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::access::Access;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path};
use crate::platform::http::idempotency::{Created, Creation, IdempotencyKey};
use crate::platform::http::routes::Routes;

/// The routes of the channels of communities.
pub(in crate::channels) fn router() -> Routes {
    let (reading, writing) = (Access::member(Scope::Read), Access::member(Scope::Write));
    Routes::new()
        .add(reading.visitors(), routes!(list))
        .add(writing, routes!(create))
        .add(writing, routes!(reorder))
        .add(writing, routes!(update, remove))
        .add(reading.visitors(), routes!(mine))
        .add(reading.visitors(), routes!(threads))
        .add(writing, routes!(open_thread))
        .add(reading, routes!(said))
        .add(writing, routes!(say_of_role, unsay_of_role))
        .add(writing, routes!(say_of_member, unsay_of_member))
        .add(writing, routes!(admit, expel))
}

/// The channels of a community that the member sees, in the order in which they are shown.
#[utoipa::path(get, path = "/api/v1/communities/{id}/channels", tag = "channels", params(("id" = CommunityId, Path, description = "The community")), responses((status = 200, body = Page<SeenChannel, ChannelId>)))]
async fn list(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(id): Path<CommunityId>,
) -> Result<Json<Page<SeenChannel, ChannelId>>, ApiError> {
    let channels = actions::list(&ctx, me.id, id).await?;
    Ok(Json(Page::whole(channels)))
}

/// Makes a channel or a category.
#[utoipa::path(post, path = "/api/v1/communities/{id}/channels", tag = "channels", params(IdempotencyKey, ("id" = CommunityId, Path, description = "The community")), request_body = NewChannel, responses((status = 201, body = ChannelView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn create(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path(id): Path<CommunityId>,
    request: Creation<NewChannel>,
) -> Result<Created, ApiError> {
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
    known.changed(id);
    Ok(created)
}

/// Shows channels in another order.
#[utoipa::path(put, path = "/api/v1/communities/{id}/channels/order", tag = "channels", params(("id" = CommunityId, Path, description = "The community")), request_body = ChannelOrder, responses((status = 204), (status = 403, body = Problem)))]
async fn reorder(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(id): Path<CommunityId>,
    Json(wanted): Json<ChannelOrder>,
) -> Result<StatusCode, ApiError> {
    order::order(&ctx, me, id, wanted.channels).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes, moves or archives a channel; a group conversation has a name to change.
#[utoipa::path(patch, path = "/api/v1/channels/{id}", tag = "channels", params(("id" = ChannelId, Path, description = "The channel")), request_body = PatchChannel, responses((status = 200, body = ChannelView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn update(
    State(ctx): State<Ctx>,
    (Extension(known), Extension(naming)): (Extension<Known>, Extension<Arc<dyn Naming>>),
    me: Acting,
    Path(id): Path<ChannelId>,
    Json(patch): Json<PatchChannel>,
) -> Result<Json<ChannelView>, ApiError> {
    if conversations::is_conversation(&ctx, id).await? {
        return Ok(Json(
            conversations::rename(&ctx, me.id, id, patch.only_name()).await?,
        ));
    }
    let held = (&known, naming);
    Ok(Json(actions::update(&ctx, held, me, id, patch).await?))
}

/// Deletes a channel with its threads and all that was written there.
#[utoipa::path(delete, path = "/api/v1/channels/{id}", tag = "channels", params(("id" = ChannelId, Path, description = "The channel")), responses((status = 204), (status = 403, body = Problem), (status = 422, body = Problem)))]
async fn remove(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path(id): Path<ChannelId>,
) -> Result<StatusCode, ApiError> {
    actions::delete(&ctx, &known, me, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the member may do in a channel.
#[utoipa::path(get, path = "/api/v1/channels/{id}/permissions", tag = "channels", params(("id" = ChannelId, Path, description = "The channel")), responses((status = 200, body = Permissions)))]
async fn mine(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path(id): Path<ChannelId>,
) -> Result<Json<Permissions>, ApiError> {
    let held = access::permissions(&ctx, &known, me.id, id).await?;
    if !held.contains(Permission::ViewChannel) {
        return Err(ApiError::not_found());
    }
    Ok(Json(held))
}

/// The threads of a channel, newest first.
#[utoipa::path(get, path = "/api/v1/channels/{id}/threads", tag = "channels", params(("id" = ChannelId, Path, description = "The channel")), responses((status = 200, body = Page<SeenChannel, ChannelId>)))]
async fn threads(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(id): Path<ChannelId>,
) -> Result<Json<Page<SeenChannel, ChannelId>>, ApiError> {
    let threads = threads::threads(&ctx, me.id, id).await?;
    Ok(Json(Page::whole(threads)))
}

/// Opens a thread.
#[utoipa::path(post, path = "/api/v1/channels/{id}/threads", tag = "channels", params(IdempotencyKey, ("id" = ChannelId, Path, description = "The channel")), request_body = NewThread, responses((status = 201, body = ChannelView), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn open_thread(
    State(ctx): State<Ctx>,
    Extension(naming): Extension<Arc<dyn Naming>>,
    me: Acting,
    Path(id): Path<ChannelId>,
    request: Creation<NewThread>,
) -> Result<Created, ApiError> {
    let held = ctx.clone();
    let Creation { body, idempotency } = request;
    let created = ctx.db().write(move |connection| {
        let log = EventLog::begin(connection)?;
        idempotency.once(&held, connection, me.id.as_str(), |connection| {
            let by = (&me, naming.as_ref());
            let view = threads::open_thread(&held, connection, &log, by, id, &body)?;
            Ok((StatusCode::CREATED, view))
        })
    });
    created.await
}

/// What a channel says of permissions, to those who may change it.
#[utoipa::path(get, path = "/api/v1/channels/{id}/overrides", tag = "channels", params(("id" = ChannelId, Path, description = "The channel")), responses((status = 200, body = OverridesView), (status = 403, body = Problem), (status = 422, body = Problem)))]
async fn said(
    State(ctx): State<Ctx>,
    me: Acting,
    Path(id): Path<ChannelId>,
) -> Result<Json<OverridesView>, ApiError> {
    Ok(Json(overrides::list(&ctx, me.id, id).await?))
}

/// Has a channel allow and deny a role something; what is in neither is inherited.
#[utoipa::path(put, path = "/api/v1/channels/{id}/overrides/roles/{role}", tag = "channels", params(("id" = ChannelId, Path, description = "The channel"), ("role" = CommunityRoleId, Path, description = "The role")), request_body = PutOverride, responses((status = 204), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn say_of_role(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path((id, role)): Path<(ChannelId, CommunityRoleId)>,
    Json(new): Json<PutOverride>,
) -> Result<StatusCode, ApiError> {
    overrides::put(&ctx, &known, me, (id, Whose::Role(role)), new).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has a channel say nothing of a role any more.
#[utoipa::path(delete, path = "/api/v1/channels/{id}/overrides/roles/{role}", tag = "channels", params(("id" = ChannelId, Path, description = "The channel"), ("role" = CommunityRoleId, Path, description = "The role")), responses((status = 204), (status = 403, body = Problem), (status = 422, body = Problem), (status = 409, body = Problem)))]
async fn unsay_of_role(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path((id, role)): Path<(ChannelId, CommunityRoleId)>,
) -> Result<StatusCode, ApiError> {
    let nothing = PutOverride::default();
    overrides::put(&ctx, &known, me, (id, Whose::Role(role)), nothing).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has a channel allow and deny a member something; what is in neither is inherited.
#[utoipa::path(put, path = "/api/v1/channels/{id}/overrides/members/{user}", tag = "channels", params(("id" = ChannelId, Path, description = "The channel"), ("user" = UserId, Path, description = "The member")), request_body = PutOverride, responses((status = 204), (status = 403, body = Problem), (status = 409, body = Problem)))]
async fn say_of_member(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path((id, user)): Path<(ChannelId, UserId)>,
    Json(new): Json<PutOverride>,
) -> Result<StatusCode, ApiError> {
    overrides::put(&ctx, &known, me, (id, Whose::Member(user)), new).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has a channel say nothing of a member any more.
#[utoipa::path(delete, path = "/api/v1/channels/{id}/overrides/members/{user}", tag = "channels", params(("id" = ChannelId, Path, description = "The channel"), ("user" = UserId, Path, description = "The member")), responses((status = 204), (status = 403, body = Problem), (status = 422, body = Problem), (status = 409, body = Problem)))]
async fn unsay_of_member(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path((id, user)): Path<(ChannelId, UserId)>,
) -> Result<StatusCode, ApiError> {
    let nothing = PutOverride::default();
    overrides::put(&ctx, &known, me, (id, Whose::Member(user)), nothing).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a member into a private channel, or brings a person into a group conversation.
#[utoipa::path(put, path = "/api/v1/channels/{id}/members/{user}", tag = "channels", params(("id" = ChannelId, Path, description = "The channel"), ("user" = String, Path, description = "The member, or @me")), responses((status = 204), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn admit(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path((id, user)): Path<(ChannelId, Who)>,
) -> Result<StatusCode, ApiError> {
    let user = user.id(me.id);
    if conversations::is_conversation(&ctx, id).await? {
        conversations::change_member(&ctx, me.id, (id, user), true).await?;
    } else {
        overrides::admit(&ctx, &known, me, (id, user), true).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Takes somebody out of a private channel or a group conversation, or leaves it (@me).
#[utoipa::path(delete, path = "/api/v1/channels/{id}/members/{user}", tag = "channels", params(("id" = ChannelId, Path, description = "The channel"), ("user" = String, Path, description = "The member, or @me")), responses((status = 204), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn expel(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path((id, user)): Path<(ChannelId, Who)>,
) -> Result<StatusCode, ApiError> {
    let user = user.id(me.id);
    if conversations::is_conversation(&ctx, id).await? {
        conversations::change_member(&ctx, me.id, (id, user), false).await?;
    } else {
        overrides::admit(&ctx, &known, me, (id, user), false).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
