//! Passkeys as JSON; options and credentials are those of the browser's own API.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::store::Known;
use crate::base::ids::PasskeyId;
use crate::config::Secret;

/// The body of `POST /api/v1/auth/passkeys/options`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AskToRegister {
    /// The member's password, once more; not needed by who has none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(super) password: Option<Secret<String>>,
}

/// A challenge with what the browser is to be called with.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub(super) struct Challenged {
    /// Goes back with the answer, within five minutes.
    pub(super) challenge: String,
    /// For `navigator.credentials.create()` or `get()`.
    #[schema(value_type = Object)]
    pub(super) options: Value,
}

/// The body of `POST /api/v1/auth/passkeys`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Register {
    /// The challenge as it was given.
    pub(super) challenge: String,
    /// What the member calls the passkey.
    pub(super) name: String,
    /// The answer of the browser.
    #[schema(value_type = Object)]
    pub(super) credential: Map<String, Value>,
}

/// The body of `POST /api/v1/auth/passkeys/login`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    /// The challenge as it was given.
    pub(super) challenge: String,
    /// The answer of the browser.
    #[schema(value_type = Object)]
    pub(super) credential: Map<String, Value>,
}

/// The body of `PATCH /api/v1/auth/passkeys/{id}`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rename {
    /// What the member calls it.
    pub(super) name: String,
}

/// A passkey as its member sees it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct PasskeyView {
    id: PasskeyId,
    name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
}

impl From<Known> for PasskeyView {
    fn from(known: Known) -> Self {
        Self {
            id: known.id,
            name: known.name,
            created_at: Timestamp::from_millis(known.created_at),
            last_used_at: known.last_used_at.map(Timestamp::from_millis),
        }
    }
}
