//! Search of messages (`docs/search.md`).
//!
//! One reading of texts (`words`) makes what the index holds, what a query asks for and what an
//! excerpt marks; the databases keep words and find numbers, nothing else. This folder alone
//! writes `search_entries`, `search_words` and `search_gaps`, in the transactions that change
//! messages.

pub mod actions;
pub mod cursor;
mod excerpt;
mod expression;
mod filling;
mod find;
pub(in crate::messages) mod index;
mod number;
pub mod query;
mod rank;
mod routes;
pub mod scope;
pub mod wire;
mod words;

pub use filling::fill;
pub(in crate::messages) use routes::router;
