//! Other nodes as operators see them: which are well, and which are held back.

mod actions;
pub mod policies;
mod routes;
mod wire;

pub use self::actions::canonical;
pub use self::routes::router;
