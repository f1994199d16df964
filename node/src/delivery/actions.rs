//! Looking at deliveries, and trying one again.

use federation_core::outbox::sql;
use federation_core::outbox::{Delivery, DeliveryFilter, DeliveryId};
use federation_core::store::sql::Connection;

use super::error::DeliveryError;
use crate::base::page::Page;
use crate::platform::ctx::Ctx;

/// Deliveries that the filter lets through, newest first.
pub(super) async fn list(
    ctx: &Ctx,
    filter: DeliveryFilter,
) -> Result<Page<Delivery, String>, DeliveryError> {
    let wanted = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let filter = DeliveryFilter {
        // One more than asked for tells whether the list goes on.
        limit: filter.limit.saturating_add(1),
        ..filter
    };
    let read = move |connection: &mut Connection| sql::list(connection, &filter);
    let mut items = ctx.db().read(read).await?;
    let more = items.len() > wanted;
    items.truncate(wanted);
    let last = items.last().map(|delivery| delivery.id.to_string());
    Ok(Page {
        items,
        next: last.filter(|_| more),
        prev: None,
    })
}

/// One delivery.
pub(super) async fn find(ctx: &Ctx, id: DeliveryId) -> Result<Delivery, DeliveryError> {
    let read = move |connection: &mut Connection| sql::delivery(connection, id);
    ctx.db().read(read).await?.ok_or(DeliveryError::NotFound)
}

/// Queues a delivery again that was given up or withdrawn, as if it were new.
pub(super) async fn retry(ctx: &Ctx, id: DeliveryId) -> Result<Delivery, DeliveryError> {
    let now = ctx.now();
    let again = move |connection: &mut Connection| {
        let queued = sql::retry(connection, id, now)?;
        let delivery = sql::delivery(connection, id)?.ok_or(DeliveryError::NotFound)?;
        if queued {
            Ok(delivery)
        } else {
            Err(DeliveryError::NotEnded(delivery.state))
        }
    };
    ctx.db().write(again).await
}
