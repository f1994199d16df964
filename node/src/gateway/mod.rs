//! The gateway: WebSockets over which members are told what happens, as it happens.
//!
//! `docs/gateway.md` specifies it. `upgrade` takes the request, `session` lets a client in and greets
//! it, `telling` runs the socket from there to its close, `frame` reads and writes the JSON, `welcome`
//! gathers what a client shows first, `analytics` counts for dashboards, `close` names the reasons to
//! end.

mod analytics;
mod budget;
mod close;
mod frame;
mod link;
mod opening;
mod session;
mod telling;
mod upgrade;
mod welcome;

use axum::routing::get;
use axum::{Extension, Router};
use http::Method;

use crate::communities::known::Known;
use crate::messages::recent::Recent;
use crate::messages::typing::Typing;
use crate::platform::events::Bus;
use crate::platform::http::access::Access;
use crate::platform::http::routes::Routes;
use crate::presence::Tracker;

pub use analytics::{Analytics, measure};
pub use close::CloseReason;

/// Where sockets get what they tell.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Events.
    pub bus: Bus,
    /// Who is there.
    pub presence: Tracker,
    /// What was found out of permissions.
    pub known: Known,
    /// The newest messages of channels.
    pub recent: Recent,
    /// Who is writing.
    pub typing: Typing,
    /// Figures for dashboards.
    pub analytics: Analytics,
}

/// The two sockets: all that a member may see, and one channel.
pub fn router(sources: Sources) -> Routes {
    let router = Router::new()
        .route("/ws", get(upgrade::all))
        .route("/ws/channels/{id}", get(upgrade::channel))
        .layer(Extension(sources));
    let by_frame = Access::judged("an access token as subprotocol or in the first frame");
    let sockets = ["/ws", "/ws/channels/{id}"].map(|path| (Method::GET, path, by_frame));
    Routes::new().foreign(router, &sockets)
}
