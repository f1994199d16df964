//! How large a body may be, by class of route (I11).

use axum::extract::DefaultBodyLimit;

use crate::config::LimitsConfig;

/// What a route takes in its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyClass {
    /// JSON of the native API.
    Api,
    /// Activities from other nodes.
    Inbox,
    /// Files that members send.
    Upload,
}

/// The layer that holds a router to the limit of its class; the innermost one counts.
pub fn limit(class: BodyClass, limits: &LimitsConfig) -> DefaultBodyLimit {
    DefaultBodyLimit::max(match class {
        BodyClass::Api => limits.request_body_bytes,
        BodyClass::Inbox => limits.inbox_body_bytes,
        BodyClass::Upload => limits.upload_body_bytes,
    })
}
