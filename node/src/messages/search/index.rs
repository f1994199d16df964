//! The index of messages: changed in the transaction that changes the message.
//!
//! All SQL that writes `search_entries`, `search_words` and `search_gaps`. Statements, not
//! triggers: the words are made here, and both databases are told alike.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use super::expression::{self, BEGINNINGS};
use super::number;
use super::words::words;
use crate::base::ids::MessageId;
use crate::messages::model::Message;
use crate::platform::db::schema::{messages, search_entries, search_gaps};
use crate::platform::events::EventLog;

/// Bytes of the words of one message that are entered at most.
const MOST_BYTES: usize = 64 * 1024;
/// Numbers that are tried for a message until one is free.
const MOST_TRIES: usize = 4096;

/// Enters a message, or what it says now.
///
/// # Errors
/// The database failed.
pub(in crate::messages) fn enter(
    connection: &mut Connection,
    message: &Message,
) -> Result<(), DatabaseError> {
    let (number, is_new) = number_of(connection, message)?;
    if !is_new {
        drop_words(connection, number)?;
    }
    put(connection, number, message)
}

/// Takes a message out.
///
/// # Errors
/// The database failed.
pub(in crate::messages) fn forget(
    connection: &mut Connection,
    id: MessageId,
) -> Result<(), DatabaseError> {
    if let Some(number) = known(connection, id)? {
        drop_words(connection, number)?;
        diesel::delete(search_entries::table.find(number)).execute(connection)?;
    }
    Ok(())
}

/// Enters up to `limit` messages that were there before the index, the newest first; answers
/// whether there may be more.
///
/// # Errors
/// The database failed.
pub(super) fn fill(connection: &mut Connection, limit: i64) -> Result<bool, DatabaseError> {
    // Nothing is deleted meanwhile, whose words would stay.
    let _log = EventLog::begin(connection)?;
    // Holds the row, so that two processes do not do the same work.
    let held = diesel::update(search_gaps::table)
        .set(search_gaps::message_id.eq(search_gaps::message_id))
        .returning(search_gaps::message_id);
    let Some(newest) = held.get_result::<MessageId>(connection).optional()? else {
        return Ok(false);
    };
    let rows = messages::table
        .filter(messages::id.le(newest))
        .order(messages::id.desc())
        .limit(limit)
        .select(Message::as_select());
    let rows: Vec<Message> = rows.load(connection)?;
    for message in rows.iter().filter(|message| message.deleted_at.is_none()) {
        let (number, is_new) = number_of(connection, message)?;
        // What is entered already may say something newer.
        if is_new {
            put(connection, number, message)?;
        }
    }
    let full = usize::try_from(limit).unwrap_or(usize::MAX);
    let Some(last) = rows.last().filter(|_| rows.len() >= full) else {
        diesel::delete(search_gaps::table).execute(connection)?;
        return Ok(false);
    };
    diesel::update(search_gaps::table)
        .set(search_gaps::message_id.eq(last.id))
        .execute(connection)?;
    Ok(true)
}

fn known(connection: &mut Connection, id: MessageId) -> Result<Option<i64>, DatabaseError> {
    let row = search_entries::table
        .filter(search_entries::message_id.eq(id))
        .select(search_entries::number);
    Ok(row.first(connection).optional()?)
}

/// The number of a message, and whether it was given just now.
fn number_of(connection: &mut Connection, message: &Message) -> Result<(i64, bool), DatabaseError> {
    let mut number = number::first(message.created_at, message.id);
    for _ in 0..MOST_TRIES {
        let row = (
            search_entries::number.eq(number),
            search_entries::message_id.eq(message.id),
            search_entries::channel_id.eq(message.channel_id),
        );
        let inserted = each_backend!(connection, c => diesel::insert_into(search_entries::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c))?;
        if inserted > 0 {
            return Ok((number, true));
        }
        // The message has its number already, or another message has this one.
        if let Some(number) = known(connection, message.id)? {
            return Ok((number, false));
        }
        number = number.saturating_add(1);
    }
    Err(DatabaseError::Malformed {
        what: "number of a message in the index",
    })
}

