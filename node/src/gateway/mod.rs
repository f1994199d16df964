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
use http::Method;

use crate::platform::events::Bus;
use crate::platform::http::access::Access;
use crate::platform::http::routes::Routes;
use crate::presence::Tracker;

pub use close::CloseReason;

/// Where sockets get what they tell.
#[derive(Clone)]
struct Sources {
    bus: Bus,
    presence: Tracker,
}

/// The two sockets: all that a member may see, and one channel.
pub fn router(bus: Bus, presence: Tracker) -> Routes {
    let sources = Sources { bus, presence };
    let router = Router::new()
        .route("/ws", get(upgrade::all))
        .route("/ws/channels/{id}", get(upgrade::channel))
        .layer(Extension(sources));
    let by_frame = Access::judged("an access token as subprotocol or in the first frame");
    let sockets = ["/ws", "/ws/channels/{id}"].map(|path| (Method::GET, path, by_frame));
    Routes::new().foreign(router, &sockets)
}
