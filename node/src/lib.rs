//! The Folkmoot server.
//!
//! Modules, lowest first; each uses only those above it: `base`, `config`, `platform`, the
//! features (`accounts`, `auth`), and at the top `router`, `workers`, `app` and `cli`.

pub mod accounts;
pub mod base;
pub mod config;
pub mod platform;
