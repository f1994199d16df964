//! Reports: by members, by other nodes and by rules, with what there was to see, and who judges them.

mod actions;
mod federate;
mod judging;
pub mod model;
mod routes;
mod snapshot;
mod store;
mod wire;

pub(super) use self::routes::router;
pub use actions::by_rule;
pub use federate::{Flagged, receive};
pub use store::{forget, prune};
