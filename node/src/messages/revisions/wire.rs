//! Former texts of messages as JSON.

use federation_core::Timestamp;
use serde::Serialize;

use super::store::Revision;

/// What a message said before it was edited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct RevisionView {
    /// 1 is what was written first.
    pub(super) revision: i32,
    /// Markdown.
    pub(super) content: String,
    /// Sanitised HTML.
    pub(super) html: String,
    /// Since when the message said this.
    #[schema(value_type = String, format = DateTime)]
    pub(super) edited_at: Timestamp,
}

impl From<Revision> for RevisionView {
    fn from(revision: Revision) -> Self {
        Self {
            revision: revision.revision,
            content: revision.content,
            html: revision.html,
            edited_at: Timestamp::from_millis(revision.edited_at),
        }
    }
}
