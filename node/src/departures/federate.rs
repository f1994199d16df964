//! The end of an account as an activity: sent, confirmed, and received.

use std::collections::HashSet;

use federation_core::Timestamp;
use federation_core::keys::ActorKeys;
use federation_core::outbox::sql::enqueue;
use federation_core::outbox::{DeliveryState, Outgoing, SettledDelivery, Target, plan_targets};
use federation_core::proof;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Activity, Value, parse_id, public_url};
use url::Url;

use super::model::{CONFIRMED, Confirmation, Deletion, FAILED, QUEUED, TOLD};
use super::store;
use crate::accounts;
use crate::accounts::model::User;
use crate::base::ids::DeletionId;
use crate::channels;
use crate::follows;
use crate::platform::ctx::Ctx;

/// People of other nodes of each kind who are told at most.
const MAX_TOLD: i64 = 10_000;

/// Every inbox that has to hear of it: one for each node whose people share a conversation with
/// the member, follow or are followed, and each that anything was delivered to.
pub(super) fn audience(
    connection: &mut Connection,
    user: &User,
) -> Result<Vec<Target>, DatabaseError> {
    let mut known = follows::store::remote_acquaintances(connection, user.id, MAX_TOLD)?;
    known.extend(channels::store::remote_acquaintances(
        connection, user.id, MAX_TOLD,
    )?);
    let mut actors = Vec::with_capacity(known.len());
    for uri in known {
        actors.extend(accounts::store::remote_actor(connection, &uri)?);
    }
    let mut targets = plan_targets(&actors, true);
    let mut peers: HashSet<String> = targets.iter().map(Target::peer).collect();
    for inbox in store::served(connection, &user.actor_uri)? {
        let Some(inbox) = parse_id(&inbox) else {
            continue;
        };
        let target = Target {
            inbox,
            recipients: Vec::new(),
        };
        if peers.insert(target.peer()) {
            targets.push(target);
        }
    }
    Ok(targets)
}

/// Queues the `Delete` of the actor, and notes whom it goes to.
pub(super) fn tell(
    connection: &mut Connection,
    deletion: &Deletion,
    user: &User,
    keys: &ActorKeys,
    targets: Vec<Target>,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    const UNWRITABLE: DatabaseError = DatabaseError::Malformed { what: "deletion" };
    let (Some(id), Some(actor)) = (parse_id(&deletion.activity_id), parse_id(&user.actor_uri))
    else {
        return Err(UNWRITABLE);
    };
    let note = |target: &Target| Confirmation {
        deletion_id: deletion.id,
        inbox: target.inbox.to_string(),
        peer: target.peer(),
        state: QUEUED.to_owned(),
        reason: None,
        updated_at: now.as_millis(),
    };
    let notes: Vec<Confirmation> = targets.iter().map(note).collect();
    store::insert_confirmations(connection, &notes)?;
    if targets.is_empty() {
        return Ok(());
    }
    let activity = Activity::delete(id, actor.clone(), actor)
        .addressed_to(vec![public_url()], Vec::new())
        .published_at(now);
    let Value::Object(mut map) = activity.to_value() else {
        return Err(UNWRITABLE);
    };
    // It is public, and nodes that cannot fetch the actor any more may still hold its key.
    proof::sign(&mut map, keys.ed25519(), now).map_err(|_fault| UNWRITABLE)?;
    let outgoing = Outgoing {
        activity_id: activity.id.clone(),
        actor_id: activity.actor.clone(),
        object_id: None,
        body: Value::Object(map).to_string(),
        ordering_key: None,
        targets,
    };
    enqueue(connection, &outgoing, now).map(drop)
}

/// The id of the `Delete` of an actor of this node.
pub(super) fn activity_id(actor: &str) -> String {
    format!("{actor}#delete")
}

/// Notes that a node took notice, or that telling it was given up; in the transaction that ends
/// the delivery.
///
/// # Errors
/// The database failed.
pub fn on_settled(
    ctx: &Ctx,
    connection: &mut Connection,
    settled: &SettledDelivery,
) -> Result<(), DatabaseError> {
    if settled.activity_id.fragment() != Some("delete") {
        return Ok(());
    }
    let Some(id) = store::by_activity(connection, settled.activity_id.as_str())? else {
        return Ok(());
    };
    let outcome = match (settled.state, settled.last_status) {
        (DeliveryState::Delivered, _) => (CONFIRMED, None),
        (_, Some(status)) => (FAILED, Some(format!("the other node answered {status}"))),
        (_, None) => {
            let why = settled.last_error.as_deref();
            (
                FAILED,
                Some(why.unwrap_or("the other node did not answer").to_owned()),
            )
        }
    };
    let (state, reason) = outcome;
    let (inbox, now) = (settled.inbox.as_str(), ctx.now());
    store::settle(connection, id, inbox, (state, reason.as_deref()), now)
}

/// Takes in that a person of another node is gone: what they wrote here goes in steps.
///
/// # Errors
/// The database failed.
pub fn receive(
    ctx: &Ctx,
    connection: &mut Connection,
    activity: &Url,
    actor: &Url,
) -> Result<(), DatabaseError> {
    let now = ctx.now();
    let Some(user) = accounts::store::by_actor(connection, actor.as_str())? else {
        return Ok(());
    };
    if user.is_local() {
        return Ok(());
    }
    let deletion = Deletion {
        id: DeletionId::new(now),
        user_id: user.id,
        activity_id: activity.to_string(),
        requested_by: None,
        state: TOLD.to_owned(),
        requested_at: now.as_millis(),
        completed_at: None,
    };
    store::insert(connection, &deletion)
}
