//! What became of a delivery, shown to the author of the message.

use federation_core::outbox::{DeliveryState, SettledDelivery};
use federation_core::store::sql::{Connection, DatabaseError};

use crate::base::ids::MessageId;
use crate::config::Origin;
use crate::messages::model::{DELIVERED, FAILED, Recipient};
use crate::messages::store;
use crate::messages::wire::{DeliveryUpdate, DeliveryView};
use crate::platform::ctx::Ctx;
use crate::platform::events::{EventLog, NewEvent, Topic};

/// Notes how a delivery ended, in the transaction that ends it.
///
/// Deliveries that carry something else than a message, or an older state of one, change nothing.
///
/// # Errors
/// The database failed.
pub fn on_settled(
    ctx: &Ctx,
    connection: &mut Connection,
    settled: &SettledDelivery,
) -> Result<(), DatabaseError> {
    let Some(id) = message_of(ctx.origin(), settled.activity_id.as_str()) else {
        return Ok(());
    };
    // Before the rows are read: a change that is being sent replaces them under the same lock.
    let log = EventLog::begin(connection)?;
    let Some(message) = store::anywhere(connection, id)? else {
        return Ok(());
    };
    let Some(rows) = store::recipients(connection, &[id])?.remove(&id) else {
        return Ok(());
    };
    let now = ctx.now();
    for (mut row, user) in rows {
        let meant = settled
            .recipients
            .iter()
            .any(|actor| actor.as_str() == user.actor_uri);
        if !meant || row.activity_id != settled.activity_id.as_str() {
            continue;
        }
        note_end(&mut row, settled);
        row.updated_at = now.as_millis();
        if !store::settle(connection, &row)? {
            continue;
        }
        let event = NewEvent {
            topic: Topic::User(message.author_id),
            op: "delivery.updated",
            effect: None,
            subject: None,
        };
        let update = DeliveryUpdate {
            message_id: id,
            channel_id: message.channel_id,
            delivery: DeliveryView::new(&row, &user, ctx.origin()),
        };
        log.append(connection, &event, &update, now)?;
    }
    Ok(())
}

fn note_end(row: &mut Recipient, settled: &SettledDelivery) {
    if settled.state == DeliveryState::Delivered {
        DELIVERED.clone_into(&mut row.state);
        row.reason = None;
        return;
    }
    FAILED.clone_into(&mut row.state);
    row.reason = Some(
        match (
            settled.state,
            settled.last_status,
            settled.last_error.as_deref(),
        ) {
            (DeliveryState::Cancelled, ..) => "withdrawn before it was sent".to_owned(),
            (_, _, Some(error)) => error.to_owned(),
            (_, Some(status), None) => format!("the other node answered {status}"),
            (_, None, None) => "the other node did not answer".to_owned(),
        },
    );
}

/// The message that an activity of this node is about; its id starts with that of the message.
fn message_of(origin: &Origin, activity: &str) -> Option<MessageId> {
    let path = activity
        .strip_prefix(origin.as_str())?
        .strip_prefix("/messages/")?;
    path.split_once('/')?.0.parse().ok()
}
