//! The gateway: WebSockets over which members are told what happens, as it happens.
//!
//! `docs/gateway.md` specifies it. `upgrade` takes the request, `session` runs one socket from
//! `identify` to its close, `frame` reads and writes the JSON, `close` names the reasons to end.

mod close;
mod frame;
mod link;
mod opening;
mod session;
mod upgrade;

use axum::routing::get;
use axum::{Extension, Router};

use crate::platform::ctx::Ctx;
use crate::platform::events::Bus;

pub use close::CloseReason;

/// The two sockets: all that a member may see, and one channel.
pub fn router(bus: Bus) -> Router<Ctx> {
    Router::new()
        .route("/ws", get(upgrade::all))
        .route("/ws/channels/{id}", get(upgrade::channel))
        .layer(Extension(bus))
}
