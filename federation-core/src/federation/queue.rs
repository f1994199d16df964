//! What is to be sent, gathered in a transaction and kept with it.

use openssl::sha::Sha256;
use thiserror::Error;
use url::Url;

use super::actors::Places;
use crate::clock::Timestamp;
use crate::inbox::Verified;
use crate::outbox::{Outgoing, Target, plan_targets};
use crate::vocab::{Activity, ActivityKind, Actor, ObjectOrId, same_origin};

/// Messages that one transaction may queue.
const MAX_MESSAGES: usize = 1000;

/// Why something cannot be queued; each is a fault of the application.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueError {
    /// The sender is no actor of this server.
    #[error("{actor} is no actor of this server")]
    ForeignSender {
        /// Who was to send it.
        actor: String,
    },
    /// The activity's id lies on another server.
    #[error("the activity {id} lies on another server")]
    ForeignId {
        /// The id.
        id: String,
    },
    /// Only a request to a local actor can be accepted or rejected.
    #[error("the activity asks nothing of an actor of this server")]
    NothingAsked,
    /// One transaction queues more than 1000 messages.
    #[error("one transaction cannot queue more than {MAX_MESSAGES} messages")]
    TooMany,
}

/// An activity and whom it goes to.
#[derive(Clone, Debug)]
pub struct Message {
    activity: Activity,
    recipients: Vec<Actor>,
    targets: Vec<Target>,
    order: Option<String>,
}

impl Message {
    /// An activity that goes nowhere yet; its actor sends it.
    pub fn new(activity: Activity) -> Self {
        Self {
            activity,
            recipients: Vec::new(),
            targets: Vec::new(),
            order: None,
        }
    }

    /// The same message, to this actor too.
    ///
    /// Actors behind one shared inbox share a delivery where that gives nothing away.
    #[must_use]
    pub fn to(mut self, recipient: &Actor) -> Self {
        let (id, kind, inbox) = (&recipient.id, &recipient.kind, &recipient.inbox);
        let mut known = Actor::new(id.clone(), kind.clone(), inbox.clone());
        known.shared_inbox.clone_from(&recipient.shared_inbox);
        self.recipients.push(known);
        self
    }

    /// The same message, to this inbox too: for applications that keep inboxes of followers.
    #[must_use]
    pub fn to_inbox(mut self, target: Target) -> Self {
        self.targets.push(target);
        self
    }

    /// The same message, which reaches each server after those queued before it with the same
    /// `conversation` (I7). Without one it waits for nothing.
    #[must_use]
    pub fn in_order_of(mut self, conversation: impl Into<String>) -> Self {
        self.order = Some(conversation.into());
        self
    }

    /// As the outbox takes it; hidden recipients are removed (ActivityPub s6).
    fn into_outgoing(self, origin: &Url) -> Outgoing {
        let Self {
            mut activity,
            recipients,
            mut targets,
            order,
        } = self;
        let is_public = activity.is_public();
        for target in plan_targets(&recipients, is_public) {
            match targets.iter_mut().find(|known| known.inbox == target.inbox) {
                Some(known) => known.recipients.extend(target.recipients),
                None => targets.push(target),
            }
        }
        activity.bto.clear();
        activity.bcc.clear();
        for object in &mut activity.object {
            if let ObjectOrId::Object(object) = object {
                object.bto.clear();
                object.bcc.clear();
            }
        }
        Outgoing {
            activity_id: activity.id.clone(),
            actor_id: activity.actor.clone(),
            object_id: activity
                .object_id()
                .filter(|id| same_origin(id, origin))
                .cloned(),
            body: activity.to_value().to_string(),
            ordering_key: order,
            targets,
        }
    }
}

impl From<Activity> for Message {
    fn from(activity: Activity) -> Self {
        Self::new(activity)
    }
}

/// What the ids that a queue makes follow from.
#[derive(Clone, Debug)]
pub(super) enum Seed {
    /// The activity that is answered.
    Activity(Verified),
    /// A name made for this transaction.
    Name(uuid::Uuid),
}

impl Seed {
    fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut add = |part: &[u8]| {
            hash.update(part);
            hash.update(&[0]);
        };
        match self {
            Self::Activity(verified) => {
                add(verified.activity().id.as_str().as_bytes());
                add(verified.activity().actor.as_str().as_bytes());
            }
            Self::Name(name) => add(name.as_bytes()),
        }
        hash.finish()
    }
}

