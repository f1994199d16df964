//! The type that stands for "every check passed"; nothing but the inbox makes it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::clock::Timestamp;
use crate::followers::Synchronization;
use crate::proof::VerifiedProof;
use crate::signature::VerifiedSignature;
use crate::vocab::{Activity, Actor, Object, same_origin};

/// An activity that is proven to come from its actor.
///
/// What it proves: the activity is the actor's (see [`Proof`]), its id lies on the actor's origin,
/// and the claims that can be judged without a store are the actor's to make. What it does not
/// prove: that the actor owns the stored thing it names; that is for the handler to compare, by
/// [`ownership`](crate::inbox::ownership).
///
/// Cloning is cheap: the parts are shared.
#[derive(Clone)]
pub struct Verified(Arc<Parts>);

pub(super) struct Parts {
    pub(super) activity: Activity,
    pub(super) actor: Arc<Actor>,
    pub(super) raw: Bytes,
    pub(super) received_at: Timestamp,
    pub(super) proof: Proof,
    pub(super) passage: Passage,
    pub(super) synchronization: Option<Synchronization>,
}

/// What an activity was accepted on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Proof {
    /// The request was signed by the actor.
    Signature(VerifiedSignature),
    /// The activity carries an integrity proof of the actor (FEP-8b32), which outranks the
    /// signature of the request.
    Integrity(VerifiedProof),
    /// Somebody else brought it, and the actor's own server shows it under its id; what it shows
    /// has taken the place of what was brought.
    Refetched,
    /// The actor's own server says that the object is gone: 410, or of other objects than actors
    /// a `Tombstone`. Only for a `Delete`. Of the actor nothing is known but the id.
    Gone,
}

/// Through whose hands an activity came.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Passage {
    /// The actor's own.
    Direct,
    /// Another actor forwarded it (`ActivityPub` s7.1.2).
    Forwarded(Arc<Actor>),
    /// Another actor announced it (FEP-1b12).
    Announced(Arc<Actor>),
}

impl Verified {
    /// Joins what the checks have found.
    pub(super) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The activity.
    pub fn activity(&self) -> &Activity {
        &self.0.activity
    }

    /// The actor; under [`Proof::Gone`] no more than the id and an inbox that is that id.
    pub fn actor(&self) -> &Arc<Actor> {
        &self.0.actor
    }

    /// The document as it came, or as its origin shows it: for forwarding and for the record.
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

    /// Through whose hands it came.
    pub fn passage(&self) -> &Passage {
        &self.0.passage
    }

    /// What the actor says about its followers here (FEP-8fcf): the header of the request, signed by
    /// the actor and about its own followers alone.
    pub fn synchronization(&self) -> Option<&Synchronization> {
        self.0.synchronization.as_ref()
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
