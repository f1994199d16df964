//! Who of this node is there, as others were last told, and of whom they are to be told anew.
//!
//! What clients read and what they are pushed comes from here, so that both say the same. Nobody
//! is in it who is seen as offline, whatever the reason, the invisible included. The status of a
//! profile is also shown with the profile, there whatever the presence.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use federation_core::Timestamp;
use federation_core::store::sql::DatabaseError;
use serde::Serialize;
use tokio::sync::{Notify, oneshot};

use super::model::User;
use super::presence::Presence;
use super::profile::Status;
use crate::base::ids::UserId;
use crate::platform::ctx::Ctx;

/// Who of this node is there; cheap to clone.
#[derive(Clone, Default)]
pub struct Online(Arc<Shared>);

#[derive(Default)]
struct Shared {
    shown: RwLock<HashMap<UserId, Shown>>,
    changed: Mutex<HashSet<UserId>>,
    wake: Notify,
}

/// What others see of whether a member is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Whether they are there.
    pub status: Presence,
    /// What they are up to; of nobody who is offline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_status: Option<Status>,
}

impl Shown {
    /// What others see of this person, by whether they have a socket open.
    pub fn of(user: &User, connected: bool, now: Timestamp) -> Self {
        let status = user.presence.seen(connected && user.is_active());
        let custom_status = match status {
            // No event tells of a text of the invisible: it would be a sign of life.
            Presence::Offline => None,
            _ => present(user.profile.status.as_ref(), now),
        };
        Self {
            status,
            custom_status,
        }
    }

    /// What others see of somebody who is not there.
    pub const fn offline() -> Self {
        Self {
            status: Presence::Offline,
            custom_status: None,
        }
    }
}

/// A text that has not ended.
pub fn present(status: Option<&Status>, now: Timestamp) -> Option<Status> {
    let lasts = |status: &&Status| status.expires_at.is_none_or(|end| end > now);
    status.filter(lasts).cloned()
}

impl Online {
    /// Whether others see this person as there.
    pub fn status(&self, user: UserId) -> Presence {
        self.shown(user).status
    }

    /// What others see of this person.
    pub fn shown(&self, user: UserId) -> Shown {
        let shown = self.0.shown.read().unwrap_or_else(PoisonError::into_inner);
        shown.get(&user).cloned().unwrap_or_else(Shown::offline)
    }

    /// Those of `users` who are there, as they are shown.
    pub fn among(&self, users: &[UserId]) -> Vec<(UserId, Shown)> {
        let shown = self.0.shown.read().unwrap_or_else(PoisonError::into_inner);
        let of = |user: &UserId| Some((*user, shown.get(user)?.clone()));
        users.iter().filter_map(of).collect()
    }

    /// Those who are there, at most `limit`, in no order.
    pub fn list(&self, limit: usize) -> Vec<UserId> {
        let shown = self.0.shown.read().unwrap_or_else(PoisonError::into_inner);
        shown.keys().copied().take(limit).collect()
    }

    /// How many are there.
    pub fn count(&self) -> usize {
        let shown = self.0.shown.read().unwrap_or_else(PoisonError::into_inner);
        shown.len()
    }

    /// Shows a person like this from now on.
    pub fn show(&self, user: UserId, as_this: Shown) {
        let mut shown = self.0.shown.write().unwrap_or_else(PoisonError::into_inner);
        if as_this.status == Presence::Offline {
            shown.remove(&user);
        } else {
            shown.insert(user, as_this);
        }
    }

    /// Makes a change of how a member is shown and notes it, also when the caller is gone before the
    /// end.
    ///
    /// # Errors
    /// Those of `change`, or it panicked.
    pub async fn change<T, E>(
        &self,
        ctx: &Ctx,
        user: UserId,
        change: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let online = self.clone();
        ctx.tasks().spawn(async move {
            let changed = change.await;
            // Even after an error: a commit whose answer was lost counts, and looking harms nobody.
            online.note_changed(user);
            let _nobody_waits = answer.send(changed);
        });
        answered
            .await
            .map_err(|_panicked| DatabaseError::Panicked)?
    }

    /// Notes that a member chose another presence or text; call it after the commit.
    pub fn note_changed(&self, user: UserId) {
        let mut changed = self
            .0
            .changed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        changed.insert(user);
        drop(changed);
        self.0.wake.notify_one();
    }

    /// Waits until members chose something else; for one reader, which loses none by cancelling.
    pub async fn changes(&self) -> HashSet<UserId> {
        loop {
            let noted = self.take_changed();
            if !noted.is_empty() {
                return noted;
            }
            self.0.wake.notified().await;
        }
    }

    fn take_changed(&self) -> HashSet<UserId> {
        let mut changed = self
            .0
            .changed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *changed)
    }
}

impl fmt::Debug for Online {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Online")
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}