/// Stores what is said under a number that has no words.
fn put(connection: &mut Connection, number: i64, message: &Message) -> Result<(), DatabaseError> {
    let document = Document::of(message);
    match connection {
        Connection::Sqlite(c) => {
            let text = document.fts5();
            diesel::sql_query("INSERT INTO search_words (rowid, words) VALUES (?1, ?2)")
                .bind::<BigInt, _>(number)
                .bind::<Text, _>(text)
                .execute(c)?
        }
        Connection::Postgres(c) => {
            let text = document.tsvector(number::millis(number));
            let statement =
                "INSERT INTO search_words (number, words) VALUES ($1, CAST($2 AS tsvector))";
            diesel::sql_query(statement)
                .bind::<BigInt, _>(number)
                .bind::<Text, _>(text)
                .execute(c)?
        }
    };
    Ok(())
}

fn drop_words(connection: &mut Connection, number: i64) -> Result<(), DatabaseError> {
    match connection {
        Connection::Sqlite(c) => diesel::sql_query("DELETE FROM search_words WHERE rowid = ?1")
            .bind::<BigInt, _>(number)
            .execute(c)?,
        Connection::Postgres(c) => diesel::sql_query("DELETE FROM search_words WHERE number = $1")
            .bind::<BigInt, _>(number)
            .execute(c)?,
    };
    Ok(())
}

/// Whether a message has files: none does yet.
fn has_files(_message: &Message) -> bool {
    false
}

/// What the index holds of a message.
struct Document {
    /// What it says, in order.
    words: Vec<String>,
    /// What else it is found by.
    marks: BTreeSet<String>,
}

impl Document {
    fn of(message: &Message) -> Self {
        let mut bytes: usize = 0;
        let fits = |word: &String| {
            bytes = bytes.saturating_add(word.len());
            bytes <= MOST_BYTES
        };
        let said = words(&message.content).into_iter().map(|word| word.text);
        let words: Vec<String> = said.take_while(fits).collect();
        let mut marks: BTreeSet<String> = words.iter().flat_map(|word| beginnings(word)).collect();
        marks.insert(expression::channel(message.channel_id.as_str()));
        marks.insert(expression::author(message.author_id.as_str()));
        if has_files(message) {
            marks.insert(expression::files());
        }
        Self { words, marks }
    }

    /// Words and marks with spaces between: the marks come after the words, so that no phrase
    /// meets one.
    fn fts5(&self) -> String {
        let all: Vec<&str> = self
            .words
            .iter()
            .chain(&self.marks)
            .map(String::as_str)
            .collect();
        all.join(" ")
    }

    /// Lexemes, those of words with their places.
    fn tsvector(&self, millis: i64) -> String {
        let words = self.words.iter().zip(1_u32..);
        let words = words.map(|(word, place)| format!("{}:{place}", expression::lexeme(word)));
        let marks = self.marks.iter().map(|mark| expression::lexeme(mark));
        let spans = number::LEVELS.iter().map(|level| {
            let span = expression::span(*level, number::span(millis, *level));
            expression::lexeme(&span)
        });
        words
            .chain(marks)
            .chain(spans)
            .collect::<Vec<String>>()
            .join(" ")
    }
}

/// The marks of a word for each of its beginnings that is shorter than the word.
fn beginnings(word: &str) -> impl Iterator<Item = String> {
    let ends = word.char_indices().map(|(at, _)| at).enumerate().skip(1);
    let cut = ends.filter(|(letters, _)| BEGINNINGS.contains(letters));
    cut.filter_map(|(_, at)| Some(expression::beginning(word.get(..at)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_hold_words_in_order_and_marks_behind_them() {
        let document = Document {
            words: vec!["to".to_owned(), "be".to_owned(), "to".to_owned()],
            marks: ["=c1".to_owned()].into(),
        };
        assert_eq!(document.fts5(), "to be to =c1");
        let text = document.tsvector(1 << 34);
        assert!(
            text.starts_with("'to':1 'be':2 'to':3 '=c1' '=t22x4096' "),
            "{text}"
        );
        assert!(text.ends_with(" '=t34x1'"), "{text}");
    }

    #[test]
    fn words_are_marked_by_their_beginnings() {
        let marks = |word| beginnings(word).collect::<Vec<_>>();
        assert_eq!(marks("tea"), ["<te"]);
        assert_eq!(marks("éa"), Vec::<String>::new());
        assert_eq!(marks("conferences").len(), 7);
        assert_eq!(marks("conferences").last().unwrap(), "<conferen");
    }
}
