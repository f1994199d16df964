//! Statements for SQLite whose text never changes, so that each is prepared once and kept.
//!
//! The query builder has every update, and every list of values, parsed anew. A list is one value
//! here, a JSON array that `json_each` reads; a `LIMIT` stands in the text, since SQLite prepares
//! a statement again whenever one is bound to it.

use std::borrow::Cow;
use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::sqlite::{Sqlite, SqliteConnection};

use crate::outbox::delivery::LaneId;

/// One value of a statement.
pub(super) enum Value<'a> {
    Number(Option<i64>),
    Text(Option<Cow<'a, str>>),
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<u16>> for Value<'_> {
    fn from(number: Option<u16>) -> Self {
        Self::Number(number.map(i64::from))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(Cow::Borrowed(text)))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text.map(Cow::Borrowed))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(Cow::Owned(text)))
    }
}

/// A statement; `Row` is the SQL type of what it answers.
pub(super) struct Statement<'a, Row = ()> {
    text: &'static str,
    values: Vec<Value<'a>>,
    row: PhantomData<Row>,
}

impl<'a, Row> Statement<'a, Row> {
    /// A statement with a value for each question mark of its text.
    pub(super) fn new<const N: usize>(text: &'static str, values: [Value<'a>; N]) -> Self {
        Self {
            text,
            values: values.into(),
            row: PhantomData,
        }
    }
}

impl<Row> QueryFragment<Sqlite> for Statement<'_, Row> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let mut parts = self.text.split('?');
        out.push_sql(parts.next().unwrap_or_default());
        for (value, part) in self.values.iter().zip(parts) {
            match value {
                Value::Number(number) => out.push_bind_param::<Nullable<BigInt>, _>(number)?,
                Value::Text(text) => out.push_bind_param::<Nullable<Text>, _>(text)?,
            }
            out.push_sql(part);
        }
        Ok(())
    }
}

impl<Row> QueryId for Statement<'_, Row> {
    // It is known by its text.
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Row> Query for Statement<'_, Row> {
    type SqlType = Row;
}

impl<Row> diesel::RunQueryDsl<SqliteConnection> for Statement<'_, Row> {}

/// Ids of lanes as one value.
pub(super) fn numbers(ids: impl IntoIterator<Item = LaneId>) -> String {
    ids.into_iter().collect::<serde_json::Value>().to_string()
}

/// Texts as one value.
pub(super) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().collect::<serde_json::Value>().to_string()
}

#[cfg(test)]
mod tests {
    use diesel::{Connection as _, RunQueryDsl as _};

    use super::*;

    #[test]
    fn a_statement_is_prepared_once_and_takes_its_values_in_order() {
        let mut c = SqliteConnection::establish(":memory:").unwrap();
        let (seen, prepared) = std::sync::mpsc::channel();
        c.set_instrumentation(move |event: diesel::connection::InstrumentationEvent<'_>| {
            if let diesel::connection::InstrumentationEvent::CacheQuery { sql, .. } = event {
                seen.send(sql.to_owned()).unwrap();
            }
        });
        for n in 0..3 {
            let row: (Option<String>, i64, i64) =
                Statement::<(Nullable<Text>, BigInt, BigInt)>::new(
                    "SELECT ?, count(*), sum(value) FROM json_each(?) WHERE value > ? LIMIT 1",
                    [None::<&str>.into(), numbers([1, 2, 3 + n]).into(), 1.into()],
                )
                .get_result(&mut c)
                .unwrap();
            assert_eq!(row, (None, 2, 5 + n));
        }
        assert_eq!(prepared.try_iter().count(), 1);
    }

    #[test]
    fn lists_are_json() {
        assert_eq!(numbers([3, -1]), "[3,-1]");
        assert_eq!(texts(["a\"b", "ü"]), "[\"a\\\"b\",\"ü\"]");
    }
}
