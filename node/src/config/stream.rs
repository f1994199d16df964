//! `[federation.stream]`: push streams with other nodes.

use serde::{Deserialize, Serialize};

/// Push streams with other nodes (`docs/node-stream.md`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamConfig {
    /// Whether streams are opened to nodes that this one sends to.
    pub open: bool,
    /// Whether other nodes may open streams here; they need a session with scope `stream`.
    pub accept: bool,
}

impl Default for StreamConfig {
    fn default() -> Self {
        Self {
            open: true,
            accept: true,
        }
    }
}
