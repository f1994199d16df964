//! Recorded requests of other servers: their signatures, and what the inbox makes of them.
#![cfg(test)]

mod activities;
mod proofs;
mod recorded;
mod recording;
mod signatures;
