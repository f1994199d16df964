//! HTTP mechanisms that every feature shares: problems, extractors, request ids, body limits,
//! idempotent creation and paging.

pub mod access;
pub mod address;
pub mod auth;
pub mod body;
pub mod cors;
pub mod error;
pub mod extract;
pub mod guard;
pub mod headers;
pub mod idempotency;
pub mod linger;
pub mod page;
pub mod request;
pub mod routes;
pub mod server;
