//! What is done about content: reports and who judges them, and rules of what may be written.
//!
//! This folder alone writes `content_rules`, `rule_sets`, `said_digests`, `reports` and `report_steps`. It
//! stands below messages, which ask the rules; of messages it reads the rows alone.

pub mod error;
pub mod reports;
pub mod rules;

use crate::platform::http::routes::Routes;

/// The routes of this feature.
pub fn router() -> Routes {
    Routes::new()
        .merge(reports::router())
        .merge(rules::router())
}
