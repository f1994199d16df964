//! The steps of the inbox that need a key, or the word of an origin.

use std::sync::Arc;

use bytes::Bytes;
use url::Url;

use crate::clock::Timestamp;
use crate::fetch::Document;
use crate::inbox::request::Payer;
use crate::inbox::steps::Permitted;
use crate::inbox::{
    InboundRequest, Inbox, KeyLookupError, OriginAnswer, OriginError, OwnedKey, Passage, Proof,
    ReceiveError,
};
use crate::proof::{ProofClaim, VerifiedProof};
use crate::signature::{Scheme, SignatureClaim, VerifiedSignature};
use crate::vocab::{
    Activity, ActivityKind, Actor, ActorKind, Object, ObjectKind, Value, same_origin,
};

/// An activity, whose it is, and what proves that.
pub(super) struct Proven {
    pub(super) activity: Activity,
    pub(super) actor: Arc<Actor>,
    pub(super) proof: Proof,
    pub(super) passage: Passage,
    /// What the origin shows in place of what was brought.
    pub(super) shown: Option<Bytes>,
}

/// Whose signature the request carries; `None` when the key is gone with its actor.
type Sender = Option<(Arc<Actor>, VerifiedSignature)>;

impl Inbox {
    /// [`Step::Key`](super::Step::Key) and all that follow.
    pub(super) async fn prove(
        &self,
        request: &InboundRequest,
        claim: &SignatureClaim,
        permitted: Permitted,
        now: Timestamp,
    ) -> Result<Proven, ReceiveError> {
        let Permitted { activity, proof } = permitted;
        let may_bring = |owner: &Url| {
            if *owner == activity.actor || proof.is_some() || self.is_asked_for(&activity) {
                Ok(())
            } else {
                Err(ReceiveError::NotTheActor)
            }
        };
        if !same_origin(claim.key_id(), &activity.actor) {
            may_bring(claim.key_id())?;
        }
        let sender = self
            .sender(request, claim, &activity, may_bring, now)
            .await?;
        let Some((sender, signature)) = sender else {
            return Ok(gone(activity, Passage::Direct));
        };
        self.charge_peer(&sender.id, now)?;
        let passage = if sender.id == activity.actor {
            Passage::Direct
        } else {
            Passage::Forwarded(Arc::clone(&sender))
        };
        if let Some(claim) = proof
            && let Some((actor, proof)) = self.hold_proof(&claim, request.payer(), now).await?
        {
            return Ok(Proven {
                activity,
                actor,
                proof: Proof::Integrity(proof),
                passage,
                shown: None,
            });
        }
        if let Passage::Direct = passage {
            return Ok(Proven {
                activity,
                actor: sender,
                proof: Proof::Signature(signature),
                passage,
                shown: None,
            });
        }
        if !self.is_asked_for(&activity) {
            return Err(ReceiveError::NotTheActor);
        }
        self.charge_fetch(request.payer(), now)?;
        self.confirm(activity, passage).await
    }

    /// Finds the key, judges its owner and verifies; once more with a fresh key when the known one
    /// does not fit, since owners change keys.
    pub(super) async fn verify(
        &self,
        claim: &SignatureClaim,
        payer: Payer<'_>,
        now: Timestamp,
        judge: impl Fn(&Url) -> Result<(), ReceiveError> + Send + Sync,
    ) -> Result<(OwnedKey, VerifiedSignature), ReceiveError> {
        let known = self.key(claim.key_id(), payer, now).await?;
        judge(&known.owner.id)?;
        let fault = match claim.verify(&known.key) {
            Ok(signature) => {
                self.learn(&signature).await;
                return Ok((known, signature));
            }
            Err(fault) => fault,
        };
        self.charge_fetch(payer, now)?;
        let fresh = match self.keys.refresh_key(claim.key_id()).await {
            Ok(fresh) => fresh,
            Err(KeyLookupError::Unusable(_)) => return Err(fault.into()),
            Err(other) => return Err(other.into()),
        };
        judge(&fresh.owner.id)?;
        if fresh.key == known.key {
            return Err(fault.into());
        }
        let signature = claim.verify(&fresh.key)?;
        self.learn(&signature).await;
        Ok((fresh, signature))
    }

    /// A server that signs is there, and one that signs by RFC 9421 is answered in kind.
    async fn learn(&self, signature: &VerifiedSignature) {
        if let Some(contacts) = &self.contacts {
            contacts.heard_of(signature.key_id()).await;
        }
        if let Some(schemes) = &self.schemes
            && signature.scheme() == Scheme::Rfc9421
        {
            schemes.knows_rfc9421(signature.key_id()).await;
        }
    }

    /// The key, from memory, or at the cost of a fetch that the source of the request pays for.
    async fn key(
        &self,
        key_id: &Url,
        payer: Payer<'_>,
        now: Timestamp,
    ) -> Result<OwnedKey, ReceiveError> {
        if let Some(known) = self.keys.known_key(key_id).await {
            return Ok(known);
        }
        self.charge_fetch(payer, now)?;
        Ok(self.keys.key(key_id).await?)
    }

