//! The collections of this node: outbox, followers and following of members (`ActivityPub` s5.1,
//! s5.3, s5.4), and conversations for their own people (FEP-7888).
//!
//! The outbox shows what is public; direct messages never are, so it is empty.

use std::str::FromStr;

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use federation_core::collection::{
    Cursor, Cut, Outline, Page, PageSource, Position, ServeError, Viewer, serve,
};
use federation_core::store::sql::DatabaseError;
use federation_core::vocab::{ObjectOrId, parse_id};
use http::{HeaderMap, StatusCode, Uri};
use url::Url;

use super::Edge;
use super::actors::{active_member, node_id};
use super::inbox::fetcher;
use super::response::{document, require_activity};
use crate::base::ids::{ChannelId, UserId};
use crate::base::page::{self, PageQuery};
use crate::follows::model::Side;
use crate::follows::store;
use crate::messages;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::Path;
use crate::platform::http::server::PeerAddress;

/// The routes of the collections.
pub(super) fn router() -> Router<Ctx> {
    Router::new()
        .route("/users/{name}/outbox", get(outbox))
        .route("/users/{name}/followers", get(followers))
        .route("/users/{name}/following", get(following))
        .route("/conversations/{id}", get(conversation))
}

async fn outbox(
    State(ctx): State<Ctx>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    require_activity(&headers)?;
    active_member(&ctx, &name).await?;
    answer(&ctx, &Nothing::of(0), &uri, &Viewer::Anonymous).await
}

async fn followers(
    State(ctx): State<Ctx>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    show_follows(ctx, &name, Side::Followers, &uri, &headers).await
}

async fn following(
    State(ctx): State<Ctx>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    show_follows(ctx, &name, Side::Following, &uri, &headers).await
}

async fn show_follows(
    ctx: Ctx,
    name: &str,
    side: Side,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    require_activity(headers)?;
    let owner = active_member(&ctx, name).await?.id;
    let follows = Follows {
        ctx: ctx.clone(),
        owner,
        side,
    };
    answer(&ctx, &follows, uri, &Viewer::Anonymous).await
}

/// The notes of a conversation, to a fetch signed by one of its people.
///
/// # Security
/// Everybody else gets the same 404 as for a conversation that never was.
async fn conversation(
    State(ctx): State<Ctx>,
    (Extension(edge), peer): (Extension<Edge>, Option<Extension<PeerAddress>>),
    Path(channel): Path<ChannelId>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    require_activity(&headers)?;
    let reader = fetcher(&ctx, &edge, peer, &uri, &headers).await?;
    let viewer = reader.map_or(Viewer::Anonymous, Viewer::Actor);
    let conversation = Conversation {
        ctx: ctx.clone(),
        channel,
    };
    answer(&ctx, &conversation, &uri, &viewer).await
}

pub(super) async fn answer<P: PageSource<Error = DatabaseError>>(
    ctx: &Ctx,
    source: &P,
    uri: &Uri,
    viewer: &Viewer,
) -> Result<Response, ApiError> {
    let id = ctx.origin().join(uri.path());
    match serve(source, &id, uri.query(), viewer).await {
        Ok(served) => Ok(document(StatusCode::OK, &served.document)),
        Err(ServeError::Source(error)) => Err(error.into()),
        Err(error @ ServeError::BadCursor) => {
            Err(ApiError::bad_request("invalid_cursor", error.to_string()))
        }
        Err(_not_found) => Err(ApiError::not_found()),
    }
}

/// A collection that shows how many entries it has, and none of them.
#[derive(Debug)]
pub(super) struct Nothing(u64);

impl Nothing {
    /// One of so many entries.
    pub(super) const fn of(total: u64) -> Self {
        Self(total)
    }
}

impl PageSource for Nothing {
    type Error = DatabaseError;

    async fn outline(&self, _: &Url, _: &Viewer) -> Result<Option<Outline>, DatabaseError> {
        Ok(Some(Outline::new().with_total(self.0).count_only()))
    }

