//! The channels of communities: categories, channels and threads, their order, what they say of
//! permissions, and who may see private ones.

mod actions;
mod mirror;
mod opening;
mod order;
mod overrides;
mod routes;
mod store;
mod threads;
mod wire;

pub use self::mirror::{
    PROVISIONAL, is_mirror, needs_joining, open as open_mirror, silence, speak,
};
pub use self::opening::ensure_default;
pub(super) use self::routes::router;
pub use self::store::{clear_deleted, deleted, forget, take_turn};
pub use self::threads::Naming;
