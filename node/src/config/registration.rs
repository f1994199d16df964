//! `[registration]`: who may open an account.

use serde::{Deserialize, Serialize};

/// Who may open an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationConfig {
    /// `open`, `invite` or `closed`.
    pub mode: RegistrationMode,
}

/// Who may open an account over the network; the command line always can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RegistrationMode {
    /// Anybody.
    #[default]
    Open,
    /// Whoever holds an unused invitation.
    Invite,
    /// Nobody.
    Closed,
}
