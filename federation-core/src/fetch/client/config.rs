//! What the guarded client is built from.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderValue, InvalidHeaderValue};
use openssl::error::ErrorStack;
use openssl::x509::X509;
use reqwest::Certificate;
use thiserror::Error;

use super::resolver::{NameLookup, SystemLookup};
use crate::fetch::guard::GuardPolicy;

/// Settings of a [`GuardedClient`](super::GuardedClient).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientConfig {
    /// What may be reached.
    pub policy: GuardPolicy,
    /// The `User-Agent`; by custom `Name/version (+https://server/)`.
    pub user_agent: String,
    /// A PEM file with certificate authorities that are trusted besides the system's.
    pub extra_ca_file: Option<PathBuf>,
    /// Time for resolving a name, connecting and the TLS handshake. 5 s by default.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept. 60 s by default.
    pub idle_timeout: Duration,
    /// Unused connections that are kept for one host at most. 4 by default.
    pub max_idle_per_host: usize,
    /// How names become addresses; the system's resolver by default.
    pub lookup: Arc<dyn NameLookup>,
}

impl ClientConfig {
    /// Settings with the defaults named at each field.
    pub fn new(user_agent: impl Into<String>, policy: GuardPolicy) -> Self {
        Self {
            policy,
            user_agent: user_agent.into(),
            extra_ca_file: None,
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_mins(1),
            max_idle_per_host: 4,
            lookup: Arc::new(SystemLookup::default()),
        }
    }

    pub(super) fn certificates(&self) -> Result<Vec<Certificate>, ClientError> {
        let Some(path) = &self.extra_ca_file else {
            return Ok(Vec::new());
        };
        let pem = std::fs::read(path).map_err(|source| ClientError::ExtraCaFile {
            path: path.clone(),
            source,
        })?;
        let invalid = |source| ClientError::ExtraCa {
            path: path.clone(),
            source,
        };
        // The HTTP library reads certificates only when it is set up, which is later.
        let parsed = X509::stack_from_pem(&pem).map_err(invalid)?;
        if parsed.is_empty() {
            let path = path.clone();
            return Err(ClientError::NoExtraCa { path });
        }
        Certificate::from_pem_bundle(&pem).map_err(ClientError::Setup)
    }

    /// The user agent as a header.
    pub(super) fn user_agent(&self) -> Result<HeaderValue, ClientError> {
        HeaderValue::from_str(&self.user_agent).map_err(ClientError::UserAgent)
    }
}

/// Why the client could not be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The file with extra certificate authorities cannot be read.
    #[error("cannot read the certificate file {}", path.display())]
    ExtraCaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file does not hold PEM certificates.
    #[error("cannot understand the certificate file {}", path.display())]
    ExtraCa {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: ErrorStack,
    },
    /// The file holds no certificate at all.
    #[error("no certificate in the file {}", path.display())]
    NoExtraCa {
        /// The file.
        path: PathBuf,
    },
    /// The user agent cannot be sent as a header.
    #[error("the user agent is not a header value")]
    UserAgent(#[source] InvalidHeaderValue),
    /// The HTTP library refused its settings.
    #[error("cannot set up the HTTP client")]
    Setup(#[source] reqwest::Error),
}
