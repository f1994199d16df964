//! Starts real servers and speaks HTTP to them: what the tests of this package are made of.
//!
//! Nothing here imports the server's code. A [`network::Network`] gives addresses, certificates
//! and TLS in front of every server; a [`subject::Subject`] is a built `folkmoot`; a
//! [`peer::Peer`] is a released server of somebody else's.

#![expect(
    clippy::indexing_slicing,
    reason = "indexing a JSON value gives null where there is nothing; it does not panic"
)]

pub mod adapter;
pub mod case;
pub mod chance;
pub mod channel;
pub mod control;
pub mod hostile;
pub mod member;
pub mod network;
pub mod outcome;
pub mod pair;
pub mod peer;
pub mod place;
pub mod port;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod recorder;
pub mod results;
pub mod run;
pub mod scenarios;
pub mod schemathesis;
pub mod server;
pub mod socket;
pub mod square;
pub mod subject;
pub mod wait;
