//! The node handshake between servers over HTTP, and under attack; and members who visit by it.

mod attacks;
mod handshake;
mod signer;
mod stream;
mod visits;
mod visits_ended;
