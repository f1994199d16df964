//! `[federation]`: what the server may reach on other nodes.

use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::handshake::HandshakeConfig;
use super::stream::StreamConfig;

/// What the server may reach on other nodes. Each setting opens exactly one thing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FederationConfig {
    /// Private address ranges that may be contacted, as CIDR; none by default.
    pub allowed_private_ranges: Vec<IpNet>,
    /// A PEM file with certificate authorities to trust beside those of the system.
    pub extra_ca_file: Option<PathBuf>,
    /// Whether plain `http` is accepted between nodes.
    pub allow_http: bool,
    /// What other nodes may do here.
    pub handshake: HandshakeConfig,
    /// Push streams with other nodes.
    pub stream: StreamConfig,
}

impl FederationConfig {
    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        self.handshake.check(faults);
        if let Some(path) = &self.extra_ca_file
            && let Err(error) = std::fs::File::open(path)
        {
            faults.push(Fault::new(
                "federation.extra_ca_file",
                format!("cannot read {}: {error}", path.display()),
                "name a readable PEM file or remove the setting",
            ));
        }
    }
}
