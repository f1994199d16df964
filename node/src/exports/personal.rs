//! Reads what is a member's own alone, a page at a time: whom they blocked and muted, what they have
//! begun to write, what they chose, how far they have read, and what they were told.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::Connection;

use super::error::ExportError;
use super::model::PAGE;
use super::store::{Batch, cursor};
use super::wire::PersonalRecord;
use crate::base::ids::{ChannelId, NotificationId, UserId};
use crate::base::page::PageQuery;
use crate::blocks;
use crate::blocks::model::BlockKind;
use crate::config::Origin;
use crate::messages::drafts::store::DraftRow;
use crate::notifications::model::{Level, Notification};
use crate::notifications::preferences::ScopeOfChoice;
use crate::platform::db::schema::{
    message_drafts, notification_preferences, notifications, read_markers,
};

/// Whom a member blocked, or muted, the newest account first.
pub(super) fn blocks(
    connection: &mut Connection,
    origin: &Origin,
    (user, kind): (UserId, BlockKind),
    before: Option<UserId>,
) -> Result<Batch<UserId>, ExportError> {
    let page = PageQuery {
        before,
        after: None,
        limit: None,
    };
    let found = blocks::store::page(connection, user, kind, &page)?;
    let mut records = Vec::with_capacity(found.items.len());
    for (block, person) in found.items {
        records.push(PersonalRecord::Block {
            kind,
            user_id: person.id,
            handle: person.handle(origin),
            created_at: Timestamp::from_millis(block.created_at),
        });
    }
    Batch::of(records, found.next)
}

/// What a member has begun to write.
pub(super) fn drafts(
    connection: &mut Connection,
    user: UserId,
    after: Option<ChannelId>,
) -> Result<Batch<ChannelId>, ExportError> {
    let mut rows = message_drafts::table
        .filter(message_drafts::user_id.eq(user))
        .order(message_drafts::channel_id)
        .limit(PAGE)
        .select(DraftRow::as_select())
        .into_boxed();
    if let Some(after) = after {
        rows = rows.filter(message_drafts::channel_id.gt(after));
    }
    let found: Vec<DraftRow> = rows.load(connection)?;
    let next = cursor(&found, |draft| draft.channel_id);
    let record = |draft: DraftRow| PersonalRecord::Draft {
        channel_id: draft.channel_id,
        content: draft.content,
        reply_to: draft.reply_to,
        updated_at: Timestamp::from_millis(draft.updated_at),
    };
    Batch::of(found.into_iter().map(record), next)
}

type Chosen = (ScopeOfChoice, String, Level, Option<i64>, Option<bool>);

/// What a member chose to be told of; of the account, then of channels, then of communities.
pub(super) fn preferences(
    connection: &mut Connection,
    user: UserId,
    after: Option<(ScopeOfChoice, String)>,
) -> Result<Batch<(ScopeOfChoice, String)>, ExportError> {
    let mut rows = notification_preferences::table
        .filter(notification_preferences::user_id.eq(user))
        .order((
            notification_preferences::scope,
            notification_preferences::scope_id,
        ))
        .limit(PAGE)
        .select((
            notification_preferences::scope,
            notification_preferences::scope_id,
            notification_preferences::level,
            notification_preferences::muted_until,
            notification_preferences::suppress_everyone,
        ))
        .into_boxed();
    if let Some((scope, id)) = after {
        let later = notification_preferences::scope
            .eq(scope)
            .and(notification_preferences::scope_id.gt(id));
        rows = rows.filter(notification_preferences::scope.gt(scope).or(later));
    }
    let found: Vec<Chosen> = rows.load(connection)?;
    let next = cursor(&found, |(scope, id, ..)| (*scope, id.clone()));
    let record =
        |(scope, id, level, muted_until, suppress_everyone): Chosen| PersonalRecord::Preference {
            scope,
            id,
            level,
            muted_until: muted_until.map(Timestamp::from_millis),
            suppress_everyone,
        };
    Batch::of(found.into_iter().map(record), next)
}

/// How far a member has read.
pub(super) fn markers(
    connection: &mut Connection,
    user: UserId,
    after: Option<ChannelId>,
) -> Result<Batch<ChannelId>, ExportError> {
    let mut rows = read_markers::table
        .filter(read_markers::user_id.eq(user))
        .order(read_markers::channel_id)
        .limit(PAGE)
        .select((
            read_markers::channel_id,
            read_markers::seq,
            read_markers::updated_at,
        ))
        .into_boxed();
    if let Some(after) = after {
        rows = rows.filter(read_markers::channel_id.gt(after));
    }
    let found: Vec<(ChannelId, i64, i64)> = rows.load(connection)?;
    let next = cursor(&found, |(channel, ..)| *channel);
    let record = |(channel_id, seq, updated_at)| PersonalRecord::ReadMarker {
        channel_id,
        seq,
        updated_at: Timestamp::from_millis(updated_at),
    };
    Batch::of(found.into_iter().map(record), next)
}

/// What a member was told, newest first.
pub(super) fn told(
    connection: &mut Connection,
    user: UserId,
    before: Option<NotificationId>,
) -> Result<Batch<NotificationId>, ExportError> {
    let mut rows = notifications::table
        .filter(notifications::user_id.eq(user))
        .order(notifications::id.desc())
        .limit(PAGE)
        .select(Notification::as_select())
        .into_boxed();
    if let Some(before) = before {
        rows = rows.filter(notifications::id.lt(before));
    }
    let found: Vec<Notification> = rows.load(connection)?;
    let next = cursor(&found, |one| one.id);
    let record = |one: Notification| PersonalRecord::Notification {
        id: one.id,
        kind: one.kind,
        actor_id: one.actor_id,
        community_id: one.community_id,
        channel_id: one.channel_id,
        message_id: one.message_id,
        created_at: Timestamp::from_millis(one.created_at),
        read_at: one.read_at.map(Timestamp::from_millis),
    };
    Batch::of(found.into_iter().map(record), next)
}
