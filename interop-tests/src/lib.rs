//! Starts real servers and speaks HTTP to them: what the tests of this package are made of.
//!
//! Nothing here imports the server's code. A [`network::Network`] gives addresses, certificates
//! and TLS in front of every server; a [`subject::Subject`] is a built `folkmoot`; a
//! [`peer::Peer`] is a released server of somebody else's.

#![expect(
    clippy::indexing_slicing,
    reason = "indexing a JSON value gives null where there is nothing; it does not panic"
)]

pub mod chance;
pub mod hostile;
pub mod member;
pub mod network;
pub mod peer;
pub mod place;
pub mod postgres;
pub mod process;
pub mod schemathesis;
pub mod socket;
pub mod subject;
pub mod wait;
