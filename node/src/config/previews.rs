//! `[previews]`: what messages show of the pages that they link to.

use serde::{Deserialize, Serialize};

/// What messages show of the pages that they link to (`docs/messages.md`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviewsConfig {
    /// Whether pages are fetched.
    pub enabled: bool,
}

impl Default for PreviewsConfig {
    fn default() -> Self {
        Self { enabled: true }
    }
}
