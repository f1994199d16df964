//! Presence: who is there, as those who share a conversation or a community with them are told.
//!
//! A member is there while a socket of theirs is open at any process of the node. [`Tracker`]
//! counts sockets, `roll` holds the rules without IO, `workers` tells sockets and other processes,
//! `actions` changes what members choose. What others see is kept in `accounts::online`; it is
//! decided in one place (`accounts::presence::Presence::seen`), before anything leaves.

pub mod actions;
mod roll;
mod routes;
mod tracker;
pub mod wire;
pub mod workers;

pub use self::routes::router;
pub use self::tracker::{Here, Tracker};
