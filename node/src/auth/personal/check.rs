//! Lets the holder of a personal access token in.

use std::time::Duration;

use federation_core::Timestamp;
use moka::sync::Cache;

use super::{PREFIX, store};
use crate::auth::error::AuthError;
use crate::auth::gate::Gate;
use crate::auth::model::hash_of;
use crate::base::ids::SessionId;
use crate::platform::http::auth::CurrentUser;

/// How long it is remembered which session a token has.
const REMEMBERED_FOR: Duration = Duration::from_mins(1);

/// Which session a token has and when it ends, by the hash of the token.
///
/// # Security
/// Neither ever changes; whether the session lives is asked as for every other token.
#[derive(Debug)]
pub(in crate::auth) struct Known(Cache<Vec<u8>, (SessionId, Timestamp)>);

impl Known {
    /// Remembers so many tokens.
    pub(in crate::auth) fn new(capacity: u64) -> Self {
        let cache = Cache::builder()
            .max_capacity(capacity)
            .time_to_live(REMEMBERED_FOR)
            .build();
        Self(cache)
    }
}

impl Gate {
    /// Whether this is the text of a personal access token.
    pub(in crate::auth) fn is_personal(token: &str) -> bool {
        token.starts_with(PREFIX)
    }

    /// Who holds this personal access token.
    pub(in crate::auth) async fn check_personal(
        &self,
        token: &str,
    ) -> Result<CurrentUser, AuthError> {
        let hash = hash_of(token);
        let (session, expires_at) = match self.personal.0.get(&hash) {
            Some(known) => known,
            None => self.find_personal(hash).await?,
        };
        if expires_at <= self.clock.now() {
            return Err(AuthError::TokenExpired);
        }
        let live = self.live(session).await?;
        Ok(live.member(session, expires_at))
    }

    async fn find_personal(&self, hash: Vec<u8>) -> Result<(SessionId, Timestamp), AuthError> {
        let sought = hash.clone();
        let found = self
            .db
            .read(move |connection| Ok::<_, AuthError>(store::by_hash(connection, &sought)?))
            .await?;
        let (session, expires_at) = found.ok_or(AuthError::InvalidToken)?;
        let known = (session, Timestamp::from_millis(expires_at));
        self.personal.0.insert(hash, known);
        Ok(known)
    }
}
