//! Who acts by a request, as the audit log keeps it.

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::base::ids::{RequestId, UserId};
use crate::platform::audit::{By, Entry};
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::ApiError;

/// The member who acts, and the request that they act by.
#[derive(Clone, Copy, Debug)]
pub struct Acting {
    /// Who.
    pub id: UserId,
    /// By which request.
    pub request: Option<RequestId>,
}

impl Acting {
    /// An act of theirs for the audit log.
    pub fn entry(&self, action: &'static str) -> Entry {
        Entry::new(By::User(self.id), action).asked_by(self.request, None)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Acting {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let member = CurrentUser::from_request_parts(parts, state).await?;
        Ok(Self {
            id: member.id,
            request: parts.extensions.get().copied(),
        })
    }
}
