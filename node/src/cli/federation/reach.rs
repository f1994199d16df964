//! How commands reach other servers: through the same guarded client as the node.

use std::sync::Arc;

use anyhow::{Error, Result};
use federation_core::SystemClock;
use federation_core::fetch::client::ClientConfig;
use federation_core::fetch::{
    Directory, DirectoryConfig, GuardError, GuardPolicy, GuardedClient, MemoryActorCache,
};

use crate::config::Config;

/// Actors that are remembered while a command runs.
const ACTORS: u64 = 64;

/// The way to other servers.
#[derive(Debug)]
pub(in crate::cli) struct Reach {
    pub(in crate::cli) directory: Directory,
}

impl Reach {
    /// By the node's settings: `federation.allowed_private_ranges`, `extra_ca_file`, `allow_http`.
    ///
    /// Requests are not signed, so that a look from anywhere shows what everybody sees.
    pub(in crate::cli) fn new(config: &Config) -> Result<Self> {
        let settings = &config.federation;
        let policy = GuardPolicy::with_private_ranges(
            settings.allowed_private_ranges.clone(),
            settings.allow_http,
        );
        let agent = format!("Folkmoot/{}", env!("CARGO_PKG_VERSION"));
        let mut client = ClientConfig::new(agent, policy);
        client.extra_ca_file.clone_from(&settings.extra_ca_file);
        let transport = Arc::new(GuardedClient::new(client)?);
        let mut lookups = DirectoryConfig::default();
        lookups.allow_http = settings.allow_http;
        let directory = Directory::new(
            transport,
            Arc::new(MemoryActorCache::new(ACTORS)),
            None,
            Arc::new(SystemClock),
            lookups,
        );
        Ok(Self { directory })
    }
}

/// The failure with the way out, where a setting of this node is the cause.
pub(in crate::cli) fn with_way_out(fault: Error) -> Error {
    let refusal = fault
        .chain()
        .find_map(|cause| cause.downcast_ref::<GuardError>());
    let way_out = match refusal {
        Some(GuardError::Address { .. } | GuardError::Host { .. }) => {
            "on a test network, list its range in federation.allowed_private_ranges"
        }
        Some(GuardError::Scheme { .. }) => "on a test network, set federation.allow_http",
        _ => return fault,
    };
    anyhow::anyhow!("{fault:#}; {way_out}")
}
