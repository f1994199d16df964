//! Visits as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::store::Visit;
use crate::base::ids::VisitId;

/// Where a member wants to go.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewVisit {
    /// The host of the other node, with its port when that is not the usual one.
    pub(super) host: String,
}

/// A visit at another node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct VisitView {
    /// The id of the visit here.
    pub(super) id: VisitId,
    /// The origin of the other node.
    pub(super) url: String,
    /// What the other node allows.
    pub(super) scopes: Vec<String>,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub(super) opened_at: Timestamp,
    /// When it is over.
    #[schema(value_type = String, format = DateTime)]
    pub(super) expires_at: Timestamp,
}

/// A visit that was opened, with what opens it there; shown this once.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct OpenedVisit {
    /// The visit.
    #[serde(flatten)]
    pub(super) visit: VisitView,
    /// The WebSocket of the other node.
    pub(super) gateway: String,
    /// The bearer token for the other node, and for no other.
    pub(super) token: String,
    /// Always `Bearer`.
    pub(super) token_type: &'static str,
}

impl From<&Visit> for VisitView {
    fn from(visit: &Visit) -> Self {
        Self {
            id: visit.id,
            url: visit.issuer.clone(),
            scopes: visit.scopes.split(' ').map(str::to_owned).collect(),
            opened_at: Timestamp::from_millis(visit.opened_at),
            expires_at: Timestamp::from_millis(visit.expires_at),
        }
    }
}

impl OpenedVisit {
    /// What the member is shown of a visit and the token that opens it.
    pub(super) fn new(visit: &Visit, token: &str) -> Self {
        Self {
            visit: visit.into(),
            // `http` becomes `ws`, and so `https` becomes `wss`.
            gateway: format!("{}/ws", visit.issuer.replacen("http", "ws", 1)),
            token: token.to_owned(),
            token_type: "Bearer",
        }
    }
}
