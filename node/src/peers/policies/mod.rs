//! Policies towards other domains: one by one, as lists that servers share, and what they affect.

mod actions;
mod error;
mod impact;
mod list;
mod routes;
mod wire;

pub use actions::{import, listed};
pub use error::PolicyError;
pub use impact::Impact;
pub use list::{Fault, Line, Listed, parse, write};
pub(super) use routes::router;
pub use wire::{Imported, ImportedLine, PolicyView};
