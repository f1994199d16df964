//! What members do with messages that are sent later: one use case, one function, one transaction.

use std::time::Duration;

use federation_core::Timestamp;
use federation_core::store::sql::Connection;
use serde::{Deserialize, Serialize};

use super::store::{self, FAILED, PENDING, Scheduled};
use crate::base::ids::{ChannelId, MessageId, ScheduledId, UserId};
use crate::base::permission::Permission;
use crate::channels::access;
use crate::messages::model::Draft;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::error::ApiError;
use crate::platform::http::idempotency;

/// How far ahead a message can be written.
const FARTHEST: Duration = Duration::from_hours(366 * 24);
/// Messages of one member that wait or were refused at most.
const MOST: i64 = 50;

/// The body of `POST …/scheduled`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewScheduled {
    /// Markdown.
    pub(super) content: String,
    /// When it is sent, up to a year ahead.
    #[schema(value_type = String, format = DateTime)]
    pub(super) at: Timestamp,
    /// The message it answers.
    #[serde(default)]
    pub(super) reply_to: Option<MessageId>,
}

/// The body of `PATCH …/scheduled/{scheduled}`; what is absent stays. One that was refused waits again.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PatchScheduled {
    #[serde(default)]
    pub(super) content: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) at: Option<Timestamp>,
}

/// A message that is sent later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct ScheduledView {
    pub(super) id: ScheduledId,
    channel_id: ChannelId,
    content: String,
    reply_to: Option<MessageId>,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `pending`, or `failed` when it was refused at its time.
    state: String,
    /// The code of the refusal.
    failure: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<&Scheduled> for ScheduledView {
    fn from(one: &Scheduled) -> Self {
        Self {
            id: one.id,
            channel_id: one.channel_id,
            content: one.content.clone(),
            reply_to: one.reply_to,
            at: Timestamp::from_millis(one.send_at),
            state: one.state.clone(),
            failure: one.failure.clone(),
            created_at: Timestamp::from_millis(one.created_at),
        }
    }
}

fn time(at: Timestamp, now: Timestamp) -> Result<i64, ApiError> {
    if at <= now || at > now.plus(FARTHEST) {
        let detail = "Choose a time to come, within a year.";
        return Err(ApiError::invalid("invalid_time", detail));
    }
    Ok(at.as_millis())
}

/// Writes a message that is sent later; to be run in a transaction.
pub(super) fn create(
    ctx: &Ctx,
    connection: &mut Connection,
    (channel, me): (ChannelId, UserId),
    new: &NewScheduled,
) -> Result<ScheduledView, ApiError> {
    let _log = EventLog::begin(connection)?;
    let now = ctx.now();
    let seen = access::require(connection, me, channel, now)?;
    seen.needs(Permission::SendMessages)?;
    let limit = ctx.config().limits.message_characters;
    let draft = Draft::new(new.content.clone(), limit)?;
    if store::count(connection, me)? >= MOST {
        let detail = format!("There are too many scheduled messages: at most {MOST}.");
        return Err(ApiError::conflict("too_many", detail));
    }
    let one = Scheduled {
        id: ScheduledId::new(now),
        channel_id: channel,
        author_id: me,
        content: draft.content,
        reply_to: new.reply_to,
        send_at: time(new.at, now)?,
        state: PENDING.to_owned(),
        failure: None,
        created_at: now.as_millis(),
        updated_at: now.as_millis(),
    };
    store::insert(connection, &one)?;
    Ok(ScheduledView::from(&one))
}

/// What the member is going to say in a channel, also where they may not write any more.
pub(super) async fn list(
    ctx: &Ctx,
    (channel, me): (ChannelId, UserId),
) -> Result<Vec<ScheduledView>, ApiError> {
    let now = ctx.now();
    ctx.db()
        .read(move |connection| {
            access::require(connection, me, channel, now)?;
            let found = store::list(connection, channel, me)?;
            Ok(found.iter().map(ScheduledView::from).collect())
        })
        .await
}

/// Changes one, which waits for its time from then on.
pub(super) async fn update(
    ctx: &Ctx,
    place: (ChannelId, UserId),
    id: ScheduledId,
    patch: PatchScheduled,
) -> Result<ScheduledView, ApiError> {
    let now = ctx.now();
    let limit = ctx.config().limits.message_characters;
    let content = match patch.content {
        Some(content) => Some(Draft::new(content, limit)?.content),
        None => None,
    };
    ctx.db()
        .write(move |connection| {
            let _log = EventLog::begin(connection)?;
            access::require(connection, place.1, place.0, now)?.needs(Permission::SendMessages)?;
            let found = store::by_id(connection, place, id)?;
            let mut one = found.ok_or_else(ApiError::not_found)?;
            let at = patch.at.unwrap_or(Timestamp::from_millis(one.send_at));
            one.send_at = time(at, now)?;
            if let Some(content) = &content {
                one.content.clone_from(content);
            }
            if one.state == FAILED {
                PENDING.clone_into(&mut one.state);
                one.failure = None;
            }
            one.updated_at = now.as_millis();
            store::update(connection, &one)?;
            Ok(ScheduledView::from(&one))
        })
        .await
}

/// Drops one.
pub(super) async fn remove(
    ctx: &Ctx,
    place: (ChannelId, UserId),
    id: ScheduledId,
) -> Result<(), ApiError> {
    ctx.db()
        .write(move |connection| {
            let _log = EventLog::begin(connection)?;
            let found = store::by_id(connection, place, id)?;
            found.ok_or_else(ApiError::not_found)?;
            store::remove(connection, id)?;
            Ok(idempotency::forget(connection, id.as_str())?)
        })
        .await
}
