//! Finds entries in the index: which, and no more than are needed.

use diesel::sql_types::{Array, BigInt, Nullable, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection};
use federation_core::store::sql::{Connection, DatabaseError};

use super::expression::{self, Marks};
use super::number::{LEVELS, Range};
use super::query::Query;
use crate::base::ids::ChannelId;

/// Channels that a query names by their marks at most; of more than these each find is held
/// against the list.
const MOST_MARKED: usize = 128;
/// Finds of fewer than this many are held against the list of channels too: FTS5 would look for each
/// of them in the long list of each mark.
const FEW: i64 = 200;
/// Spans from this level on are gathered before they are put in order: the planner is not to
/// guess that walking through them in order would come to an end soon.
const GATHERED_FROM: u32 = 28;

/// What is looked for.
#[derive(Clone, Debug)]
pub(super) struct Sought<'a> {
    query: &'a Query,
    marks: Marks,
    channels: Vec<ChannelId>,
}

/// From which end of a range entries are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The newest first.
    Newest,
    /// The oldest first.
    Oldest,
}

impl End {
    const fn order(self) -> &'static str {
        match self {
            Self::Newest => "DESC",
            Self::Oldest => "ASC",
        }
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn numbers_of(rows: Vec<Row>) -> Vec<i64> {
    rows.into_iter().map(|row| row.number).collect()
}

impl<'a> Sought<'a> {
    /// What says this, has these marks, and is in one of these channels.
    pub(super) const fn new(query: &'a Query, marks: Marks, channels: Vec<ChannelId>) -> Self {
        Self {
            query,
            marks,
            channels,
        }
    }

    /// The marks, with those of the channels unless these are `listed`.
    fn marks(&self, listed: bool) -> Marks {
        let mut marks = self.marks.clone();
        if !listed {
            let named = self.channels.iter();
            let named = named.map(|id| expression::channel(id.as_str()));
            marks.any_of.push(named.collect());
        }
        marks
    }

    /// The numbers of up to `limit` entries of a range, from one end of it.
    ///
    /// # Errors
    /// The database failed.
    pub(super) fn numbers(
        &self,
        connection: &mut Connection,
        (range, from): (Range, End),
        limit: i64,
    ) -> Result<Vec<i64>, DatabaseError> {
        let is_vain = self.channels.is_empty() || self.marks.any_of.iter().any(Vec::is_empty);
        if is_vain || range.low >= range.high {
            return Ok(Vec::new());
        }
        match connection {
            Connection::Sqlite(c) => self.sqlite(c, (range, from), limit),
            Connection::Postgres(c) => self.postgres(c, (range, from), limit),
        }
    }

    /// FTS5 walks through the finds in the order of their numbers, and stops.
    fn sqlite(
        &self,
        connection: &mut SqliteConnection,
        (range, from): (Range, End),
        limit: i64,
    ) -> Result<Vec<i64>, DatabaseError> {
        let listed = self.channels.len() > MOST_MARKED || self.are_few(connection, range)?;
        let channels = listed.then(|| serde_json::to_string(&self.channels));
        let channels = channels
            .transpose()
            .map_err(|_not_json| DatabaseError::Malformed {
                what: "list of channels",
            })?;
        let statement = format!(
            "SELECT rowid AS number FROM search_words WHERE search_words MATCH ?1 \
             AND rowid >= ?2 AND rowid < ?3 AND (?4 IS NULL OR EXISTS (\
             SELECT 1 FROM search_entries e WHERE e.number = search_words.rowid \
             AND e.channel_id IN (SELECT value FROM json_each(?4)))) \
             ORDER BY rowid {} LIMIT ?5",
            from.order()
        );
        let rows: Vec<Row> = diesel::sql_query(statement)
            .bind::<Text, _>(expression::fts5(self.query, &self.marks(listed)))
            .bind::<BigInt, _>(range.low)
            .bind::<BigInt, _>(range.high)
            .bind::<Nullable<Text>, _>(channels)
            .bind::<BigInt, _>(limit)
            .load(connection)?;
        Ok(numbers_of(rows))
    }

