//! The server as its clients see it: real requests over loopback, on each backend.
#![cfg(test)]
#![expect(
    non_snake_case,
    reason = "tests of an invariant start with its name, such as I4_"
)]

mod about;
mod accounts;
mod app;
mod auth;
mod chat;
mod cli;
mod communities;
mod delivery;
mod docs;
mod document;
mod federation;
mod http;
mod lab;
mod lookup;
mod metrics;
mod moderation;
mod nodes;
mod oauth;
mod oidc;
mod openapi;
mod people;
mod port;
mod protection;
mod schema;
mod sessions;
mod setup;
mod signin;
mod tidy;
