//! Messages that are sent later: written now, judged and sent when their time comes, once.
//!
//! A row is taken away in the transaction that sends its message. What is refused then stays as a row
//! that says why.

mod actions;
mod routes;
mod store;
mod workers;

pub(super) use routes::router;
pub use store::forget;
pub use workers::work;
