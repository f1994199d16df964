//! The edge to other nodes: what they post here and fetch here.

mod actors;
mod collections;
mod delivery;
mod dispatch;
mod edge;
mod inbox;
pub mod keys;
mod nodeinfo;
mod objects;
mod people;
mod pruning;
mod response;
mod webfinger;

use axum::{Extension, Router};

pub use self::delivery::deliver;
pub use self::edge::{Edge, EdgeError, Foundation};
pub use self::pruning::prune;
use crate::platform::ctx::Ctx;

/// The routes that other nodes use.
pub fn router(ctx: &Ctx, edge: Edge) -> Router<Ctx> {
    Router::new()
        .merge(actors::router())
        .merge(collections::router())
        .merge(inbox::router(&ctx.config().limits))
        .merge(nodeinfo::router())
        .merge(objects::router())
        .merge(webfinger::router(ctx.clone()))
        .layer(Extension(edge))
}
