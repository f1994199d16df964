//! The edge to other nodes: what they post here and fetch here.

mod actors;
mod collections;
mod comparisons;
mod delivery;
mod dispatch;
mod edge;
mod inbox;
mod keys;
mod nodeinfo;
mod objects;
mod people;
mod pruning;
mod response;
mod synchronization;
mod webfinger;

use axum::{Extension, Router};

pub use self::delivery::deliver;
pub use self::edge::{Edge, EdgeError, Foundation};
pub use self::inbox::NodeInbox;
pub use self::keys::rotate;
pub use self::pruning::prune;
use crate::platform::ctx::Ctx;

/// The routes that other nodes use.
pub fn router(ctx: &Ctx, edge: Edge) -> Router<Ctx> {
    Router::new()
        .merge(actors::router())
        .merge(collections::router())
        .merge(inbox::router(&ctx.config().limits))
        .merge(nodeinfo::router(ctx.clone()))
        .merge(objects::router())
        .merge(synchronization::router())
        .merge(webfinger::router(ctx.clone()))
        .layer(Extension(edge))
}
