//! The node handshake between servers over HTTP, and under attack.

mod attacks;
mod handshake;
mod signer;
mod stream;
