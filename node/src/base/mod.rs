//! The lowest layer of the server: identifiers and paging, with no input or output of its own.

pub mod filter;
pub mod ids;
pub mod names;
pub mod page;
pub mod patch;
pub mod permission;
pub mod privilege;
pub mod role;
pub mod scope;
pub mod text;
pub mod words;
