//! Messages as they are read: one, a page of them, and all that is shown with each.

use federation_core::store::sql::{Connection, DatabaseError};

use super::actions::Place;
use super::forwards::Forward;
use super::marks::Marks;
use super::mentions::MentionView;
use super::model::Message;
use super::parts::Parts;
use super::wire::{DeliveryView, MessageView};
use super::{answers, polls, previews, store};
use crate::accounts::model::User;
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

/// A message that was written just now, of which it is known what it can have: nobody has put a mark on
/// it and it was never edited, so nothing of that is looked for.
#[derive(Debug)]
pub(super) struct Fresh<'a> {
    pub(super) author: &'a User,
    pub(super) delivery: Vec<DeliveryView>,
    pub(super) mentions: &'a [MentionView],
    pub(super) has_poll: bool,
    pub(super) has_previews: bool,
    pub(super) forwarded: Option<&'a Forward>,
}

impl Fresh<'_> {
    /// Shows the message, as [`view`] would.
    pub(super) fn view(
        self,
        ctx: &Ctx,
        connection: &mut Connection,
        message: &Message,
    ) -> Result<MessageView, DatabaseError> {
        let (id, ids) = (message.id, [message.id]);
        let mut delivery = self.delivery;
        delivery.sort_unstable_by_key(|delivery| delivery.user_id);
        let mut view = MessageView::new(message, self.author, delivery, ctx.origin());
        let mut answered = answers::of(connection, std::slice::from_ref(message))?;
        view.answers = message.reply_to.and_then(|id| answered.remove(&id));
        view.mentions = self.mentions.to_vec();
        view.forwarded = self.forwarded.cloned().map(Into::into);
        if self.has_poll {
            view.poll = polls::of(connection, &ids)?.remove(&id);
        }
        if self.has_previews {
            view.previews = previews::of(connection, &ids)?
                .remove(&id)
                .unwrap_or_default();
        }
        Ok(view)
    }
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
