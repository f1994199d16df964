//! Rules of what may be written: of the node, and of each community.
//!
//! [`judge()`] says in the transaction of a message which rules it breaks, and [`Verdict::carry_out`] does
//! what they ask for. What a rule looks for is `base::filter`.

mod actions;
mod dry_run;
mod judge;
pub mod model;
mod names;
mod repeats;
mod routes;
mod store;
mod wire;

pub(super) use self::routes::router;
pub use judge::{About, Said, Verdict, judge};
pub use model::{Rule, RuleAction};
pub use names::Names;
pub use repeats::{forget, prune};
