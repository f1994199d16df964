//! Telling others what a member's actor shows now: keys in the transaction that changes them,
//! profiles in the one that takes the note of the change.

use federation_core::Timestamp;
use federation_core::keys::KeyChange;
use federation_core::outbox::sql::enqueue;
use federation_core::outbox::{Outgoing, plan_targets};
use federation_core::proof;
use federation_core::signature::SigningKey;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Activity, Actor, ActorKey, ObjectOrId, Value, public_url};
use url::Url;

use crate::accounts;
use crate::channels;
use crate::config::Origin;
use crate::federation::actors::person;
use crate::follows;

/// People of other nodes who are told at most; the rest learn of it when they meet the new key.
const MAX_TOLD: i64 = 10_000;

/// Queues `Update` of the actor's document to the people of other nodes who follow the member, are
/// followed or share a conversation.
///
/// The document is public, so the activity carries a proof. The node's own actor has no such
/// people: others fetch its document when they meet a key they do not know.
pub(super) fn announce(
    connection: &mut Connection,
    origin: &Origin,
    change: &KeyChange,
) -> Result<(), DatabaseError> {
    let shown = Shown {
        actor: &change.actor,
        published: &change.published,
        prover: &change.prover,
        at: change.at,
    };
    tell(connection, origin, &shown)
}

/// What is told of an actor.
pub(in crate::federation) struct Shown<'a> {
    /// Whose document.
    pub(in crate::federation) actor: &'a Url,
    /// The keys that it lists.
    pub(in crate::federation) published: &'a [ActorKey],
    /// The current Ed25519 key, to prove it with.
    pub(in crate::federation) prover: &'a SigningKey,
    /// When it changed.
    pub(in crate::federation) at: Timestamp,
}

/// Queues `Update` of the actor's document as it is now.
pub(in crate::federation) fn tell(
    connection: &mut Connection,
    origin: &Origin,
    change: &Shown<'_>,
) -> Result<(), DatabaseError> {
    let Some(member) = accounts::store::by_actor(connection, change.actor.as_str())? else {
        return Ok(());
    };
    if !member.is_local() || !member.is_active() {
        return Ok(());
    }
    let mut known = follows::store::remote_acquaintances(connection, member.id, MAX_TOLD)?;
    known.extend(channels::store::remote_acquaintances(
        connection, member.id, MAX_TOLD,
    )?);
    let mut told: Vec<Actor> = Vec::with_capacity(known.len());
    for uri in known {
        told.extend(accounts::store::remote_actor(connection, &uri)?);
    }
    let targets = plan_targets(&told, true);
    if targets.is_empty() {
        return Ok(());
    }
    let document = person(&member, change.published.to_vec(), origin).to_embedded();
    let mut id = change.actor.clone();
    let moment = change.at.as_millis();
    id.set_fragment(Some(&format!("updates/{moment}")));
    let activity = updated(id, change, document)?;
    let Value::Object(mut map) = activity.to_value() else {
        return Err(UNWRITABLE);
    };
    proof::sign(&mut map, change.prover, change.at).map_err(|_fault| UNWRITABLE)?;
    let outgoing = Outgoing {
        activity_id: activity.id.clone(),
        actor_id: activity.actor.clone(),
        object_id: None,
        body: Value::Object(map).to_string(),
        ordering_key: None,
        targets,
    };
    enqueue(connection, &outgoing, change.at).map(drop)
}

const UNWRITABLE: DatabaseError = DatabaseError::Malformed {
    what: "actor document",
};

fn updated(id: Url, change: &Shown<'_>, document: Value) -> Result<Activity, DatabaseError> {
    let object = ObjectOrId::from_value(document).map_err(|_unreadable| UNWRITABLE)?;
    let ObjectOrId::Object(object) = object else {
        return Err(UNWRITABLE);
    };
    Ok(Activity::update(id, change.actor.clone(), *object)
        .addressed_to(vec![public_url()], Vec::new())
        .published_at(change.at))
}