    /// Who signed the request.
    async fn sender(
        &self,
        request: &InboundRequest,
        claim: &SignatureClaim,
        activity: &Activity,
        may_bring: impl Fn(&Url) -> Result<(), ReceiveError> + Send + Sync,
        now: Timestamp,
    ) -> Result<Sender, ReceiveError> {
        match self.verify(claim, request.payer(), now, may_bring).await {
            Ok((owned, signature)) => Ok(Some((owned.owner, signature))),
            // Only the actor's own key is gone with the actor.
            Err(ReceiveError::Key(KeyLookupError::Gone))
                if deletes_itself(activity)
                    && same_origin(claim.key_id(), &activity.actor)
                    && self.keys.is_gone(&activity.actor).await =>
            {
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Holds an integrity proof against the key of its owner; `None` when there is no such key, so
    /// that the proof says nothing (FEP-8b32, "Proof verification").
    pub(super) async fn hold_proof(
        &self,
        claim: &ProofClaim,
        payer: Payer<'_>,
        now: Timestamp,
    ) -> Result<Option<(Arc<Actor>, VerifiedProof)>, ReceiveError> {
        let method = claim.verification_method();
        let known = match self.key(method, payer, now).await {
            Ok(known) => known,
            Err(ReceiveError::Key(_)) => return Ok(None),
            Err(fault) => return Err(fault),
        };
        if known.owner.id != *claim.owner() {
            return Err(ReceiveError::NotTheActor);
        }
        let fault = match claim.verify(&known.key) {
            Ok(proof) => return Ok(Some((known.owner, proof))),
            Err(fault) => fault,
        };
        self.charge_fetch(payer, now)?;
        match self.keys.refresh_key(method).await {
            Ok(fresh) if fresh.owner.id == *claim.owner() && fresh.key != known.key => {
                let proof = claim.verify(&fresh.key)?;
                Ok(Some((fresh.owner, proof)))
            }
            _ => Err(fault.into()),
        }
    }

    /// Whether the origin of an activity is asked about it when somebody else brings it.
    ///
    /// Not about those that a later one takes back and that go to one server alone, such as a
    /// `Follow`: an origin may show them long after they were taken back.
    pub(super) fn is_asked_for(&self, activity: &Activity) -> bool {
        let confirmable = matches!(
            activity.kind,
            ActivityKind::Create
                | ActivityKind::Update
                | ActivityKind::Delete
                | ActivityKind::Announce
                | ActivityKind::Like
                | ActivityKind::Dislike
                | ActivityKind::EmojiReact
        );
        self.origins.is_some() && confirmable
    }

    /// [`Step::Origin`](super::Step::Origin): puts what the origin shows in the place of what was
    /// brought. One document is fetched, and the actor when it is not known.
    pub(super) async fn confirm(
        &self,
        brought: Activity,
        passage: Passage,
    ) -> Result<Proven, ReceiveError> {
        let origins = self.origins.as_ref().ok_or(ReceiveError::NotTheActor)?;
        if brought.kind == ActivityKind::Delete {
            return self.confirm_delete(brought, passage).await;
        }
        let OriginAnswer::Shows(document) = origins.ask(&brought.id).await? else {
            return Err(OriginError::Differs.into());
        };
        let proven = self.shown(*document, passage).await?;
        if proven.activity.actor != brought.actor || proven.activity.kind != brought.kind {
            return Err(OriginError::Differs.into());
        }
        Ok(proven)
    }

    /// An activity that its own origin shows.
    pub(super) async fn shown(
        &self,
        document: Document,
        passage: Passage,
    ) -> Result<Proven, ReceiveError> {
        let origins = self.origins.as_ref().ok_or(ReceiveError::NotTheActor)?;
        let activity = Activity::from_value(Value::Object(document.map))?;
        self.judge(&activity)?;
        if !self.is_asked_for(&activity) || activity.kind == ActivityKind::Delete {
            return Err(OriginError::NotAsked.into());
        }
        let actor = origins.actor(&activity.actor).await?;
        Ok(Proven {
            activity,
            actor,
            proof: Proof::Refetched,
            passage,
            shown: Some(document.bytes),
        })
    }

    /// A deletion is confirmed by the origin of its object: 410, or a `Tombstone`; 404 is not gone.
    async fn confirm_delete(
        &self,
        brought: Activity,
        passage: Passage,
    ) -> Result<Proven, ReceiveError> {
        let origins = self.origins.as_ref().ok_or(ReceiveError::NotTheActor)?;
        let object = brought.object_id().ok_or(OriginError::NotAsked)?;
        if *object == brought.actor {
            if self.keys.is_gone(object).await {
                return Ok(gone(brought, passage));
            }
            return Err(OriginError::Differs.into());
        }
        match origins.ask(object).await? {
            OriginAnswer::Gone => Ok(gone(brought, passage)),
            OriginAnswer::Shows(document) => {
                let left = Object::from_value(Value::Object(document.map))?;
                if left.kind == ObjectKind::Tombstone {
                    Ok(gone(brought, passage))
                } else {
                    Err(OriginError::Differs.into())
                }
            }
        }
    }
}

fn deletes_itself(activity: &Activity) -> bool {
    activity.kind == ActivityKind::Delete && activity.object_id() == Some(&activity.actor)
}

/// A deletion that its origin confirms. All that is known of the actor is the id.
fn gone(mut activity: Activity, passage: Passage) -> Proven {
    let kind = ActorKind::from_name("Tombstone");
    let id = activity.actor.clone();
    // Whatever else was brought along is not confirmed.
    let object = activity.object_id().cloned();
    activity.object = object.into_iter().map(Into::into).collect();
    Proven {
        actor: Arc::new(Actor::new(id.clone(), kind, id)),
        activity,
        proof: Proof::Gone,
        passage,
        shown: None,
    }
}
