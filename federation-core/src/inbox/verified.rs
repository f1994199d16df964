//! The type that stands for "every check passed"; nothing but the inbox makes it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::clock::Timestamp;
use crate::signature::VerifiedSignature;
use crate::vocab::{Activity, Actor, Object, same_origin};

/// An activity that is proven to come from its actor.
///
/// What it proves: the signature is the actor's, the id lies on the actor's origin, and the claims
/// that can be judged without a store are the actor's to make. What it does not prove: that the
/// actor owns the stored thing it names; that is for the handler to compare.
///
/// Cloning is cheap: the parts are shared.
#[derive(Clone)]
pub struct Verified(Arc<Parts>);

struct Parts {
    activity: Activity,
    actor: Arc<Actor>,
    raw: Bytes,
    received_at: Timestamp,
    proof: Proof,
}

/// What an activity was accepted on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Proof {
    /// The signature of the actor.
    Signature(VerifiedSignature),
    /// The actor's own server says that the actor is gone; only for the actor's `Delete` of itself.
    Gone,
}

impl Verified {
    /// Joins what the checks have found.
    pub(super) fn new(
        activity: Activity,
        actor: Arc<Actor>,
        raw: Bytes,
        received_at: Timestamp,
        proof: Proof,
    ) -> Self {
        Self(Arc::new(Parts {
            activity,
            actor,
            raw,
            received_at,
            proof,
        }))
    }

    /// The activity.
    pub fn activity(&self) -> &Activity {
        &self.0.activity
    }

    /// The actor; under [`Proof::Gone`] no more than the id and an inbox that is that id.
    pub fn actor(&self) -> &Arc<Actor> {
        &self.0.actor
    }

    /// The body as it came, for forwarding and for the record.
    pub fn raw(&self) -> &Bytes {
        &self.0.raw
    }

    /// When it arrived, by this server's clock.
    pub fn received_at(&self) -> Timestamp {
        self.0.received_at
    }

    /// What it was accepted on.
    pub fn proof(&self) -> &Proof {
        &self.0.proof
    }

    /// The embedded object when the actor's own origin vouches for it.
    ///
    /// `None` for an id alone, and for an object of another origin, whose copy proves nothing and
    /// has to be fetched from there (FEP-fe34).
    pub fn trusted_object(&self) -> Option<&Object> {
        let object = self.activity().single_object()?.as_object()?;
        let id = object.id.as_ref()?;
        same_origin(id, &self.activity().actor).then_some(object)
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Verified")
            .field("id", &self.0.activity.id.as_str())
            .field("kind", &self.0.activity.kind)
            .field("actor", &self.0.actor.id.as_str())
            .finish_non_exhaustive()
    }
}
