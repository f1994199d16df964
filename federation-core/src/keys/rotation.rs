//! How long each stage of a rotation lasts, and the work that moves keys on.

use std::time::Duration;

use url::Url;

use super::error::LocalKeyError;
use super::local::{LocalKeys, current};
use super::made::make_pair;
use super::store::{KeyChange, KeyStage, KeyStep, StoredKey, published};
use crate::clock::Timestamp;
use crate::signature::Algorithm;

/// How long each stage lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RotationPolicy {
    /// How long a new key is listed before it signs; others refresh what they know of an actor
    /// within a day. Default: 24 hours.
    pub publish_for: Duration,
    /// How long the old key stays listed after the switch: longer than a delivery is retried.
    /// Default: 7 days.
    pub overlap: Duration,
    /// How old a current key gets before a rotation begins by itself; `None`, the default: never.
    pub every: Option<Duration>,
    /// Actors that are moved on in one call of [`LocalKeys::advance`] at most. Default: 50.
    pub batch: u32,
}

impl Default for RotationPolicy {
    fn default() -> Self {
        Self {
            publish_for: Duration::from_hours(24),
            overlap: Duration::from_hours(7 * 24),
            every: None,
            batch: 50,
        }
    }
}

/// How many actors took which step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Steps {
    /// New keys were listed.
    pub published: usize,
    /// New keys sign.
    pub switched: usize,
    /// Old keys are gone.
    pub retired: usize,
}

impl Steps {
    /// How many steps were taken.
    pub const fn total(self) -> usize {
        self.published + self.switched + self.retired
    }
}

impl LocalKeys {
    /// Begins a rotation: new keys are made and listed. False when one is under way already.
    ///
    /// # Errors
    /// See [`LocalKeyError`].
    ///
    /// # Security
    /// `actor` must be known to be an actor of this server.
    pub async fn rotate(&self, actor: &Url, now: Timestamp) -> Result<bool, LocalKeyError> {
        // First keys come first, so that there is something to rotate away from.
        self.of(actor).await?;
        let keys = self.stored(actor).await?;
        if keys.iter().any(|key| key.stage != KeyStage::Current) {
            return Ok(false);
        }
        let inserted = self.make(actor, KeyStage::Next, now).await?;
        let after = [keys, inserted.clone()].concat();
        self.step(actor, KeyStep::Publish, inserted, after, now)
            .await
    }

    /// Takes every step that is due, for at most [`RotationPolicy::batch`] actors a stage; call it
    /// every few minutes. What a killed process left is taken up where it was left.
    ///
    /// # Errors
    /// The store cannot say what is due. A step that one actor's keys do not allow is logged, and
    /// tried again with the next call; it holds up nobody else.
    pub async fn advance(&self, now: Timestamp) -> Result<Steps, LocalKeyError> {
        let policy = self.policy().clone();
        let mut steps = Steps::default();
        for actor in self
            .due(KeyStage::Previous, now.minus(policy.overlap))
            .await?
        {
            steps.retired += taken(&actor, self.retire(&actor, now).await);
        }
        for actor in self
            .due(KeyStage::Next, now.minus(policy.publish_for))
            .await?
        {
            steps.switched += taken(&actor, self.switch(&actor, now).await);
        }
        if let Some(every) = policy.every {
            for actor in self.due(KeyStage::Current, now.minus(every)).await? {
                steps.published += taken(&actor, self.rotate(&actor, now).await);
            }
        }
        Ok(steps)
    }

    async fn retire(&self, actor: &Url, now: Timestamp) -> Result<bool, LocalKeyError> {
        let mut keys = self.stored(actor).await?;
        keys.retain(|key| key.stage != KeyStage::Previous);
        self.step(actor, KeyStep::Retire, Vec::new(), keys, now)
            .await
    }

    async fn switch(&self, actor: &Url, now: Timestamp) -> Result<bool, LocalKeyError> {
        let mut keys = self.stored(actor).await?;
        if !keys.iter().any(|key| key.stage == KeyStage::Next) {
            // Another process took the step since.
            return Ok(false);
        }
        for key in &mut keys {
            key.stage = match key.stage {
                KeyStage::Next => KeyStage::Current,
                KeyStage::Current => KeyStage::Previous,
                other => other,
            };
        }
        self.step(actor, KeyStep::Switch, Vec::new(), keys, now)
            .await
    }

    async fn due(&self, stage: KeyStage, since: Timestamp) -> Result<Vec<Url>, LocalKeyError> {
        let batch = self.policy().batch;
        Ok(self.store().due(stage, since, batch).await?)
    }

    pub(super) async fn make(
        &self,
        actor: &Url,
        stage: KeyStage,
        now: Timestamp,
    ) -> Result<Vec<StoredKey>, LocalKeyError> {
        let (actor, sealer) = (actor.clone(), self.sealer());
        tokio::task::spawn_blocking(move || make_pair(&actor, stage, sealer.as_ref(), now))
            .await
            .map_err(|_stopped| LocalKeyError::Stopped)?
    }

    /// Takes one step, given the keys as they are after it.
    pub(super) async fn step(
        &self,
        actor: &Url,
        step: KeyStep,
        inserted: Vec<StoredKey>,
        after: Vec<StoredKey>,
        at: Timestamp,
    ) -> Result<bool, LocalKeyError> {
        let prover = current(actor, &after, Algorithm::Ed25519)?;
        let change = KeyChange {
            actor: actor.clone(),
            step,
            inserted,
            published: published(&after)?,
            prover: self.open(prover)?,
            at,
        };
        let taken = self.store().change(change).await?;
        if taken {
            tracing::debug!(%actor, ?step, "signing keys moved on");
        }
        self.forget(actor).await;
        Ok(taken)
    }
}

/// 1 for a step that was taken; a step that failed is logged.
fn taken(actor: &Url, step: Result<bool, LocalKeyError>) -> usize {
    match step {
        Ok(taken) => usize::from(taken),
        Err(error) => {
            tracing::error!(%actor, %error, "signing keys cannot be moved on");
            0
        }
    }
}
