//! Channels and communities of this node for other nodes: their documents, what was said in them page
//! by page, and how many follow them.

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use federation_core::collection::{Cut, Outline, Page, PageSource, Viewer};
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{ObjectOrId, parse_id};
use http::{HeaderMap, StatusCode, Uri};
use url::Url;

use super::Edge;
use super::actors::group;
use super::collections::{Nothing, answer, cursor, page_query};
use super::inbox::fetcher;
use super::response::{document, require_activity};
use crate::base::ids::ChannelId;
use crate::channels::model::Channel;
use crate::communities;
use crate::communities::model::{Community, Visibility};
use crate::groups;
use crate::groups::federate::group_uri;
use crate::messages::federate::group as messages;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::Path;
use crate::platform::http::server::PeerAddress;

/// The routes of these documents.
pub(super) fn router() -> Router<Ctx> {
    Router::new()
        .route("/channels/{id}", get(show))
        .route("/channels/{id}/outbox", get(outbox))
        .route("/channels/{id}/history", get(history))
        .route("/channels/{id}/followers", get(followers))
        .route("/communities/{slug}", get(show_community))
}

/// Who asks, and from where.
type Asking = (Extension<Edge>, Option<Extension<PeerAddress>>);

/// The channel, for whoever may know of it.
///
/// # Security
/// Everybody else gets the same 404 as for a channel that never was.
async fn seen(
    ctx: &Ctx,
    (Extension(edge), peer): &Asking,
    id: ChannelId,
    (uri, headers): (&Uri, &HeaderMap),
) -> Result<Channel, ApiError> {
    require_activity(headers)?;
    let reader = fetcher(ctx, edge, *peer, uri, headers).await?;
    let held = ctx.clone();
    let find = move |connection: &mut Connection| {
        messages::place(&held, connection, id, reader.as_ref().map(Url::as_str))
    };
    let found = ctx.db().read(find).await?;
    let found = found.ok_or_else(ApiError::not_found)?;
    Ok(found.channel)
}

async fn show(
    State(ctx): State<Ctx>,
    asking: Asking,
    Path(id): Path<ChannelId>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let channel = seen(&ctx, &asking, id, (&uri, &headers)).await?;
    let (Extension(edge), _) = asking;
    let keys = edge.keys().of(&group_uri(ctx.origin(), id)).await;
    let keys = keys.map_err(ApiError::internal)?.published().to_vec();
    let held = ctx.clone();
    let shown = move |connection: &mut Connection| {
        let Some(community) = channel.community_id else {
            return Ok(None);
        };
        let Some(community) = communities::store::by_id(connection, community)? else {
            return Ok::<_, DatabaseError>(None);
        };
        let name = group::name_of(connection, &channel, &community)?;
        let shown = (name.as_str(), keys.clone());
        let actor = group::group(&channel, &community, shown, held.origin());
        Ok(Some(actor.to_value()))
    };
    let actor = ctx.db().read(shown).await?;
    Ok(document(
        StatusCode::OK,
        &actor.ok_or_else(ApiError::not_found)?,
    ))
}

async fn show_community(
    State(ctx): State<Ctx>,
    Extension(edge): Extension<Edge>,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    require_activity(&headers)?;
    let find = move |connection: &mut Connection| communities::store::by_slug(connection, &slug);
    let found = ctx.db().read(find).await?;
    let is_public = |community: &Community| {
        community.visibility == Visibility::Public && !community.is_mirror()
    };
    let community = found.filter(is_public).ok_or_else(ApiError::not_found)?;
    let id = parse_id(&community.actor_uri).ok_or_else(ApiError::not_found)?;
    let keys = edge.keys().of(&id).await.map_err(ApiError::internal)?;
    let keys = keys.published().to_vec();
    let actor = group::organization(&community, keys, (id, ctx.origin()));
    Ok(document(StatusCode::OK, &actor.to_value()))
}

async fn outbox(
    State(ctx): State<Ctx>,
    asking: Asking,
    Path(id): Path<ChannelId>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    said(&ctx, &asking, id, (&uri, &headers), false).await
}

async fn history(
    State(ctx): State<Ctx>,
    asking: Asking,
    Path(id): Path<ChannelId>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    said(&ctx, &asking, id, (&uri, &headers), true).await
}

async fn said(
    ctx: &Ctx,
    asking: &Asking,
    id: ChannelId,
    (uri, headers): (&Uri, &HeaderMap),
    bare: bool,
) -> Result<Response, ApiError> {
    let channel = seen(ctx, asking, id, (uri, headers)).await?;
    let said = Said {
        ctx: ctx.clone(),
        channel,
        bare,
    };
    answer(ctx, &said, uri, &Viewer::Anonymous).await
}

/// How many follow; who they are is shown to nobody.
async fn followers(
    State(ctx): State<Ctx>,
    asking: Asking,
    Path(id): Path<ChannelId>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let channel = seen(&ctx, &asking, id, (&uri, &headers)).await?.id;
    let count = move |connection: &mut Connection| groups::store::count(connection, channel);
    let count = ctx.db().read(count).await?;
    let counted = Nothing::of(u64::try_from(count).unwrap_or(0));
    answer(&ctx, &counted, &uri, &Viewer::Anonymous).await
}

/// What was said in a channel, newest first: as the Group announced it, or the notes by id.
#[derive(Debug)]
struct Said {
    ctx: Ctx,
    channel: Channel,
    bare: bool,
}

impl PageSource for Said {
    type Error = DatabaseError;

    async fn outline(&self, _: &Url, _: &Viewer) -> Result<Option<Outline>, DatabaseError> {
        // Without a total: to count them costs the more the longer the channel is, at each request.
        let owner = group_uri(self.ctx.origin(), self.channel.id);
        Ok(Some(Outline::new().with_owner(owner)))
    }

    async fn page(&self, _: &Url, cut: &Cut, _: &Viewer) -> Result<Option<Page>, DatabaseError> {
        let Some(wanted) = page_query(cut) else {
            return Ok(None);
        };
        let (held, channel) = (self.ctx.clone(), self.channel.clone());
        let entries = move |connection: &mut Connection| {
            messages::entries(&held, connection, &channel, &wanted)
        };
        let found = self.ctx.db().read(entries).await?;
        Ok(found.map(|found| {
            let shown = found.items.into_iter();
            let items = shown.filter_map(|entry| {
                if self.bare {
                    note_in(&entry)
                } else {
                    Some(entry)
                }
            });
            Page::new(items.collect())
                .with_next(cursor(found.next))
                .with_prev(cursor(found.prev))
        }))
    }
}

/// The id of the note that an entry announces.
fn note_in(entry: &ObjectOrId) -> Option<ObjectOrId> {
    let announce = entry.as_activity()?.ok()?;
    announce.object_id().cloned().map(ObjectOrId::from)
}
