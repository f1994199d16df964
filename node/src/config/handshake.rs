//! `[federation.handshake]`: what other nodes may do here.

use std::time::Duration;

use federation_core::handshake::Scopes;
use serde::{Deserialize, Serialize};

use super::fault::Fault;

/// What other nodes may do here, for themselves and for their users (`docs/node-handshake.md`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandshakeConfig {
    /// The scopes that are granted to nodes that ask for them; with none, no session is granted.
    pub scopes: Scopes,
    /// Hours for which a session lasts, at most 24.
    pub session_hours: u32,
}

impl Default for HandshakeConfig {
    fn default() -> Self {
        Self {
            scopes: Scopes::ALL,
            session_hours: 24,
        }
    }
}

impl HandshakeConfig {
    /// How long a session lasts.
    pub fn session_lifetime(&self) -> Duration {
        Duration::from_hours(u64::from(self.session_hours))
    }

    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        if !(1..=24).contains(&self.session_hours) {
            faults.push(Fault::new(
                "federation.handshake.session_hours",
                format!("{} is out of range", self.session_hours),
                "choose a number from 1 to 24",
            ));
        }
    }
}
