//! Messages as they are read: one, a page of them, and all that is shown with each.

use federation_core::store::sql::{Connection, DatabaseError};

use super::actions::Place;
use super::marks::Marks;
use super::model::Message;
use super::parts::Parts;
use super::store;
use super::wire::{DeliveryView, MessageView};
use crate::base::ids::{ChannelId, MessageId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::base::permission::Permission;
use crate::channels::access;
use crate::communities::known::Known;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;

/// One message.
///
/// # Errors
/// 404 when there is no such message for this member, 403 when they may not read back.
pub async fn show(ctx: &Ctx, known: &Known, place: Place) -> Result<MessageView, ApiError> {
    let shown = ctx.clone();
    let reader = (place.user, place.channel);
    access::check(ctx, known, reader, Permission::ReadHistory).await?;
    ctx.db()
        .read(move |connection| {
            let (message, from) = readable(connection, &place)?;
            let view = view(&shown, connection, &message)?;
            Ok(view.seen_by(place.user, from))
        })
        .await
}

/// The messages of a channel, newest first.
///
/// # Errors
/// 404 when the member does not see it, 403 when they may not read back, 400 when a cursor is not one
/// of its messages.
pub async fn list(
    ctx: &Ctx,
    known: &Known,
    (user, channel): (UserId, ChannelId),
    query: PageQuery<MessageId>,
) -> Result<Page<MessageView, MessageId>, ApiError> {
    let shown = ctx.clone();
    access::check(ctx, known, (user, channel), Permission::ReadHistory).await?;
    ctx.db()
        .read(move |connection| {
            let found = page(&shown, connection, (user, channel), &query)?;
            found.ok_or_else(|| {
                ApiError::bad_request("unknown_cursor", "The cursor is not from this list.")
            })
        })
        .await
}

/// A page of the messages of a channel as `user` sees them, who may read back there; `None` when a
/// cursor is not one of them.
pub(super) fn page(
    ctx: &Ctx,
    connection: &mut Connection,
    (user, channel): (UserId, ChannelId),
    query: &PageQuery<MessageId>,
) -> Result<Option<Page<MessageView, MessageId>>, DatabaseError> {
    let from = access::visible_from(connection, user, channel)?;
    let Some(found) = store::page_seen_by(connection, (channel, from), user, query)? else {
        return Ok(None);
    };
    let Page { items, next, prev } = found;
    let items = views(ctx, connection, items)?.into_iter();
    Ok(Some(Page {
        items: items.map(|view| view.seen_by(user, from)).collect(),
        next,
        prev,
    }))
}

/// A message that somebody sees who may read back in its channel, and from which number on they see
/// messages there.
pub(super) fn readable(
    connection: &mut Connection,
    place: &Place,
) -> Result<(Message, i64), ApiError> {
    let from = access::visible_from(connection, place.user, place.channel)?;
    let message = store::by_id(connection, place.channel, place.message)?;
    let message = message.filter(|message| message.is_seen_by(place.user, from));
    Ok((message.ok_or_else(ApiError::not_found)?, from))
}

/// Shows one message.
pub(super) fn view(
    ctx: &Ctx,
    connection: &mut Connection,
    message: &Message,
) -> Result<MessageView, DatabaseError> {
    let view = views(ctx, connection, vec![message.clone()])?.pop();
    view.ok_or(DatabaseError::Malformed { what: "message" })
}

/// Shows messages with their authors, how far they have come, and all that belongs to them.
pub(super) fn views(
    ctx: &Ctx,
    connection: &mut Connection,
    messages: Vec<Message>,
) -> Result<Vec<MessageView>, DatabaseError> {
    let ids: Vec<MessageId> = messages.iter().map(|message| message.id).collect();
    let authors: Vec<UserId> = messages.iter().map(|message| message.author_id).collect();
    let authors = store::people(connection, &authors)?;
    let recipients = store::recipients(connection, &ids)?;
    let marks = Marks::of(ctx, connection, &ids)?;
    let mut parts = Parts::of(connection, &messages)?;
    let origin = ctx.origin();
    let show = |message: Message| {
        let author = authors.get(&message.author_id)?;
        let rows = recipients
            .get(&message.id)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let delivery = rows
            .iter()
            .map(|(row, user)| DeliveryView::new(row, user, origin))
            .collect();
        let view = MessageView::new(&message, author, delivery, origin);
        Some(marks.show(parts.add_to(view)))
    };
    Ok(messages.into_iter().filter_map(show).collect())
}