    /// Whether few entries of a range say it, in whatever channel.
    fn are_few(
        &self,
        connection: &mut SqliteConnection,
        range: Range,
    ) -> Result<bool, DatabaseError> {
        let statement = "SELECT COUNT(*) AS number FROM (SELECT 1 FROM search_words \
                         WHERE search_words MATCH ?1 AND rowid >= ?2 AND rowid < ?3 LIMIT ?4)";
        let found: Row = diesel::sql_query(statement)
            .bind::<Text, _>(expression::fts5(self.query, &self.marks))
            .bind::<BigInt, _>(range.low)
            .bind::<BigInt, _>(range.high)
            .bind::<BigInt, _>(FEW)
            .get_result(connection)?;
        Ok(found.number < FEW)
    }

    /// A GIN index gives all finds at once and in no order, so it is asked for growing spans of
    /// time until there are enough.
    fn postgres(
        &self,
        connection: &mut PgConnection,
        (range, from): (Range, End),
        limit: i64,
    ) -> Result<Vec<i64>, DatabaseError> {
        let Some(range) = filled(connection, range)? else {
            return Ok(Vec::new());
        };
        let listed = self.channels.len() > MOST_MARKED;
        let every = self.marks(listed);
        let full = usize::try_from(limit).unwrap_or(usize::MAX);
        for level in LEVELS {
            let part = match from {
                End::Newest => range.end(level),
                End::Oldest => range.start(level),
            };
            let mut marks = every.clone();
            let spans = part.spans(level).into_iter();
            let spans = spans.map(|number| expression::span(level, number));
            marks.any_of.push(spans.collect());
            let gathered = level >= GATHERED_FROM;
            let found = self.within(connection, (&marks, listed), (part, from, gathered), limit)?;
            if found.len() >= full || part == range {
                return Ok(found);
            }
        }
        self.within(connection, (&every, listed), (range, from, true), limit)
    }

    fn within(
        &self,
        connection: &mut PgConnection,
        (marks, listed): (&Marks, bool),
        (range, from, gathered): (Range, End, bool),
        limit: i64,
    ) -> Result<Vec<i64>, DatabaseError> {
        let matching = "SELECT w.number FROM search_words w WHERE w.words @@ CAST($1 AS tsquery) \
                        AND w.number >= $2 AND w.number < $3 AND ($4 IS NULL OR EXISTS (\
                        SELECT 1 FROM search_entries e WHERE e.number = w.number \
                        AND e.channel_id = ANY($4)))";
        let order = from.order();
        let statement = if gathered {
            format!(
                "WITH found AS MATERIALIZED ({matching}) \
                 SELECT number FROM found ORDER BY number {order} LIMIT $5"
            )
        } else {
            format!("{matching} ORDER BY w.number {order} LIMIT $5")
        };
        let channels: Option<Vec<&str>> =
            listed.then(|| self.channels.iter().map(ChannelId::as_str).collect());
        let rows: Vec<Row> = diesel::sql_query(statement)
            .bind::<Text, _>(expression::tsquery(self.query, marks))
            .bind::<BigInt, _>(range.low)
            .bind::<BigInt, _>(range.high)
            .bind::<Nullable<Array<Text>>, _>(channels)
            .bind::<BigInt, _>(limit)
            .load(connection)?;
        Ok(numbers_of(rows))
    }
}

/// The range without what lies before the first entry and after the last; `None` when there is
/// nothing in it.
fn filled(connection: &mut PgConnection, range: Range) -> Result<Option<Range>, DatabaseError> {
    let mut end = |order: &str| -> Result<Option<i64>, DatabaseError> {
        let statement = format!(
            "SELECT number FROM search_words WHERE number >= $1 AND number < $2 \
             ORDER BY number {order} LIMIT 1"
        );
        let rows: Vec<Row> = diesel::sql_query(statement)
            .bind::<BigInt, _>(range.low)
            .bind::<BigInt, _>(range.high)
            .load(connection)?;
        Ok(numbers_of(rows).first().copied())
    };
    let (Some(low), Some(last)) = (end("ASC")?, end("DESC")?) else {
        return Ok(None);
    };
    let high = last.saturating_add(1);
    Ok(Some(Range { low, high }))
}
