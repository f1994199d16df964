//! The port to a mail server.

use std::fmt;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::base::ids::MailId;

/// A message of plain text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The address it goes to.
    pub to: String,
    /// What it is about; never a secret.
    pub subject: String,
    /// The text; it may hold a code.
    pub text: String,
}

impl fmt::Debug for Mail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Mail")
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// Why a message did not leave.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It will never be taken.
    #[error("the mail server refused the message: {0}")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another try may succeed.
    #[error("the mail server could not take the message: {0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Hands messages to a mail server.
pub trait Mailer: fmt::Debug + Send + Sync + 'static {
    /// Sends one message; `id` names it, also when it is sent again.
    ///
    /// # Errors
    /// It was not taken; says whether another try makes sense.
    fn send<'a>(&'a self, id: MailId, mail: &'a Mail) -> BoxFuture<'a, Result<(), SendError>>;
}
