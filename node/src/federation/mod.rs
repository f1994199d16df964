//! The edge to other nodes: what they post here and fetch here.

pub mod keys;
