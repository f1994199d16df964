//! What can go wrong in moderation, and how a client is told.

use std::time::Duration;

use federation_core::store::sql::DatabaseError;

use crate::accounts::error::AccountError;
use crate::base::filter::InvalidPattern;
use crate::communities::error::CommunityError;
use crate::platform::http::error::ApiError;

/// Why something in moderation is refused.
#[derive(Debug, thiserror::Error)]
pub enum ModerationError {
    /// There is no such thing, or whoever asks may not know of it.
    #[error("There is nothing here.")]
    NotFound,
    /// The pattern of a rule cannot be taken.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
    /// Another part of a rule cannot be taken.
    #[error("{0}")]
    InvalidRule(&'static str),
    /// There are as many rules as there may be.
    #[error("There are too many rules: at most {0}.")]
    TooManyRules(usize),
    /// A report cannot be taken as it is.
    #[error("{0}")]
    InvalidReport(&'static str),
    /// The member reported the same before, and it is not judged yet.
    #[error("You reported this, and it is not judged yet.")]
    AlreadyReported,
    /// The member reported too much.
    #[error("You reported a lot: wait a while.")]
    TooManyReports(Duration),
    /// The member has a rule tried already, or others do.
    #[error("Rules are tried already: wait a little.")]
    TooManyTrials(Duration),
    /// The report is judged.
    #[error("The report is closed: open it again first.")]
    Closed,
    /// The moderators of the node took the report up.
    #[error("The moderators of the node took it up.")]
    WithTheNode,
    /// A message breaks a rule.
    #[error("{0}")]
    Refused(String),
    /// A community refused.
    #[error(transparent)]
    Community(#[from] CommunityError),
    /// The one who acts may not.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Another part refused.
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl From<diesel::result::Error> for ModerationError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<ModerationError> for ApiError {
    fn from(error: ModerationError) -> Self {
        let detail = error.to_string();
        match error {
            ModerationError::NotFound => Self::not_found(),
            ModerationError::Pattern(_) | ModerationError::InvalidRule(_) => {
                Self::invalid("invalid_rule", detail)
            }
            ModerationError::TooManyRules(_) => Self::conflict("too_many", detail),
            ModerationError::InvalidReport(_) => Self::invalid("invalid_report", detail),
            ModerationError::AlreadyReported => Self::conflict("already_reported", detail),
            ModerationError::TooManyReports(wait) | ModerationError::TooManyTrials(wait) => {
                Self::too_many_requests(detail, wait)
            }
            ModerationError::Closed => Self::conflict("report_closed", detail),
            ModerationError::WithTheNode => Self::conflict("report_with_node", detail),
            ModerationError::Refused(_) => Self::invalid("content_refused", detail),
            ModerationError::Community(error) => error.into(),
            ModerationError::Account(error) => error.into(),
            ModerationError::Database(error) => error.into(),
            ModerationError::Api(error) => error,
        }
    }
}
