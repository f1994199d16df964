//! All SQL that writes `message_mentions`.

use std::collections::HashMap;

use diesel::prelude::*;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::{MentionKind, MentionView};
use crate::base::ids::{CommunityRoleId, MessageId, UserId};
use crate::platform::db::schema::message_mentions;

/// A row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = message_mentions)]
struct Row {
    message_id: MessageId,
    place: i32,
    kind: MentionKind,
    user_id: Option<UserId>,
    role_id: Option<CommunityRoleId>,
    text: String,
}

/// Notes whom a message mentions now, in place of those before.
pub(in crate::messages) fn put(
    connection: &mut Connection,
    message: MessageId,
    mentions: &[MentionView],
) -> Result<(), DatabaseError> {
    clear(connection, message)?;
    add(connection, message, mentions)
}

/// Notes whom a message mentions that was written just now.
pub(in crate::messages) fn add(
    connection: &mut Connection,
    message: MessageId,
    mentions: &[MentionView],
) -> Result<(), DatabaseError> {
    if mentions.is_empty() {
        return Ok(());
    }
    let row = |(place, mention): (i32, &MentionView)| Row {
        message_id: message,
        place,
        kind: mention.kind,
        user_id: mention.user_id,
        role_id: mention.role_id,
        text: mention.text.clone(),
    };
    let rows: Vec<Row> = (0..).zip(mentions).map(row).collect();
    each_backend!(connection, c => diesel::insert_into(message_mentions::table)
        .values(&rows)
        .execute(c))?;
    Ok(())
}

/// Whom these messages mention.
pub(in crate::messages) fn of(
    connection: &mut Connection,
    messages: &[MessageId],
) -> Result<HashMap<MessageId, Vec<MentionView>>, DatabaseError> {
    let rows: Vec<Row> = message_mentions::table
        .filter(message_mentions::message_id.eq_any(messages))
        .order((message_mentions::message_id, message_mentions::place))
        .select(Row::as_select())
        .load(connection)?;
    let mut found: HashMap<MessageId, Vec<MentionView>> = HashMap::new();
    for row in rows {
        let mention = MentionView {
            kind: row.kind,
            user_id: row.user_id,
            role_id: row.role_id,
            text: row.text,
        };
        found.entry(row.message_id).or_default().push(mention);
    }
    Ok(found)
}

/// Forgets whom a message mentions.
pub(in crate::messages) fn clear(
    connection: &mut Connection,
    message: MessageId,
) -> Result<(), DatabaseError> {
    let rows = message_mentions::table.filter(message_mentions::message_id.eq(message));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}

/// Forgets up to `limit` mentions of a person who is gone; answers how many.
pub(in crate::messages) fn forget_some(
    connection: &mut Connection,
    person: UserId,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let some: Vec<MessageId> = message_mentions::table
        .filter(message_mentions::user_id.eq(person))
        .order(message_mentions::message_id)
        .limit(limit)
        .select(message_mentions::message_id)
        .load(connection)?;
    let rows = message_mentions::table
        .filter(message_mentions::message_id.eq_any(&some))
        .filter(message_mentions::user_id.eq(person));
    Ok(diesel::delete(rows).execute(connection)?)
}
