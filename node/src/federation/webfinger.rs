//! WebFinger (RFC 7033): from a handle or an id to the actor behind it.

use ::webfinger::{Handle, Jrd, Link, Resource};
use axum::Router;
use federation_core::store::sql::DatabaseError;
use url::Url;

use super::actors::{NODE_NAME, node_id};
use crate::accounts::model::{User, Username};
use crate::accounts::store;
use crate::config::Origin;
use crate::platform::ctx::Ctx;

/// The route `/.well-known/webfinger`.
pub(super) fn router(ctx: Ctx) -> Router<Ctx> {
    ::webfinger::router::router(move |resource: Resource| {
        let ctx = ctx.clone();
        async move {
            let answer = look_up(&ctx, resource).await;
            answer.inspect_err(|error| tracing::error!(%error, "WebFinger lookup failed"))
        }
    })
}

/// The document about a resource of this node.
async fn look_up(ctx: &Ctx, resource: Resource) -> Result<Option<Jrd>, DatabaseError> {
    match resource {
        Resource::Account(handle) => account(ctx, &handle).await,
        Resource::Uri(uri) if is_node(ctx.origin(), &uri) => Ok(Some(node(ctx.origin()))),
        Resource::Uri(uri) => {
            let uri = String::from(uri);
            let find = move |connection: &mut _| store::by_actor(connection, &uri);
            let found = ctx.db().read(find).await?;
            Ok(found.and_then(|user| person(ctx.origin(), &user)))
        }
    }
}

async fn account(ctx: &Ctx, handle: &Handle) -> Result<Option<Jrd>, DatabaseError> {
    let origin = ctx.origin();
    let here = Handle::new(handle.name(), origin.authority());
    if !here.is_ok_and(|here| here.is_same_account(handle)) {
        return Ok(None);
    }
    if handle.name().eq_ignore_ascii_case(NODE_NAME) {
        return Ok(Some(node(origin)));
    }
    let Ok(username) = handle.name().parse::<Username>() else {
        return Ok(None);
    };
    let find = move |connection: &mut _| store::local_by_username(connection, &username);
    let found = ctx.db().read(find).await?;
    Ok(found.and_then(|user| person(origin, &user)))
}

/// Whether a URI names the node: its actor, or its origin (FEP-d556).
fn is_node(origin: &Origin, uri: &Url) -> bool {
    *uri == node_id(origin) || *uri == origin.join("/")
}

fn person(origin: &Origin, user: &User) -> Option<Jrd> {
    if !user.is_local() || !user.is_active() {
        return None;
    }
    let actor = user.actor_uri.as_str();
    let subject = format!("acct:{}@{}", user.username, origin.authority());
    Some(
        Jrd::new(subject)
            .with_alias(actor)
            .with_link(Link::actor(actor)),
    )
}

fn node(origin: &Origin) -> Jrd {
    let actor = node_id(origin);
    let service = "https://www.w3.org/ns/activitystreams#Service";
    Jrd::new(format!("acct:{NODE_NAME}@{}", origin.authority()))
        .with_alias(origin.as_str())
        .with_alias(actor.as_str())
        .with_link(Link::actor(actor.as_str()))
        .with_link(Link::new(service, super::response::ACTIVITY_JSON, actor))
}
