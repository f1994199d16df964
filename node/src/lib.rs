//! The Folkmoot server.
