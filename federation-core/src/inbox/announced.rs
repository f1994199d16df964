//! Activities inside an `Announce`: how groups pass on what their members do (FEP-1b12).

use std::sync::Arc;

use crate::inbox::prove::Proven;
use crate::inbox::request::Payer;
use crate::inbox::verified::Parts;
use crate::inbox::{Inbox, OriginAnswer, OriginError, Passage, Proof, ReceiveError, Verified};
use crate::vocab::{self, Activity, ActivityKind, Map, ObjectOrId, Value, VocabError, same_origin};

impl Inbox {
    /// The activity that an `Announce` passes on, proven for itself.
    ///
    /// The copy inside the `Announce` counts only with an integrity proof of its own actor
    /// (FEP-8b32); without one, and where only the id is named, the origin of the activity is
    /// asked, and what it shows takes the place of the copy. That needs [`Inbox::asking`].
    ///
    /// # Errors
    /// [`ReceiveError`] as for a request of its own; [`ReceiveError::NotActivity`] when something
    /// else is announced, such as a note.
    ///
    /// # Security
    /// Whether the announcer may speak for the group that the activity is for is left to
    /// [`ownership::in_group`](super::ownership::in_group) (attack 36). An `Announce` that was
    /// itself looked up at its origin causes no further look-up.
    pub async fn announced(&self, announce: &Verified) -> Result<Verified, ReceiveError> {
        let activity = announce.activity();
        let not_announced = VocabError::WrongKind {
            expected: "an Announce of one activity",
            found: activity.kind.as_str().chars().take(64).collect(),
        };
        if activity.kind != ActivityKind::Announce {
            return Err(not_announced.into());
        }
        let Some(object) = activity.single_object() else {
            return Err(not_announced.into());
        };
        let passage = Passage::Announced(Arc::clone(announce.actor()));
        let (proven, raw) = match object {
            ObjectOrId::Id(id) => {
                check_may_ask(announce)?;
                let origins = self.origins.as_ref().ok_or(ReceiveError::NotTheActor)?;
                self.check_not_blocked(id)?;
                if same_origin(id, &self.config.origin) {
                    return Err(OriginError::NotAsked.into());
                }
                let OriginAnswer::Shows(document) = origins.ask(id).await? else {
                    return Err(OriginError::Differs.into());
                };
                (self.shown(*document, passage).await?, None)
            }
            ObjectOrId::Object(_) => {
                let inner = embedded(announce)?;
                let raw = Value::Object(inner.clone()).to_string();
                (self.embedded(announce, inner, passage).await?, Some(raw))
            }
        };
        Ok(Verified::new(Parts {
            raw: match (proven.shown, raw) {
                (Some(shown), _) => shown,
                (None, raw) => raw.unwrap_or_default().into(),
            },
            activity: proven.activity,
            actor: proven.actor,
            received_at: announce.received_at(),
            proof: proven.proof,
            passage: proven.passage,
            synchronization: None,
        }))
    }

    async fn embedded(
        &self,
        announce: &Verified,
        inner: Map<String, Value>,
        passage: Passage,
    ) -> Result<Proven, ReceiveError> {
        let now = announce.received_at();
        let payer = Payer::Peer(announce.actor().id.host_str().unwrap_or_default());
        let activity = Activity::from_value(Value::Object(inner.clone()))?;
        self.judge(&activity)?;
        if let Some(claim) = self.inspect_proof(&inner, &activity, now)?
            && let Some((actor, proof)) = self.hold_proof(&claim, payer, now).await?
        {
            return Ok(Proven {
                activity,
                actor,
                proof: Proof::Integrity(proof),
                passage,
                shown: None,
            });
        }
        if activity.actor == announce.activity().actor {
            return Ok(Proven {
                activity,
                actor: Arc::clone(announce.actor()),
                proof: announce.proof().clone(),
                passage,
                shown: None,
            });
        }
        check_may_ask(announce)?;
        if !self.is_asked_for(&activity) {
            return Err(ReceiveError::NotTheActor);
        }
        self.confirm(activity, passage).await
    }
}

/// One look-up for each request: not for what was looked up itself.
fn check_may_ask(announce: &Verified) -> Result<(), ReceiveError> {
    if matches!(announce.proof(), Proof::Refetched) {
        return Err(OriginError::NotAsked.into());
    }
    Ok(())
}

/// The one object of an activity, as it came.
fn embedded(announce: &Verified) -> Result<Map<String, Value>, VocabError> {
    let mut document = vocab::parse(announce.raw())?;
    match document.shift_remove("object") {
        Some(Value::Object(inner)) => Ok(inner),
        Some(Value::Array(list)) => match <[Value; 1]>::try_from(list) {
            Ok([Value::Object(inner)]) => Ok(inner),
            _ => Err(VocabError::NotAnObject),
        },
        _ => Err(VocabError::NotAnObject),
    }
}
