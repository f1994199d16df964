//! The Folkmoot server.
//!
//! Modules, lowest first; each uses only those above it: `base`, `config`, `platform`, the
//! features (`accounts`, `auth`, `follows`, `groups`, `channels`, `moderation`, `messages`, `dms`), the edges (`federation`,
//! `nodes`, `gateway`), and at the top `router`, `workers`, `app` and `cli`.

pub mod about;
pub mod accounts;
pub mod admin;
pub mod app;
pub mod attention;
pub mod auth;
pub mod base;
pub mod blocks;
pub mod channels;
pub mod cli;
pub mod communities;
pub mod config;
pub mod delivery;
pub mod departures;
pub mod dms;
pub mod exports;
pub mod federation;
pub mod follows;
pub mod gateway;
pub mod groups;
pub mod members;
pub mod messages;
pub mod moderation;
pub mod nodes;
pub mod notifications;
pub mod oauth;
pub mod oidc;
pub mod openapi;
pub mod peers;
pub mod platform;
pub mod presence;
pub mod roles;
pub mod router;
pub mod telemetry;
pub mod workers;

/// Holds the examples of the README to compile and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
