//! The environment that a server is started with.

use std::env;
use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::Result;

/// Who a server is and where it listens.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `PEER_ORIGIN`: the public https origin, as the proxy in front shows it.
    pub origin: String,
    /// `PEER_NAME`: the name of the first actor.
    pub name: String,
    /// `PEER_PORT`: the loopback port to listen on.
    pub port: u16,
    /// `PEER_DATA`: a folder for the keys.
    pub data: PathBuf,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// When a variable is missing.
    pub fn read() -> Result<Self> {
        let text = |name: &str| env::var(name).with_context(|| format!("{name} is not set"));
        Ok(Self {
            origin: text("PEER_ORIGIN")?,
            name: text("PEER_NAME")?,
            port: text("PEER_PORT")?.parse()?,
            data: text("PEER_DATA")?.into(),
        })
    }

    /// The origin without its scheme.
    pub fn authority(&self) -> &str {
        self.origin.split_once("://").map_or("", |(_, rest)| rest)
    }

    /// The id of the actor of a name.
    pub fn actor(&self, name: &str) -> String {
        format!("{}/users/{name}", self.origin)
    }

    /// The id of the first actor.
    pub fn main(&self) -> String {
        self.actor(&self.name)
    }

    /// The id of the actor that signs fetches. It is shown to anybody, so that two servers which
    /// both ask for signed fetches do not wait for each other.
    pub fn server(&self) -> String {
        self.actor("server")
    }
}
