//! Spreads audiences beside what is sent, a page at a time.

use std::sync::Arc;

use tokio::task::JoinError;

use super::dispatch::{Dispatch, STORE_PAUSE};
use crate::outbox::fan_out::Expansion;
use crate::store::StoreError;

impl Dispatch {
    /// Begins to spread the next page of an audience, unless one is being spread.
    pub(super) fn expand(&mut self) {
        if !self.expanding.is_empty() {
            return;
        }
        let store = Arc::clone(&self.worker.store);
        let config = &self.worker.config;
        let (limit, schedule) = (config.fan_out_batch, config.backoff);
        let now = self.worker.clock.now();
        self.expanding
            .spawn(async move { store.expand(limit, schedule, now).await });
    }

    /// Goes on while there is something to spread; the change wakes whoever sends it.
    pub(super) fn went_on(&mut self, spread: Result<Result<Expansion, StoreError>, JoinError>) {
        let now = self.worker.clock.now();
        let error = match spread {
            Ok(Ok(expansion)) if expansion.worked => return self.expand(),
            // Somebody else has it, or there is none.
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::error!(error, "an audience cannot be spread");
        let pause = now.plus(STORE_PAUSE);
        self.wake_at = Some(self.wake_at.map_or(pause, |at| at.min(pause)));
    }
}
