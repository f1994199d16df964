//! All SQL that writes `message_revisions`.

use std::collections::HashMap;

use diesel::dsl::max;
use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::base::ids::{MessageId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::messages::model::Message;
use crate::platform::db::schema::{message_revisions, messages};

/// Revisions of one message that are kept beside the first one, the newest.
const KEPT: i32 = 99;

/// What a message said before.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = message_revisions)]
pub struct Revision {
    /// The message.
    pub message_id: MessageId,
    /// 1 is what was written first.
    pub revision: i32,
    /// Markdown.
    pub content: String,
    /// Sanitised HTML.
    pub html: String,
    /// Since when the message said this, in milliseconds since the Unix epoch.
    pub edited_at: i64,
}

/// Keeps what a message says, before it says something else.
///
/// # Errors
/// The database failed.
pub(in crate::messages) fn keep(
    connection: &mut Connection,
    message: &Message,
) -> Result<(), DatabaseError> {
    let known: Option<i32> = message_revisions::table
        .filter(message_revisions::message_id.eq(message.id))
        .select(max(message_revisions::revision))
        .first(connection)?;
    let revision = known.unwrap_or(0).saturating_add(1);
    let row = Revision {
        message_id: message.id,
        revision,
        content: message.content.clone(),
        html: message.html.clone(),
        edited_at: message.edited_at.unwrap_or(message.created_at),
    };
    diesel::insert_into(message_revisions::table)
        .values(row)
        .execute(connection)?;
    let old = message_revisions::table
        .filter(message_revisions::message_id.eq(message.id))
        .filter(message_revisions::revision.gt(1))
        .filter(message_revisions::revision.le(revision.saturating_sub(KEPT)));
    diesel::delete(old).execute(connection)?;
    Ok(())
}

/// How often these messages were edited; those that were not are absent.
///
/// # Errors
/// The database failed.
pub(in crate::messages) fn counts(
    connection: &mut Connection,
    messages: &[MessageId],
) -> Result<HashMap<MessageId, i32>, DatabaseError> {
    let rows: Vec<(MessageId, Option<i32>)> = message_revisions::table
        .filter(message_revisions::message_id.eq_any(messages))
        .group_by(message_revisions::message_id)
        .select((
            message_revisions::message_id,
            max(message_revisions::revision),
        ))
        .load(connection)?;
    let counted = |(id, count): (MessageId, Option<i32>)| (id, count.unwrap_or(0));
    Ok(rows.into_iter().map(counted).collect())
}

/// What a message said before, the newest first.
///
/// # Errors
/// The database failed.
pub(super) fn page(
    connection: &mut Connection,
    message: MessageId,
    page: &PageQuery<i32>,
) -> Result<Page<Revision, i32>, DatabaseError> {
    let mut rows = message_revisions::table
        .filter(message_revisions::message_id.eq(message))
        .limit(i64::from(page.limit()) + 1)
        .select(Revision::as_select())
        .into_boxed();
    if let Some(before) = page.before {
        rows = rows.filter(message_revisions::revision.lt(before));
    }
    if let Some(after) = page.after {
        rows = rows.filter(message_revisions::revision.gt(after));
    }
    rows = if page.is_forwards() {
        rows.order(message_revisions::revision)
    } else {
        rows.order(message_revisions::revision.desc())
    };
    let found: Vec<Revision> = rows.load(connection)?;
    Ok(Page::newest_first(found, page, |revision| {
        revision.revision
    }))
}

/// What the messages of one author said before, after this one, at most `limit`; by message, the
/// oldest first.
///
/// # Errors
/// The database failed.
pub fn of_author(
    connection: &mut Connection,
    author: UserId,
    after: Option<(MessageId, i32)>,
    limit: i64,
) -> Result<Vec<Revision>, DatabaseError> {
    let mut rows = message_revisions::table
        .inner_join(messages::table)
        .filter(messages::author_id.eq(author))
        .filter(messages::deleted_at.is_null())
        .order((messages::id, message_revisions::revision))
        .limit(limit)
        .select(Revision::as_select())
        .into_boxed();
    if let Some((message, revision)) = after {
        let later = message_revisions::revision.gt(revision);
        rows = rows.filter(messages::id.ge(message)).filter(
            messages::id
                .gt(message)
                .or(messages::id.eq(message).and(later)),
        );
    }
    Ok(rows.load(connection)?)
}

/// Forgets what a message said before.
///
/// # Errors
/// The database failed.
pub(in crate::messages) fn clear(
    connection: &mut Connection,
    message: MessageId,
) -> Result<(), DatabaseError> {
    let rows = message_revisions::table.filter(message_revisions::message_id.eq(message));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}
