//! Builders for the activities that servers exchange.

use url::Url;

use super::activity::Activity;
use super::kind::ActivityKind;
use super::link::ObjectOrId;
use super::object::Object;
use crate::clock::Timestamp;

impl Activity {
    /// `actor` made `object`; addressed as the object is.
    pub fn create(id: Url, actor: Url, object: Object) -> Self {
        Self::about(id, ActivityKind::Create, actor, object)
    }

    /// `actor` changed `object`, which is sent whole; addressed as the object is.
    pub fn update(id: Url, actor: Url, object: Object) -> Self {
        Self::about(id, ActivityKind::Update, actor, object)
    }

    /// `actor` deleted `object`: a tombstone or an id.
    pub fn delete(id: Url, actor: Url, object: impl Into<ObjectOrId>) -> Self {
        Self::new(id, ActivityKind::Delete, actor).with_object(object)
    }

    /// `actor` asks to follow `followed`.
    pub fn follow(id: Url, actor: Url, followed: Url) -> Self {
        Self::answer_to(id, ActivityKind::Follow, actor, followed)
    }

    /// `actor` accepts the activity `accepted`, and tells the one who asked.
    pub fn accept(id: Url, actor: Url, accepted: &Activity) -> Self {
        Self::answering(id, ActivityKind::Accept, actor, accepted)
    }

    /// `actor` rejects the activity `rejected`, and tells the one who asked.
    pub fn reject(id: Url, actor: Url, rejected: &Activity) -> Self {
        Self::answering(id, ActivityKind::Reject, actor, rejected)
    }

    /// Takes back the activity `undone`; addressed as that was.
    pub fn undo(id: Url, undone: &Activity) -> Self {
        let mut activity = Self::new(id, ActivityKind::Undo, undone.actor.clone());
        activity.to.clone_from(&undone.to);
        activity.cc.clone_from(&undone.cc);
        activity.with_object(undone)
    }

    /// `actor` passes `object` on.
    pub fn announce(id: Url, actor: Url, object: impl Into<ObjectOrId>) -> Self {
        Self::new(id, ActivityKind::Announce, actor).with_object(object)
    }

    /// `actor` likes `object`; with `content`, an emoji, it is a reaction (FEP-c0e0).
    pub fn like(id: Url, actor: Url, object: Url, content: Option<String>) -> Self {
        let mut activity = Self::new(id, ActivityKind::Like, actor).with_object(object);
        activity.content = content;
        activity
    }

    /// `actor` puts `object` into the collection `target`.
    pub fn add(id: Url, actor: Url, object: impl Into<ObjectOrId>, target: Url) -> Self {
        let mut activity = Self::new(id, ActivityKind::Add, actor).with_object(object);
        activity.target = Some(target.into());
        activity
    }

    /// `actor` takes `object` out of the collection `target`.
    pub fn remove(id: Url, actor: Url, object: impl Into<ObjectOrId>, target: Url) -> Self {
        let mut activity = Self::new(id, ActivityKind::Remove, actor).with_object(object);
        activity.target = Some(target.into());
        activity
    }

    /// The same activity with one more object.
    #[must_use]
    pub fn with_object(mut self, object: impl Into<ObjectOrId>) -> Self {
        self.object.push(object.into());
        self
    }

    /// The same activity addressed to `to` and `cc`.
    #[must_use]
    pub fn addressed_to(mut self, to: Vec<Url>, cc: Vec<Url>) -> Self {
        self.to = to;
        self.cc = cc;
        self
    }

    /// The same activity done at `published`.
    #[must_use]
    pub fn published_at(mut self, published: Timestamp) -> Self {
        self.published = Some(published);
        self
    }

    fn about(id: Url, kind: ActivityKind, actor: Url, object: Object) -> Self {
        let mut activity = Self::new(id, kind, actor);
        activity.to.clone_from(&object.to);
        activity.cc.clone_from(&object.cc);
        activity.audience.clone_from(&object.audience);
        activity.published = object.updated.or(object.published);
        activity.with_object(object)
    }

    fn answer_to(id: Url, kind: ActivityKind, actor: Url, asked: Url) -> Self {
        let mut activity = Self::new(id, kind, actor);
        activity.to.push(asked.clone());
        activity.with_object(asked)
    }

    fn answering(id: Url, kind: ActivityKind, actor: Url, answered: &Activity) -> Self {
        let mut activity = Self::new(id, kind, actor);
        activity.to.push(answered.actor.clone());
        activity.with_object(answered)
    }
}
