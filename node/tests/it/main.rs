//! The server as its clients see it: real requests over loopback, on each backend.
#![cfg(test)]

mod about;
mod accounts;
mod app;
mod auth;
mod cli;
mod http;
mod schema;
mod tidy;
