//! Direct conversations: who takes part and since when, who may be brought in, and by which ids other
//! nodes know them.
//!
//! A pair is the one conversation of two people and stays as it is. A group has people who come and
//! go; each of them sees what was said from their coming on, and nothing from before.

mod actions;
pub mod federate;
pub mod leading;
mod listing;
pub mod names;
mod reach;
mod routes;
pub mod store;
mod wire;

pub use self::actions::{NewGroup, admit, check_name, forget, open_group, reachable};
pub(super) use self::actions::{change_member, rename};
pub use self::listing::hide;
pub(super) use self::listing::is_conversation;
pub use self::reach::may_reach;
pub(super) use self::routes::router;
pub use self::store::Joined;
