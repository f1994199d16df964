//! How a scenario can end before its end.

use std::fmt;

/// Why a scenario stops.
#[derive(Debug)]
pub enum Stop {
    /// One side lacks what it needs.
    NotApplicable(String),
    /// It failed.
    Failed(anyhow::Error),
}

impl Stop {
    /// One side lacks something, for a reason.
    pub fn lacks(who: &str, reason: &str) -> Self {
        Self::NotApplicable(format!("{who}: {reason}"))
    }

    /// The same, with the action that it came from.
    #[must_use]
    pub fn during(self, who: &str, action: &str) -> Self {
        match self {
            Self::Failed(error) => Self::Failed(error.context(format!("{who} {action}"))),
            lacking @ Self::NotApplicable(_) => lacking,
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotApplicable(reason) => f.write_str(reason),
            Self::Failed(error) => write!(f, "{error:#}"),
        }
    }
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// What a scenario gives: nothing when it passed.
pub type Outcome<T = ()> = Result<T, Stop>;

/// Stops with a failure.
#[macro_export]
macro_rules! fail {
    ($($words:tt)*) => {
        return Err($crate::outcome::Stop::Failed(anyhow::anyhow!($($words)*)))
    };
}

/// Stops with a failure unless the condition holds.
#[macro_export]
macro_rules! require {
    ($condition:expr, $($words:tt)*) => {
        if !$condition {
            $crate::fail!($($words)*);
        }
    };
}
