//! Custom emoji of communities: small pictures with a shortcode.
//!
//! This folder alone writes `emoji`.

mod actions;
mod image;
pub mod model;
mod routes;
pub mod store;
mod wire;

pub(super) use routes::router;
