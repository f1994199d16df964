//! What an actor may claim, as far as the activity alone can tell (FEP-fe34, `ActivityPub` s7).
//!
//! These rules know no store. Whether the actor owns the stored object that an activity names is
//! judged by the handler, against the stored owner.

use thiserror::Error;
use url::Url;

use crate::vocab::{
    Activity, ActivityKind, ActorKind, Object, ObjectOrId, Value, VocabError, same_origin,
};

/// Why an activity is not its actor's to send.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// The actor is said to live on this server, which sends itself nothing.
    #[error("the actor {actor} is of this server")]
    LocalActor {
        /// The actor.
        actor: String,
    },
    /// The activity's id lies elsewhere than its actor.
    #[error("the activity {id} lies elsewhere than its actor")]
    ForeignActivity {
        /// Id of the activity.
        id: String,
    },
    /// An object to be created, changed or deleted has no id.
    #[error("the object has no id")]
    AnonymousObject,
    /// An object to be created, changed or deleted is one of this server.
    #[error("the object {id} is of this server")]
    LocalObject {
        /// Id of the object.
        id: String,
    },
    /// An object to be created, changed or deleted lies elsewhere than the actor.
    #[error("the object {id} lies elsewhere than the actor")]
    ForeignObject {
        /// Id of the object.
        id: String,
    },
    /// The object is attributed to others, not to the actor.
    #[error("the object {id} is not attributed to the actor")]
    ForeignAttribution {
        /// Id of the object.
        id: String,
    },
    /// An actor changes or deletes another actor.
    #[error("the actor {id} is another than the sender")]
    OtherActor {
        /// Id of the actor in the object.
        id: String,
    },
    /// An actor shows a key that belongs to somebody else.
    #[error("the key {key} belongs to somebody else")]
    ForeignKey {
        /// Id of the key.
        key: String,
    },
    /// What is undone was done by somebody else.
    #[error("the undone activity is by somebody else")]
    ForeignUndo,
    /// The answered request was made to somebody else.
    #[error("the answered request was made to somebody else")]
    ForeignAnswer,
    /// The account that moves is another than the sender.
    #[error("the moved account is another than the sender")]
    ForeignMove,
    /// The embedded activity cannot be read.
    #[error("the embedded activity cannot be read")]
    Unreadable(#[source] VocabError),
}

impl AuthorityError {
    /// Whether the same activity may be its actor's later: never.
    pub const fn is_retryable(&self) -> bool {
        false
    }
}

/// Judges an activity that has arrived at the server with this origin.
///
/// # Errors
/// See [`AuthorityError`].
pub(super) fn judge(activity: &Activity, own: &Url) -> Result<(), AuthorityError> {
    let actor = &activity.actor;
    if same_origin(actor, own) {
        return Err(AuthorityError::LocalActor {
            actor: actor.to_string(),
        });
    }
    if !same_origin(&activity.id, actor) {
        return Err(AuthorityError::ForeignActivity {
            id: activity.id.to_string(),
        });
    }
    for object in &activity.object {
        match activity.kind {
            ActivityKind::Create | ActivityKind::Update | ActivityKind::Delete => {
                judge_owned(object, actor, own)?;
            }
            ActivityKind::Undo => judge_undone(object, actor)?,
            ActivityKind::Accept
            | ActivityKind::Reject
            | ActivityKind::TentativeAccept
            | ActivityKind::TentativeReject => judge_answered(object, actor)?,
            ActivityKind::Move if object.id() != Some(actor) => {
                return Err(AuthorityError::ForeignMove);
            }
            _ => {}
        }
    }
    Ok(())
}

/// The object is of the actor's origin, and names nobody else as its author.
fn judge_owned(object: &ObjectOrId, actor: &Url, own: &Url) -> Result<(), AuthorityError> {
    let id = object.id().ok_or(AuthorityError::AnonymousObject)?;
    if same_origin(id, own) {
        return Err(AuthorityError::LocalObject { id: id.to_string() });
    }
    if !same_origin(id, actor) {
        return Err(AuthorityError::ForeignObject { id: id.to_string() });
    }
    let Some(object) = object.as_object() else {
        return Ok(());
    };
    if ActorKind::from_name(object.kind.as_str()).is_known() {
        return judge_actor(object, id, actor);
    }
    if !object.attributed_to.is_empty() && !object.attributed_to.contains(actor) {
        return Err(AuthorityError::ForeignAttribution { id: id.to_string() });
    }
    Ok(())
}

/// An actor document is the sender's own, with the sender's own keys.
fn judge_actor(object: &Object, id: &Url, actor: &Url) -> Result<(), AuthorityError> {
    if id != actor {
        return Err(AuthorityError::OtherActor { id: id.to_string() });
    }
    let document = object.as_actor().map_err(AuthorityError::Unreadable)?;
    match document.public_keys.iter().find(|key| key.owner != *actor) {
        Some(key) => Err(AuthorityError::ForeignKey {
            key: key.id.to_string(),
        }),
        None => Ok(()),
    }
}

/// What is undone was done by the same actor; of an id alone, the origin is all that can be told.
fn judge_undone(object: &ObjectOrId, actor: &Url) -> Result<(), AuthorityError> {
    if object.id().is_some_and(|id| !same_origin(id, actor)) {
        return Err(AuthorityError::ForeignUndo);
    }
    match object.as_object() {
        Some(undone) if named(undone, "actor")?.iter().any(|doer| doer != actor) => {
            Err(AuthorityError::ForeignUndo)
        }
        _ => Ok(()),
    }
}

/// A follow is answered by the actor that was to be followed.
fn judge_answered(object: &ObjectOrId, actor: &Url) -> Result<(), AuthorityError> {
    match object.as_object() {
        Some(asked) if asked.kind.as_str() == ActivityKind::Follow.as_str() => {
            let followed = named(asked, "object")?;
            if followed.as_slice() == [actor.clone()] {
                Ok(())
            } else {
                Err(AuthorityError::ForeignAnswer)
            }
        }
        _ => Ok(()),
    }
}

/// The ids that a property of an embedded activity names. The activity itself may lack an id, as
/// in what some servers undo.
fn named(object: &Object, property: &str) -> Result<Vec<Url>, AuthorityError> {
    let entries = match object.extra.get(property) {
        None => return Ok(Vec::new()),
        Some(Value::Array(entries)) => entries.as_slice(),
        Some(single) => std::slice::from_ref(single),
    };
    let mut ids = Vec::with_capacity(entries.len());
    for entry in entries {
        let entry = ObjectOrId::from_value(entry.clone()).map_err(AuthorityError::Unreadable)?;
        ids.extend(entry.id().cloned());
    }
    Ok(ids)
}
