//! What can be done with polls: one use case, one function, one transaction.

use federation_core::store::sql::{Connection, DatabaseError};

use super::federate;
use super::model::{Poll, PollDraft, PollOption, choices};
use super::store;
use super::wire::{PollEvent, PollView, VotesView};
use crate::base::ids::{MessageId, UserId};
use crate::base::permission::Permission;
use crate::channels::access;
use crate::channels::access::Seen;
use crate::communities::known::Known;
use crate::messages;
use crate::messages::actions::{Place, find};
use crate::messages::apart::keep_apart;
use crate::messages::model::Message;
use crate::messages::showing::readable;
use crate::messages::telling::tell_of;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::error::ApiError;

/// Makes a message a poll, when one is asked for; to be run in the transaction that sends it.
pub(in crate::messages) fn open(
    ctx: &Ctx,
    connection: &mut Connection,
    seen: &Seen,
    message: &Message,
    draft: Option<&PollDraft>,
) -> Result<(), ApiError> {
    let Some(draft) = draft else {
        return Ok(());
    };
    seen.needs(Permission::CreatePolls)?;
    let poll = Poll {
        message_id: message.id,
        is_multiple: draft.is_multiple,
        is_own: true,
        ends_at: ctx.now().plus(draft.lasts).as_millis(),
        ended_at: None,
        voters: 0,
    };
    let option = |(position, text): (i32, &String)| PollOption {
        message_id: message.id,
        position,
        text: text.clone(),
        votes: 0,
    };
    let options: Vec<PollOption> = (0..).zip(&draft.options).map(option).collect();
    Ok(store::insert(connection, &poll, &options)?)
}

/// Votes in the place of what the member voted before; with `None`, takes the vote back. To be run in
/// a transaction.
///
/// # Errors
/// 404 when the member sees no such poll, 403 when they may not vote or one of two blocked the other,
/// 409 when it has ended or the vote was sent to another node, 422 when the choices are not its options.
pub(super) fn vote(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    place: &Place,
    asked: Option<&[i32]>,
) -> Result<VotesView, ApiError> {
    let (seen, message) = find(ctx, connection, place)?;
    let found = store::by_message(connection, message.id)?;
    let (poll, options) = found.ok_or_else(ApiError::not_found)?;
    seen.needs(Permission::AddReactions)?;
    if asked.is_some() {
        keep_apart(connection, &seen.channel, place.user)?;
    }
    if poll.is_over(ctx.now()) {
        let detail = "The poll has ended.";
        return Err(ApiError::conflict("poll_ended", detail));
    }
    let new = match asked {
        Some(asked) => choices(asked, &options, poll.is_multiple)?,
        None => Vec::new(),
    };
    let old = store::choices_of(connection, message.id, place.user)?;
    if old != new {
        if !poll.is_own && !old.is_empty() {
            let detail = "The vote went to another node, where it cannot be changed.";
            return Err(ApiError::conflict("vote_is_final", detail));
        }
        store::vote(
            connection,
            message.id,
            place.user,
            (old.as_slice(), new.as_slice()),
        )?;
        if poll.is_own {
            federate::send_counts(ctx, connection, &message)?;
        } else {
            let chosen = options.iter().filter(|it| new.contains(&it.position));
            let texts: Vec<&str> = chosen.map(|option| option.text.as_str()).collect();
            federate::send_votes(ctx, connection, &message, place.user, &texts)?;
        }
        tell(ctx, connection, log, "poll.updated", &message)?;
    }
    view(connection, message.id, place.user)
}

fn view(
    connection: &mut Connection,
    message: MessageId,
    user: UserId,
) -> Result<VotesView, ApiError> {
    let found = store::by_message(connection, message)?;
    let (poll, options) = found.ok_or_else(ApiError::not_found)?;
    Ok(VotesView {
        poll: PollView::new(&poll, &options),
        choices: store::choices_of(connection, message, user)?,
    })
}

/// The counts of a poll, and what the member voted for.
///
/// # Errors
/// 404 when the member sees no such poll, 403 when they may not read back.
pub(super) async fn show(ctx: &Ctx, known: &Known, place: Place) -> Result<VotesView, ApiError> {
    let reader = (place.user, place.channel);
    access::check(ctx, known, reader, Permission::ReadHistory).await?;
    ctx.db()
        .read(move |connection| {
            let (message, _) = readable(connection, &place)?;
            view(connection, message.id, place.user)
        })
        .await
}

/// Tells how a poll stands now.
pub(super) fn tell(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    op: &'static str,
    message: &Message,
) -> Result<(), DatabaseError> {
    let Some((poll, options)) = store::by_message(connection, message.id)? else {
        return Ok(());
    };
    let data = PollEvent {
        message_id: message.id,
        channel_id: message.channel_id,
        poll: PollView::new(&poll, &options),
    };
    tell_of(ctx, connection, log, op, message, &data)
}

/// Ends a poll that is due, and tells of it.
pub(super) fn end(
    ctx: &Ctx,
    connection: &mut Connection,
    id: MessageId,
) -> Result<(), DatabaseError> {
    let log = EventLog::begin(connection)?;
    if !store::end(connection, id, ctx.now())? {
        return Ok(());
    }
    let Some(message) = messages::store::anywhere(connection, id)? else {
        return Ok(());
    };
    let is_own = store::by_message(connection, id)?.is_some_and(|(poll, _)| poll.is_own);
    if is_own {
        federate::send_counts(ctx, connection, &message)?;
    }
    tell(ctx, connection, &log, "poll.ended", &message)
}

/// Takes the votes of a person whose account has ended out of up to `limit` polls; answers in how
/// many they were. What has ended stays counted as it was.
pub(in crate::messages) fn drop_some_of(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    user: UserId,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let mut votes: usize = 0;
    for id in store::voted_in(connection, user, limit)? {
        let old = store::choices_of(connection, id, user)?;
        votes = votes.saturating_add(old.len());
        let poll = store::by_message(connection, id)?.map(|(poll, _)| poll);
        let counts = poll.is_some_and(|poll| poll.is_own && !poll.is_over(ctx.now()));
        match messages::store::anywhere(connection, id)? {
            Some(message) if counts => {
                store::vote(connection, id, user, (old.as_slice(), &[]))?;
                tell(ctx, connection, log, "poll.updated", &message)?;
            }
            _ => store::forget_choices(connection, id, user)?,
        }
    }
    Ok(votes)
}