/// Gathers what a transaction sends; it is durable when the transaction is, and sent after that.
#[derive(Debug)]
pub struct Queue {
    places: Places,
    now: Timestamp,
    seed: Seed,
    ids: u32,
    outgoing: Vec<Outgoing>,
}

impl Queue {
    pub(super) fn new(places: Places, now: Timestamp, seed: Seed) -> Self {
        Self {
            places,
            now,
            seed,
            ids: 0,
            outgoing: Vec::new(),
        }
    }

    /// The present moment; in a handler, when the activity arrived.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The id of the local actor with this name.
    pub fn actor_id(&self, name: &str) -> Url {
        self.places.actor(name)
    }

    /// A new id below `path` (such as `/notes`) of this server.
    ///
    /// In a handler, ids follow from the activity that is answered: an answer that is made again
    /// after a rollback is the same answer.
    pub fn new_id(&mut self, path: &str) -> Url {
        let name = self.next_name();
        self.places
            .at(&format!("{}/{name}", path.trim_end_matches('/')))
    }

    /// A new id for an activity of `actor` that nobody has to look up later.
    pub fn activity_id(&mut self, actor: &Url) -> Url {
        let name = self.next_name();
        let mut id = actor.clone();
        id.set_fragment(Some(&format!("activities/{name}")));
        id
    }

    fn next_name(&mut self) -> String {
        let mut hash = Sha256::new();
        hash.update(&self.seed.digest());
        hash.update(&self.ids.to_be_bytes());
        self.ids = self.ids.wrapping_add(1);
        short_name(&hash.finish())
    }

    /// Queues a message.
    ///
    /// # Errors
    /// See [`QueueError`].
    pub fn send(&mut self, message: impl Into<Message>) -> Result<(), QueueError> {
        let message = message.into();
        let (id, actor) = (&message.activity.id, &message.activity.actor);
        let origin = self.places.origin();
        let is_local = self.places.name_of(actor).is_some() || *actor == self.places.server_actor();
        if !is_local {
            let actor = actor.to_string();
            return Err(QueueError::ForeignSender { actor });
        }
        if !same_origin(id, origin) {
            return Err(QueueError::ForeignId { id: id.to_string() });
        }
        if self.outgoing.len() >= MAX_MESSAGES {
            return Err(QueueError::TooMany);
        }
        let outgoing = message.into_outgoing(origin);
        if !outgoing.targets.is_empty() {
            self.outgoing.push(outgoing);
        }
        Ok(())
    }

    /// Accepts a request to a local actor, such as a `Follow`, in that actor's name.
    ///
    /// # Errors
    /// [`QueueError::NothingAsked`] when the activity names no local actor as its object.
    pub fn accept(&mut self, verified: &Verified) -> Result<(), QueueError> {
        self.answer(verified, Activity::accept)
    }

    /// Rejects a request to a local actor, such as a `Follow`, in that actor's name.
    ///
    /// # Errors
    /// As [`Queue::accept`].
    pub fn reject(&mut self, verified: &Verified) -> Result<(), QueueError> {
        self.answer(verified, Activity::reject)
    }

    fn answer(
        &mut self,
        verified: &Verified,
        make: impl FnOnce(Url, Url, &Activity) -> Activity,
    ) -> Result<(), QueueError> {
        let request = verified.activity();
        let asked = request.object_id().ok_or(QueueError::NothingAsked)?;
        let is_request = matches!(request.kind, ActivityKind::Follow | ActivityKind::Join);
        if !is_request || self.places.name_of(asked).is_none() {
            return Err(QueueError::NothingAsked);
        }
        let asked = asked.clone();
        let answer = make(self.activity_id(&asked), asked, request);
        self.send(Message::new(answer).to(verified.actor()))
    }

    pub(super) fn into_outgoing(self) -> Vec<Outgoing> {
        self.outgoing
    }
}

/// The first half of a digest as hexadecimal digits.
pub(super) fn short_name(digest: &[u8; 32]) -> String {
    let half = digest.first_chunk().copied().unwrap_or_default();
    uuid::Uuid::from_bytes(half).simple().to_string()
}
