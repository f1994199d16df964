//! Signatures held against other implementations, both ways: what is signed here verifies there,
//! what is signed there verifies here, and nothing altered verifies here.
#![cfg(test)]

mod cavage;
mod request;
mod rfc9421;