    async fn page(&self, _: &Url, _: &Cut, _: &Viewer) -> Result<Option<Page>, DatabaseError> {
        Ok(None)
    }
}

/// One side of a member's follows, as everybody may see it.
#[derive(Debug)]
struct Follows {
    ctx: Ctx,
    owner: UserId,
    side: Side,
}

impl PageSource for Follows {
    type Error = DatabaseError;

    async fn outline(&self, _: &Url, _: &Viewer) -> Result<Option<Outline>, DatabaseError> {
        let (owner, side) = (self.owner, self.side);
        let count = move |connection: &mut _| store::count(connection, owner, side);
        let total = self.ctx.db().read(count).await?;
        Ok(Some(
            Outline::new().with_total(u64::try_from(total).unwrap_or(0)),
        ))
    }

    async fn page(&self, _: &Url, cut: &Cut, _: &Viewer) -> Result<Option<Page>, DatabaseError> {
        let Some(wanted) = page_query(cut) else {
            return Ok(None);
        };
        let (owner, side) = (self.owner, self.side);
        let list = move |connection: &mut _| store::list(connection, owner, side, true, &wanted);
        let found = self.ctx.db().read(list).await?;
        let actors = found.map(|(_, user)| parse_id(&user.actor_uri));
        let (next, prev) = (cursor(actors.next), cursor(actors.prev));
        let items = actors.items.into_iter().flatten().map(ObjectOrId::from);
        Ok(Some(
            Page::new(items.collect()).with_next(next).with_prev(prev),
        ))
    }
}

/// A conversation, for its own people.
#[derive(Debug)]
struct Conversation {
    ctx: Ctx,
    channel: ChannelId,
}

impl PageSource for Conversation {
    type Error = DatabaseError;

    async fn outline(&self, _: &Url, viewer: &Viewer) -> Result<Option<Outline>, DatabaseError> {
        let Some(reader) = viewer.actor().map(Url::to_string) else {
            return Ok(None);
        };
        let channel = self.channel;
        let size =
            move |connection: &mut _| messages::federate::size_for(connection, channel, &reader);
        let size = self.ctx.db().read(size).await?;
        let outline = Outline::new().with_owner(node_id(self.ctx.origin()));
        Ok(size.map(|size| outline.with_total(size)))
    }

    async fn page(
        &self,
        _: &Url,
        cut: &Cut,
        viewer: &Viewer,
    ) -> Result<Option<Page>, DatabaseError> {
        let (Some(reader), Some(wanted)) = (viewer.actor().map(Url::to_string), page_query(cut))
        else {
            return Ok(None);
        };
        let channel = self.channel;
        let notes = move |connection: &mut _| {
            messages::federate::notes_for(connection, channel, &reader, &wanted)
        };
        let found: Option<page::Page<Url, _>> = self.ctx.db().read(notes).await?;
        Ok(found.map(|found| {
            let items = found.items.into_iter().map(ObjectOrId::from);
            Page::new(items.collect())
                .with_next(cursor(found.next))
                .with_prev(cursor(found.prev))
        }))
    }
}

/// The page that a cut asks for; `None` when its cursor is not one of these ids.
pub(super) fn page_query<Id: FromStr>(cut: &Cut) -> Option<PageQuery<Id>> {
    let (mut before, mut after) = (None, None);
    match cut.position() {
        Position::Before(cursor) => before = Some(cursor.as_str().parse().ok()?),
        Position::After(cursor) => after = Some(cursor.as_str().parse().ok()?),
        _ => {}
    }
    Some(PageQuery {
        before,
        after,
        limit: u32::try_from(cut.limit()).ok(),
    })
}

pub(super) fn cursor<Id: ToString>(id: Option<Id>) -> Option<Cursor> {
    id.and_then(|id| id.to_string().parse().ok())
}
