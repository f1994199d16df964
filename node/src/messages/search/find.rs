//! Finds entries in the index: which, and no more than are needed.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::{PgConnection, QueryableByName, SqliteConnection};
use federation_core::store::sql::{Connection, DatabaseError};

use super::expression::{self, Marks};
use super::number::{LEVELS, Range};
use super::query::Query;
use crate::base::ids::ChannelId;
use crate::platform::db::schema::search_entries;

/// Channels that one query names by their marks at most; those of more are sought one part after the
/// other.
const MOST_MARKED: usize = 128;
/// Finds that are held against the list of channels before marks are used, at least.
const LOOKED_AT: i64 = 200;
/// How many times as much a span of the next level holds.
const GROWTH: usize = 8;
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

    /// What is left of a range after the entry `last`.
    const fn after(self, last: i64, range: Range) -> Range {
        match self {
            Self::Newest => Range {
                high: last,
                ..range
            },
            Self::Oldest => Range {
                low: last.saturating_add(1),
                ..range
            },
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

    /// The numbers of up to `limit` entries of a range, from one end of it.
    ///
    /// What is sought is mostly said where the reader is, or hardly anywhere: the first finds are held
    /// against the list of channels. Only when most of them are elsewhere does the index go through
    /// the long lists of the channels' marks.
    ///
    /// # Errors
    /// The database failed.
    pub(super) fn numbers(
        &self,
        connection: &mut Connection,
        (range, from): (Range, End),
        limit: i64,
    ) -> Result<Vec<i64>, DatabaseError> {
        if self.channels.is_empty() || self.marks.any_of.iter().any(Vec::is_empty) {
            return Ok(Vec::new());
        }
        let first = limit.max(LOOKED_AT);
        let looked_at = self.marked(connection, &self.marks, (range, from), first)?;
        let mut found = self.in_channels(connection, &looked_at)?;
        let last = looked_at.last().filter(|_| looked_at.len() >= whole(first));
        if let Some(last) = last
            && found.len() < whole(limit)
        {
            let rest = from.after(*last, range);
            let missing = i64::try_from(whole(limit) - found.len()).unwrap_or(limit);
            found.extend(self.of_channels(connection, (rest, from), missing)?);
        }
        found.truncate(whole(limit));
        Ok(found)
    }

    /// The numbers of up to `limit` entries of a range by the marks of the channels.
    fn of_channels(
        &self,
        connection: &mut Connection,
        (range, from): (Range, End),
        limit: i64,
    ) -> Result<Vec<i64>, DatabaseError> {
        let mut found = Vec::new();
        for channels in self.channels.chunks(MOST_MARKED) {
            let mut marks = self.marks.clone();
            let named = channels.iter();
            let named = named.map(|id| expression::channel(id.as_str()));
            marks.any_of.push(named.collect());
            found.extend(self.marked(connection, &marks, (range, from), limit)?);
        }
        found.sort_unstable();
        if from == End::Newest {
            found.reverse();
        }
        found.truncate(whole(limit));
        Ok(found)
    }

    /// Those of these entries that are in one of the channels, in the same order.
    fn in_channels(
        &self,
        connection: &mut Connection,
        numbers: &[i64],
    ) -> Result<Vec<i64>, DatabaseError> {
        let places: HashMap<i64, ChannelId> = search_entries::table
            .filter(search_entries::number.eq_any(numbers))
            .select((search_entries::number, search_entries::channel_id))
            .load(connection)?
            .into_iter()
            .collect();
        let channels: HashSet<&ChannelId> = self.channels.iter().collect();
        let is_in = |number: &&i64| places.get(*number).is_some_and(|id| channels.contains(id));
        Ok(numbers.iter().filter(is_in).copied().collect())
    }

    /// The numbers of up to `limit` entries of a range that say it and have these marks.
    fn marked(
        &self,
        connection: &mut Connection,
        marks: &Marks,
        (range, from): (Range, End),
        limit: i64,
    ) -> Result<Vec<i64>, DatabaseError> {
        if range.low >= range.high {
            return Ok(Vec::new());
        }
        match connection {
            Connection::Sqlite(c) => self.sqlite(c, marks, (range, from), limit),
            Connection::Postgres(c) => self.postgres(c, marks, (range, from), limit),
        }
    }

    /// FTS5 walks through the finds in the order of their numbers, and stops.
    fn sqlite(
        &self,
        connection: &mut SqliteConnection,
        marks: &Marks,
        (range, from): (Range, End),
        limit: i64,
    ) -> Result<Vec<i64>, DatabaseError> {
        let statement = format!(
            "SELECT rowid AS number FROM search_words WHERE search_words MATCH ?1 \
             AND rowid >= ?2 AND rowid < ?3 ORDER BY rowid {} LIMIT ?4",
            from.order()
        );
        let rows: Vec<Row> = diesel::sql_query(statement)
            .bind::<Text, _>(expression::fts5(self.query, marks))
            .bind::<BigInt, _>(range.low)
            .bind::<BigInt, _>(range.high)
            .bind::<BigInt, _>(limit)
            .load(connection)?;
        Ok(numbers_of(rows))
    }

    /// A GIN index gives all finds at once and in no order, so it is asked for growing spans of
    /// time until there are enough.
    fn postgres(
        &self,
        connection: &mut PgConnection,
        marks: &Marks,
        (range, from): (Range, End),
        limit: i64,
    ) -> Result<Vec<i64>, DatabaseError> {
        let Some(range) = filled(connection, range)? else {
            return Ok(Vec::new());
        };
        let full = whole(limit);
        let mut levels = LEVELS.into_iter();
        let mut next = levels.next();
        while let Some(level) = next {
            let part = match from {
                End::Newest => range.end(level),
                End::Oldest => range.start(level),
            };
            let mut marks = marks.clone();
            let spans = part.spans(level).into_iter();
            let spans = spans.map(|number| expression::span(level, number));
            marks.any_of.push(spans.collect());
            let gathered = level >= GATHERED_FROM;
            let found = self.within(connection, &marks, (part, from, gathered), limit)?;
            if found.len() >= full || part == range {
                return Ok(found);
            }
            // What is rare is not sought at each level: a span more is passed over where even that
            // would have too few.
            let passed = usize::from(found.len().saturating_mul(GROWTH) < full);
            next = levels.nth(passed);
        }
        self.within(connection, marks, (range, from, true), limit)
    }

    fn within(
        &self,
        connection: &mut PgConnection,
        marks: &Marks,
        (range, from, gathered): (Range, End, bool),
        limit: i64,
    ) -> Result<Vec<i64>, DatabaseError> {
        let matching = "SELECT w.number FROM search_words w WHERE w.words @@ CAST($1 AS tsquery) \
                        AND w.number >= $2 AND w.number < $3";
        let order = from.order();
        let statement = if gathered {
            format!(
                "WITH found AS MATERIALIZED ({matching}) \
                 SELECT number FROM found ORDER BY number {order} LIMIT $4"
            )
        } else {
            format!("{matching} ORDER BY w.number {order} LIMIT $4")
        };
        let rows: Vec<Row> = diesel::sql_query(statement)
            .bind::<Text, _>(expression::tsquery(self.query, marks))
            .bind::<BigInt, _>(range.low)
            .bind::<BigInt, _>(range.high)
            .bind::<BigInt, _>(limit)
            .load(connection)?;
        Ok(numbers_of(rows))
    }
}

fn whole(count: i64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[derive(QueryableByName)]
struct Ends {
    #[diesel(sql_type = Nullable<BigInt>)]
    first: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    last: Option<i64>,
}

/// The range without what lies before the first entry and after the last; `None` when there is
/// nothing in it.
fn filled(connection: &mut PgConnection, range: Range) -> Result<Option<Range>, DatabaseError> {
    let entries = "FROM search_words WHERE number >= $1 AND number < $2 ORDER BY number";
    let statement = format!(
        "SELECT (SELECT number {entries} LIMIT 1) AS first, \
         (SELECT number {entries} DESC LIMIT 1) AS last"
    );
    let ends: Ends = diesel::sql_query(statement)
        .bind::<BigInt, _>(range.low)
        .bind::<BigInt, _>(range.high)
        .get_result(connection)?;
    Ok(ends.first.zip(ends.last).map(|(low, last)| Range {
        low,
        high: last.saturating_add(1),
    }))
}
