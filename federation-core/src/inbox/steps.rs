//! The steps of the inbox before any key is known, in their order; the later ones are in
//! [`prove`](super::prove).

use url::Url;

use crate::clock::Timestamp;
use crate::inbox::request::Payer;
use crate::inbox::{InboundRequest, Inbox, ReceiveError, TooMany, authority};
use crate::proof::{self, ProofClaim};
use crate::signature::SignatureClaim;
use crate::vocab::{self, Activity, ActivityKind, Map, ObjectOrId, Value, VocabError, same_origin};

/// A step of the inbox, in the order in which they run.
///
/// Each is paid for only when all before it have passed: first what costs nothing, then what costs
/// a hash, then what costs a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Step {
    /// The source address has not sent too much.
    Rate,
    /// The body is no longer than this server reads.
    Size,
    /// The signature is well formed, covers enough, is of now, for this host and over this body.
    Signature,
    /// The body is one activity, in JSON that all readers read alike.
    Shape,
    /// Neither the key, nor the actor, nor what is passed on is of a blocked domain.
    Domain,
    /// The actor may claim this, as far as the activity alone tells.
    Authority,
    /// The key is there, and linked both ways with its owner.
    Key,
    /// The signature holds, and its owner may bring this activity.
    Sender,
    /// The integrity proof, when there is one, holds.
    Proof,
    /// What somebody else brought without a proof is shown by its origin.
    Origin,
}

impl Step {
    /// All steps in their order.
    pub const ORDER: [Self; 10] = [
        Self::Rate,
        Self::Size,
        Self::Signature,
        Self::Shape,
        Self::Domain,
        Self::Authority,
        Self::Key,
        Self::Sender,
        Self::Proof,
        Self::Origin,
    ];
}

/// An activity whose every check without a key has passed.
pub(super) struct Permitted {
    pub(super) activity: Activity,
    /// Its integrity proof, when there is one that can be checked here.
    pub(super) proof: Option<ProofClaim>,
}

impl Inbox {
    /// [`Step::Rate`] and [`Step::Size`].
    pub(super) fn admit(
        &self,
        request: &InboundRequest,
        now: Timestamp,
    ) -> Result<(), ReceiveError> {
        if let (Some(limiter), Some(source)) = (&self.limiter, request.source()) {
            limiter.charge_source(source, now)?;
        }
        let limit = self.config.max_body_bytes;
        if request.body().len() > limit {
            return Err(ReceiveError::TooLarge { limit });
        }
        Ok(())
    }

    /// [`Step::Shape`], [`Step::Domain`] and [`Step::Authority`] of what a request brings.
    pub(super) fn permit(
        &self,
        body: &[u8],
        claim: &SignatureClaim,
        now: Timestamp,
    ) -> Result<Permitted, ReceiveError> {
        let document = vocab::parse(body).map_err(VocabError::from)?;
        let with_proof = document
            .contains_key(proof::PROPERTY)
            .then(|| document.clone());
        let activity = Activity::from_value(Value::Object(document))?;
        self.check_not_blocked(claim.key_id())?;
        self.judge(&activity)?;
        if same_origin(claim.key_id(), &self.config.origin) {
            return Err(ReceiveError::NotTheActor);
        }
        let proof = match with_proof {
            Some(document) => self.inspect_proof(&document, &activity, now)?,
            None => None,
        };
        Ok(Permitted { activity, proof })
    }

    /// [`Step::Domain`] and [`Step::Authority`] of an activity, wherever it stood.
    pub(super) fn judge(&self, activity: &Activity) -> Result<(), ReceiveError> {
        for url in named(activity) {
            self.check_not_blocked(url)?;
        }
        for url in embedded_actors(activity) {
            self.check_not_blocked(&url)?;
        }
        Ok(authority::judge(activity, &self.config.origin)?)
    }

    pub(super) fn check_not_blocked(&self, url: &Url) -> Result<(), ReceiveError> {
        let host = url.host_str().unwrap_or_default();
        if self.blocked.is_blocked(host) {
            return Err(ReceiveError::Blocked {
                host: host.to_owned(),
            });
        }
        Ok(())
    }

    /// What can be said of the integrity proof without its key; `None` when it says nothing.
    pub(super) fn inspect_proof(
        &self,
        document: &Map<String, Value>,
        activity: &Activity,
        now: Timestamp,
    ) -> Result<Option<ProofClaim>, ReceiveError> {
        match proof::inspect(document, &self.config.proofs, now) {
            Ok(claim) if *claim.owner() == activity.actor => Ok(Some(claim)),
            Ok(_of_somebody_else) => Err(ReceiveError::NotTheActor),
            Err(fault) if fault.is_inconclusive() => Ok(None),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Takes a place for a fetch that a request causes, from whoever pays for it.
    pub(super) fn charge_fetch(&self, payer: Payer<'_>, now: Timestamp) -> Result<(), TooMany> {
        match (&self.limiter, payer) {
            (Some(limiter), Payer::Source(source)) => limiter.charge_fetch(source, now),
            (Some(limiter), Payer::Peer(host)) => limiter.charge_fetch_by_peer(host, now),
            (_, Payer::Nobody) | (None, _) => Ok(()),
        }
    }

    /// Takes a place for a request of the proven peer.
    pub(super) fn charge_peer(&self, sender: &Url, now: Timestamp) -> Result<(), TooMany> {
        match &self.limiter {
            Some(limiter) => limiter.charge_peer(sender.host_str().unwrap_or_default(), now),
            None => Ok(()),
        }
    }
}

/// Whom and what an activity is about. Reports and blocks may name what is blocked here.
fn named(activity: &Activity) -> impl Iterator<Item = &Url> {
    let about = !matches!(activity.kind, ActivityKind::Flag | ActivityKind::Block);
    let objects = activity.object.iter().chain(&activity.target);
    let ids = objects.filter(move |_| about).filter_map(ObjectOrId::id);
    std::iter::once(&activity.actor).chain(ids)
}

/// Who did what an activity is about, when that is another activity.
fn embedded_actors(activity: &Activity) -> Vec<Url> {
    if matches!(activity.kind, ActivityKind::Flag | ActivityKind::Block) {
        return Vec::new();
    }
    let embedded = activity.object.iter().filter_map(ObjectOrId::as_object);
    let actors = embedded.filter_map(|object| object.extra.get("actor"));
    let ids = actors.filter_map(|actor| ObjectOrId::from_value(actor.clone()).ok());
    ids.filter_map(|actor| actor.id().cloned()).collect()
}
