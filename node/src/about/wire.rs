//! What this node is, as JSON.

use serde::Serialize;

use crate::config::{Config, Origin, RegistrationConfig, RegistrationMode};

/// The answer of `GET /api/v1/info` and `GET /discovery`.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Info {
    /// Always `folkmoot`.
    name: &'static str,
    /// The version of the program.
    version: &'static str,
    /// The origin under which this node is known.
    origin: String,
    /// What stands after the `@` in the handles of its members.
    domain: String,
    /// Who may open an account.
    registration: RegistrationMode,
    /// What whoever opens an account agrees to; `null` when there is nothing.
    terms: Option<Terms>,
    endpoints: Endpoints,
    limits: Limits,
}

/// The terms of use.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
struct Terms {
    /// Where they are.
    url: String,
    /// What `accept_terms` says at sign-up.
    version: String,
}

/// Where things are.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
struct Endpoints {
    /// The native API.
    api: String,
    /// The WebSocket of events.
    gateway: String,
    /// The actor of the node.
    actor: String,
}

/// Bounds that a client does well to know before it meets them.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
struct Limits {
    request_body_bytes: usize,
}

impl Info {
    pub(super) fn new(config: &Config, origin: &Origin) -> Self {
        let mut gateway = origin.join("/ws");
        let scheme = if gateway.scheme() == "https" {
            "wss"
        } else {
            "ws"
        };
        // Both are special schemes of the URL standard, so the change is always accepted.
        let _accepted = gateway.set_scheme(scheme);
        Self {
            name: "folkmoot",
            version: env!("CARGO_PKG_VERSION"),
            origin: origin.as_str().to_owned(),
            domain: origin.authority().to_owned(),
            registration: config.registration.mode,
            terms: Terms::of(&config.registration),
            endpoints: Endpoints {
                api: origin.join("/api/v1").into(),
                gateway: gateway.into(),
                actor: origin.join("/actor").into(),
            },
            limits: Limits {
                request_body_bytes: config.limits.request_body_bytes,
            },
        }
    }
}

impl Terms {
    fn of(registration: &RegistrationConfig) -> Option<Self> {
        Some(Self {
            url: registration.terms_url.clone()?,
            version: registration.terms_version.clone()?,
        })
    }
}

/// The answer of `GET /healthz` and `GET /readyz`.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Health {
    pub(super) status: &'static str,
}
