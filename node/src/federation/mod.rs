//! The edge to other nodes: what they post here and fetch here.

mod actors;
mod collections;
mod comparisons;
mod delivery;
mod dispatch;
mod edge;
mod group_inbox;
mod groups;
mod history;
mod inbox;
mod keys;
mod nodeinfo;
mod objects;
mod people;
mod profiles;
mod pruning;
mod response;
mod synchronization;
mod webfinger;

use axum::{Extension, Router};
use http::Method;

pub(crate) use self::actors::NODE_NAME;
pub use self::delivery::deliver;
pub use self::edge::{Edge, EdgeError, Foundation};
pub use self::inbox::NodeInbox;
pub use self::keys::rotate;
pub use self::profiles::announce_profiles;
pub use self::pruning::prune;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::routes::Routes;

/// The routes that other nodes use.
pub fn router(ctx: &Ctx, edge: Edge) -> Routes {
    let router = Router::new()
        .merge(actors::router())
        .merge(collections::router())
        .merge(groups::router())
        .merge(inbox::router(&ctx.config().limits))
        .merge(nodeinfo::router(ctx.clone()))
        .merge(objects::router())
        .merge(synchronization::router())
        .merge(webfinger::router(ctx.clone()))
        .layer(Extension(edge));
    let shown = [
        "/.well-known/host-meta",
        "/.well-known/host-meta.json",
        "/.well-known/nodeinfo",
        "/.well-known/webfinger",
        "/actor",
        "/nodeinfo/2.0",
        "/nodeinfo/2.1",
    ];
    // To whom each of these is shown depends on who signed the request, if anybody did.
    let fetched = [
        "/channels/{id}",
        "/channels/{id}/followers",
        "/channels/{id}/history",
        "/channels/{id}/outbox",
        "/communities/{slug}",
        "/conversations/{id}",
        "/messages/{id}",
        "/users/{name}",
        "/users/{name}/followers",
        "/users/{name}/followers_synchronization",
        "/users/{name}/following",
        "/users/{name}/outbox",
    ];
    let inboxes = [
        "/actor/inbox",
        "/channels/{id}/inbox",
        "/communities/{slug}/inbox",
        "/inbox",
        "/users/{name}/inbox",
    ];
    let signed = Access::signed();
    let open = shown.map(|path| (Method::GET, path, Access::public()));
    let declared = open
        .into_iter()
        .chain(fetched.map(|path| (Method::GET, path, signed.class(RateClass::Read))))
        .chain(inboxes.map(|path| (Method::POST, path, signed)));
    Routes::new().foreign(router, &declared.collect::<Vec<_>>())
}
