//! `[cache]`: what is remembered, and the Redis server over which several processes of one node tell
//! each other.

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _};
use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::secret::Secret;

/// What is remembered, and over which Redis server several processes of one node tell each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheConfig {
    /// A `redis:` or `rediss:` URL; without one a process learns from the database alone.
    pub url: Option<Secret<String>>,
    /// Bytes that the newest messages of channels may take in memory, roughly; 0 remembers none.
    pub recent_bytes: u64,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            url: None,
            recent_bytes: 16 * 1024 * 1024,
        }
    }
}

/// The most that [`CacheConfig::recent_bytes`] may be.
const MOST_RECENT: u64 = 64 * 1024 * 1024 * 1024;

impl CacheConfig {
    /// Where Redis is, when it is set and the URL can be read.
    pub fn server(&self) -> Option<ConnectionInfo> {
        self.url.as_ref().and_then(|url| read(url.expose()).ok())
    }

    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        if self.recent_bytes > MOST_RECENT {
            faults.push(Fault::new(
                "cache.recent_bytes",
                format!("{} is out of range", self.recent_bytes),
                format!("choose a number from 0 to {MOST_RECENT}"),
            ));
        }
        if let Some(Err(problem)) = self.url.as_ref().map(|url| read(url.expose())) {
            faults.push(Fault::new(
                "cache.url",
                problem,
                "write redis://host:port/ or rediss://user:password@host:port/",
            ));
        }
    }
}

/// What is wrong is said without the URL, which may hold a password.
fn read(url: &str) -> Result<ConnectionInfo, &'static str> {
    if !url.starts_with("redis://") && !url.starts_with("rediss://") {
        return Err("it is no redis: or rediss: URL");
    }
    let info = url
        .into_connection_info()
        .map_err(|_unreadable| "it cannot be read as a URL of Redis")?;
    match info.addr() {
        ConnectionAddr::TcpTls { insecure: true, .. } => {
            Err("it asks not to check the certificate (#insecure)")
        }
        _ => Ok(info),
    }
}
