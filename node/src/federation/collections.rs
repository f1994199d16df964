//! The collections of members: outbox, followers and following (`ActivityPub` s5.1, s5.3, s5.4).
//!
//! The outbox shows what is public; direct messages never are, so it is empty.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use federation_core::vocab::{Collection, CollectionKind, PageOrId, parse_id};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use url::Url;

use super::actors::active_member;
use super::response::{document, require_activity};
use crate::accounts::model::User;
use crate::base::ids::FollowId;
use crate::base::page::{Page, PageQuery};
use crate::follows::model::{Follow, Side};
use crate::follows::store;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::{Path, Query};

/// The routes of the collections.
pub(super) fn router() -> Router<Ctx> {
    Router::new()
        .route("/users/{name}/outbox", get(outbox))
        .route("/users/{name}/followers", get(followers))
        .route("/users/{name}/following", get(following))
}

#[derive(Debug, Deserialize)]
struct Part {
    /// Present for a page, absent for the collection itself.
    page: Option<String>,
    before: Option<FollowId>,
}

async fn outbox(
    State(ctx): State<Ctx>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    require_activity(&headers)?;
    let user = active_member(&ctx, &name).await?;
    let id = ctx
        .origin()
        .join(&format!("/users/{}/outbox", user.username));
    let mut collection = Collection::new(id, CollectionKind::OrderedCollection);
    collection.total_items = Some(0);
    Ok(document(StatusCode::OK, &collection.to_value()))
}

async fn followers(
    State(ctx): State<Ctx>,
    Path(name): Path<String>,
    Query(part): Query<Part>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    show(&ctx, &name, Side::Followers, part, &headers).await
}

async fn following(
    State(ctx): State<Ctx>,
    Path(name): Path<String>,
    Query(part): Query<Part>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    show(&ctx, &name, Side::Following, part, &headers).await
}

async fn show(
    ctx: &Ctx,
    name: &str,
    side: Side,
    part: Part,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    require_activity(headers)?;
    let user = active_member(ctx, name).await?;
    let path = match side {
        Side::Followers => "followers",
        Side::Following => "following",
    };
    let id = ctx
        .origin()
        .join(&format!("/users/{}/{path}", user.username));
    let value = match part.page {
        None => whole(ctx, &user, side, id).await?.to_value(),
        Some(_) => page(ctx, &user, side, &id, part.before).await?.to_value(),
    };
    Ok(document(StatusCode::OK, &value))
}

async fn whole(ctx: &Ctx, user: &User, side: Side, id: Url) -> Result<Collection, ApiError> {
    let owner = user.id;
    let total = ctx
        .db()
        .read(move |connection| store::count(connection, owner, side))
        .await?;
    let first = page_url(&id, None);
    let mut collection = Collection::new(id, CollectionKind::OrderedCollection);
    collection.total_items = u64::try_from(total).ok();
    collection.first = Some(PageOrId::Id(first));
    Ok(collection)
}

async fn page(
    ctx: &Ctx,
    user: &User,
    side: Side,
    id: &Url,
    before: Option<FollowId>,
) -> Result<Collection, ApiError> {
    let owner = user.id;
    let wanted = PageQuery {
        before,
        after: None,
        limit: None,
    };
    let found: Page<(Follow, User), FollowId> = ctx
        .db()
        .read(move |connection| store::list(connection, owner, side, true, &wanted))
        .await?;
    let mut page = Collection::new(page_url(id, before), CollectionKind::OrderedCollectionPage);
    page.part_of = Some(id.clone());
    page.next = found.next.map(|cursor| page_url(id, Some(cursor)));
    let actors = found
        .items
        .iter()
        .filter_map(|(_, user)| parse_id(&user.actor_uri));
    page.items = actors.map(Into::into).collect();
    Ok(page)
}

fn page_url(id: &Url, before: Option<FollowId>) -> Url {
    let mut url = id.clone();
    url.query_pairs_mut().append_pair("page", "true");
    if let Some(before) = before {
        url.query_pairs_mut().append_pair("before", before.as_str());
    }
    url
}
