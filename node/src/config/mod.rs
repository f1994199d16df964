//! The settings of the server: typed, layered, and checked as a whole at start.
//!
//! Layers, later ones win: the defaults written here, `folkmoot.toml`, environment variables
//! `FOLKMOOT_SECTION__KEY`, command line flags. This module is the only reader of the
//! environment. One file here per section; `docs/folkmoot.sample.toml` shows them all.

mod auth;
mod cache;
mod database;
mod fault;
mod federation;
mod handshake;
mod layers;
mod limits;
mod mail;
mod oidc;
mod previews;
mod registration;
mod secret;
mod server;
mod stream;
mod telemetry;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;

use federation_core::store::sql::DatabaseUrl;
use serde::{Deserialize, Serialize};
use url::Url;

pub use self::auth::AuthConfig;
pub use self::cache::CacheConfig;
pub use self::database::DatabaseConfig;
pub use self::fault::{ConfigErrors, Fault};
pub use self::federation::FederationConfig;
pub use self::handshake::HandshakeConfig;
pub use self::layers::Sources;
pub use self::limits::LimitsConfig;
pub use self::mail::MailConfig;
pub use self::oidc::{OidcClaims, OidcConfig};
pub use self::previews::PreviewsConfig;
pub use self::registration::{RegistrationConfig, RegistrationMode};
pub use self::secret::Secret;
pub use self::server::ServerConfig;
pub use self::stream::StreamConfig;
pub use self::telemetry::{LogFormat, TelemetryConfig};

/// Every setting of the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The directory that holds the key ring and, unless another is named, the database.
    pub data_dir: PathBuf,
    /// Where the server listens and what it is called from outside.
    pub server: ServerConfig,
    /// Where rows are kept.
    pub database: DatabaseConfig,
    /// What is remembered, and how several processes of one node tell each other.
    pub cache: CacheConfig,
    /// How long a sign-in lasts.
    pub auth: AuthConfig,
    /// Who may open an account.
    pub registration: RegistrationConfig,
    /// How messages to members leave.
    pub mail: MailConfig,
    /// The issuer of another program by which members sign in.
    pub oidc: OidcConfig,
    /// What the server may reach on other nodes.
    pub federation: FederationConfig,
    /// What messages show of the pages that they link to.
    pub previews: PreviewsConfig,
    /// Bounds on what one client can take.
    pub limits: LimitsConfig,
    /// Logs and metrics.
    pub telemetry: TelemetryConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            server: ServerConfig::default(),
            database: DatabaseConfig::default(),
            cache: CacheConfig::default(),
            auth: AuthConfig::default(),
            registration: RegistrationConfig::default(),
            mail: MailConfig::default(),
            oidc: OidcConfig::default(),
            federation: FederationConfig::default(),
            previews: PreviewsConfig::default(),
            limits: LimitsConfig::default(),
            telemetry: TelemetryConfig::default(),
        }
    }
}

impl Config {
    /// Reads all layers and checks the outcome.
    ///
    /// # Errors
    /// Lists every unknown key, wrong value and contradiction at once.
    pub fn load(sources: &Sources) -> Result<Self, ConfigErrors> {
        let (config, mut faults) = layers::read(sources);
        config.server.check(&mut faults);
        config.database.check(&mut faults);
        config.cache.check(&mut faults);
        config.auth.check(&mut faults);
        config.registration.check(&mut faults);
        config.mail.check(&mut faults);
        config.oidc.check(&mut faults);
        config.federation.check(&mut faults);
        config.limits.check(&mut faults);
        config.telemetry.check(&mut faults);
        ConfigErrors::none_or(faults).map(|()| config)
    }

    /// The origin under which clients and other nodes reach this one, without a final slash.
    ///
    /// `bound` is the address the server really listens on: it stands in when no
    /// `server.public_url` is set, for trying out on one machine.
    pub fn origin(&self, bound: SocketAddr) -> Origin {
        Origin::new(&self.server.public_url_or(bound))
    }

    /// Where the database is, after the default has been applied.
    pub fn database_url(&self) -> DatabaseUrl {
        self.database.url_or(&self.data_dir)
    }
}

/// The scheme, host and port under which this node is known; the start of every id it gives out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    url: Url,
    text: String,
    authority: String,
}

impl Origin {
    /// The origin of `url`, leaving its path and everything after it aside.
    pub fn new(url: &Url) -> Self {
        let text = url.origin().ascii_serialization();
        let authority = url.authority().rsplit('@').next().unwrap_or_default();
        let authority = authority.to_owned();
        let mut url = url.clone();
        url.set_path("/");
        url.set_query(None);
        url.set_fragment(None);
        Self {
            url,
            text,
            authority,
        }
    }

    /// As a URL, with the path `/`.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// As text without a final slash, such as `https://chat.example`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host and, when it is not the usual one, port: what stands after the `@` in handles.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What this node calls itself when it asks other servers.
    pub fn user_agent(&self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        format!("Folkmoot/{version} (+{}/)", self.as_str())
    }

    /// Whether `url` is of this node: same scheme, host and port.
    pub fn owns(&self, url: &Url) -> bool {
        url.origin() == self.url.origin()
    }

    /// The URL of `path` (which starts with `/`) at this origin.
    pub fn join(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(path);
        url
    }
}
