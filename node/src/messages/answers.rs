//! What messages answer, in short: one query for a whole page.

use std::collections::HashMap;

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};
use serde::Serialize;

use super::model::Message;
use crate::base::ids::{MessageId, UserId};
use crate::base::text;
use crate::platform::db::schema::messages;

/// Characters of a message that are shown with its answers.
const EXCERPT: usize = 140;

/// The message that another one answers, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AnswerView {
    /// Which message.
    pub id: MessageId,
    /// Who wrote it; absent once it was deleted, for those who came later, and in
    /// events once somebody came later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author_id: Option<UserId>,
    /// How it begins, as text on one line; absent as `author_id` is, and in
    /// events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
    /// Whether it was deleted.
    pub deleted: bool,
    /// Its place in the channel.
    #[serde(skip)]
    pub(super) seq: i64,
}

/// Which one, who wrote it, its HTML, when it was deleted, and its place.
type Answered = (MessageId, UserId, String, Option<i64>, i64);

/// The messages that these answer, by their ids.
pub(super) fn of(
    connection: &mut Connection,
    answering: &[Message],
) -> Result<HashMap<MessageId, AnswerView>, DatabaseError> {
    let ids: Vec<MessageId> = answering.iter().filter_map(|it| it.reply_to).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Answered> = messages::table
        .filter(messages::id.eq_any(&ids))
        .select((
            messages::id,
            messages::author_id,
            messages::html,
            messages::deleted_at,
            messages::seq,
        ))
        .load(connection)?;
    let view = |(id, author, html, deleted_at, seq): Answered| {
        let stands = deleted_at.is_none();
        let view = AnswerView {
            id,
            author_id: stands.then_some(author),
            excerpt: stands.then(|| text::excerpt(&html, EXCERPT)),
            deleted: !stands,
            seq,
        };
        (id, view)
    };
    Ok(rows.into_iter().map(view).collect())
}
