//! Which conversations somebody is shown, and who is in one.

use federation_core::store::sql::DatabaseError;

use super::actions::append;
use super::store::{self, Participant};
use super::wire::{Hidden, ParticipantView};
use crate::base::ids::{ChannelId, UserId};
use crate::channels::access;
use crate::channels::model::ChannelKind;
use crate::channels::store as channels;
use crate::communities::error::CommunityError;
use crate::platform::ctx::Ctx;
use crate::platform::events::{EventLog, Topic};
use crate::platform::http::error::ApiError;

/// Whether a channel is a direct conversation.
pub(in crate::channels) async fn is_conversation(
    ctx: &Ctx,
    id: ChannelId,
) -> Result<bool, DatabaseError> {
    let found = ctx
        .db()
        .read(move |connection| channels::by_id(connection, id))
        .await?;
    Ok(found.is_some_and(|channel| channel.kind == ChannelKind::Dm))
}

/// Everybody in a conversation, those who have been there longest first.
pub(super) async fn list(
    ctx: &Ctx,
    me: UserId,
    id: ChannelId,
) -> Result<Vec<ParticipantView>, ApiError> {
    let held = ctx.clone();
    ctx.db()
        .read(move |connection| {
            let seen = access::require(connection, me, id, held.now())?;
            if seen.channel.kind != ChannelKind::Dm {
                let place = "Members are listed with the community of the channel.";
                return Err(CommunityError::InvalidPlace(place).into());
            }
            let participants = store::participants(connection, id)?;
            let show = |one: &Participant| ParticipantView::new(one, held.origin());
            Ok(participants.iter().map(show).collect())
        })
        .await
}

/// Leaves a conversation out of the list of somebody until the next message.
///
/// # Errors
/// 404: they are in no such conversation.
pub async fn hide(ctx: &Ctx, me: UserId, id: ChannelId) -> Result<(), ApiError> {
    let held = ctx.clone();
    ctx.db()
        .write(move |connection| {
            let log = EventLog::begin(connection)?;
            let seen = access::require(connection, me, id, held.now())?;
            if seen.channel.kind != ChannelKind::Dm || !store::hide(connection, id, me)? {
                return Err(ApiError::not_found());
            }
            let told = (Topic::User(me), "channel.hidden", None);
            append(&held, connection, &log, told, &Hidden { id })?;
            Ok(())
        })
        .await
}
