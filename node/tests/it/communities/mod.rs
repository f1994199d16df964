//! Communities: their structure, who is in them, and who may do what.

mod escalation;
mod joining;
mod processes;
mod sockets;
mod structure;
pub(crate) mod village;
