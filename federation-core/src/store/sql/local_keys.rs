//! The keys of local actors in the database.

use std::fmt;
use std::sync::Arc;

use diesel::alias;
use diesel::prelude::*;
use futures_util::future::BoxFuture;
use url::Url;

use super::schema::local_keys;
use super::{Connection, Database, DatabaseError};
use crate::clock::Timestamp;
use crate::each_backend;
use crate::keys::{KeyChange, KeyStage, KeyStep, LocalKeyStore, StoredKey};
use crate::signature::Algorithm;
use crate::store::StoreError;

/// Keys of one actor that are read at most: two in each of three stages, and room to spare.
const MAX_KEYS: i64 = 16;

/// What follows from a step, in its transaction; not called for an actor's first keys.
pub type OnKeyChange =
    Arc<dyn Fn(&mut Connection, &KeyChange) -> Result<(), DatabaseError> + Send + Sync>;

/// Keeps the keys of local actors in a [`Database`].
#[derive(Clone)]
pub struct SqlKeyStore {
    db: Database,
    on_change: Option<OnKeyChange>,
}

impl SqlKeyStore {
    /// Keeps them in `database`.
    pub fn new(database: Database) -> Self {
        Self {
            db: database,
            on_change: None,
        }
    }

    /// Has something done in the transaction of each step, such as queueing the `Update` that
    /// tells others: a step and its announcement are committed together or not at all.
    #[must_use]
    pub fn on_change(mut self, on_change: OnKeyChange) -> Self {
        self.on_change = Some(on_change);
        self
    }
}

impl fmt::Debug for SqlKeyStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SqlKeyStore")
            .field("db", &self.db)
            .finish_non_exhaustive()
    }
}

impl LocalKeyStore for SqlKeyStore {
    fn of_actor<'a>(&'a self, actor: &'a Url) -> BoxFuture<'a, Result<Vec<StoredKey>, StoreError>> {
        Box::pin(async move {
            let id = actor.to_string();
            let rows = self
                .db
                .read(move |connection| rows_of(connection, &id))
                .await?;
            let keys: Result<Vec<StoredKey>, DatabaseError> =
                rows.into_iter().map(Row::into_key).collect();
            Ok(keys?)
        })
    }

    fn change(&self, change: KeyChange) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let on_change = self.on_change.clone();
            let taken = self.db.write(move |connection| {
                if !take(connection, &change)? {
                    return Ok(false);
                }
                match &on_change {
                    Some(follow) if change.step != KeyStep::First => follow(connection, &change)?,
                    _ => {}
                }
                Ok::<_, DatabaseError>(true)
            });
            Ok(taken.await?)
        })
    }

    fn due(
        &self,
        stage: KeyStage,
        since: Timestamp,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Url>, StoreError>> {
        Box::pin(async move {
            let ids: Vec<String> = self
                .db
                .read(move |connection| {
                    let due = local_keys::table
                        .filter(local_keys::stage.eq(stage.as_str()))
                        .filter(local_keys::stage_at.le(since.as_millis()))
                        .select(local_keys::actor_id)
                        .distinct()
                        .order(local_keys::actor_id)
                        .limit(i64::from(limit));
                    if stage != KeyStage::Current {
                        return Ok::<Vec<String>, DatabaseError>(due.load(connection)?);
                    }
                    // A rotation that is under way is not begun again.
                    let others = alias!(local_keys as others);
                    let under_way = others
                        .filter(others.field(local_keys::stage).ne(stage.as_str()))
                        .select(others.field(local_keys::actor_id));
                    Ok(due
                        .filter(local_keys::actor_id.ne_all(under_way))
                        .load(connection)?)
                })
                .await?;
            let actors: Result<Vec<Url>, DatabaseError> =
                ids.iter().map(|id| url(id, "local key actor")).collect();
            Ok(actors?)
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = local_keys)]
struct Row {
    key_id: String,
    actor_id: String,
    algorithm: String,
    private_key: Vec<u8>,
    public_key: String,
    created_at: i64,
    stage: String,
    stage_at: i64,
}

impl Row {
    fn into_key(self) -> Result<StoredKey, DatabaseError> {
        let malformed = |what| DatabaseError::Malformed { what };
        Ok(StoredKey {
            key_id: url(&self.key_id, "local key id")?,
            actor: url(&self.actor_id, "local key actor")?,
            algorithm: algorithm(&self.algorithm).ok_or(malformed("local key algorithm"))?,
            sealed: self.private_key,
            public_key: self.public_key,
            stage: KeyStage::parse(&self.stage).ok_or(malformed("local key stage"))?,
            stage_since: Timestamp::from_millis(self.stage_at),
            created_at: Timestamp::from_millis(self.created_at),
        })
    }
}

fn url(text: &str, what: &'static str) -> Result<Url, DatabaseError> {
    Url::parse(text).map_err(|_not_a_url| DatabaseError::Malformed { what })
}

/// How an algorithm is called in the database.
const fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::RsaSha256 => "rsa-sha256",
        Algorithm::Ed25519 => "ed25519",
    }
}

fn algorithm(word: &str) -> Option<Algorithm> {
    [Algorithm::RsaSha256, Algorithm::Ed25519]
        .into_iter()
        .find(|algorithm| name(*algorithm) == word)
}

fn rows_of(connection: &mut Connection, actor: &str) -> Result<Vec<Row>, DatabaseError> {
    Ok(local_keys::table
        .filter(local_keys::actor_id.eq(actor))
        .filter(local_keys::stage.ne(KeyStage::Retired.as_str()))
        .order((local_keys::created_at.desc(), local_keys::key_id))
        .limit(MAX_KEYS)
        .select(Row::as_select())
        .load(connection)?)
}

/// Takes a step; whether it was not void. What two processes try at once, the unique index lets
/// only one do: the other's inserts do nothing, or its rows are no longer in the stage.
fn take(connection: &mut Connection, change: &KeyChange) -> Result<bool, DatabaseError> {
    let actor = change.actor.as_str();
    let known = rows_of(connection, actor)?;
    let has = |stage: KeyStage| known.iter().any(|row| row.stage == stage.as_str());
    match change.step {
        KeyStep::First if known.is_empty() => insert(connection, &change.inserted),
        KeyStep::Publish if !has(KeyStage::Next) && !has(KeyStage::Previous) => {
            insert(connection, &change.inserted)
        }
        KeyStep::Switch if has(KeyStage::Next) && !has(KeyStage::Previous) => {
            let down = shift(
                connection,
                change,
                &known,
                KeyStage::Current,
                KeyStage::Previous,
            )?;
            let up = shift(
                connection,
                change,
                &known,
                KeyStage::Next,
                KeyStage::Current,
            )?;
            Ok(down > 0 && up > 0)
        }
        KeyStep::Retire if has(KeyStage::Previous) => {
            let retired = shift(
                connection,
                change,
                &known,
                KeyStage::Previous,
                KeyStage::Retired,
            )?;
            erase(connection, change)?;
            Ok(retired > 0)
        }
        _ => Ok(false),
    }
}

fn insert(connection: &mut Connection, keys: &[StoredKey]) -> Result<bool, DatabaseError> {
    let mut inserted = 0;
    for key in keys {
        let row = (
            local_keys::key_id.eq(key.key_id.as_str()),
            local_keys::actor_id.eq(key.actor.as_str()),
            local_keys::algorithm.eq(name(key.algorithm)),
            local_keys::private_key.eq(&key.sealed),
            local_keys::public_key.eq(&key.public_key),
            local_keys::created_at.eq(key.created_at.as_millis()),
            local_keys::stage.eq(key.stage.as_str()),
            local_keys::stage_at.eq(key.stage_since.as_millis()),
        );
        inserted += each_backend!(connection, c => diesel::insert_into(local_keys::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c))?;
    }
    Ok(inserted == keys.len())
}

/// Moves those of the known keys that are still in `from`.
fn shift(
    connection: &mut Connection,
    change: &KeyChange,
    known: &[Row],
    from: KeyStage,
    to: KeyStage,
) -> Result<usize, DatabaseError> {
    let there = known.iter().filter(|row| row.stage == from.as_str());
    let ids: Vec<&str> = there.map(|row| row.key_id.as_str()).collect();
    let rows = local_keys::table
        .filter(local_keys::key_id.eq_any(ids))
        .filter(local_keys::stage.eq(from.as_str()));
    let shifted = diesel::update(rows).set((
        local_keys::stage.eq(to.as_str()),
        local_keys::stage_at.eq(change.at.as_millis()),
    ));
    Ok(shifted.execute(connection)?)
}

/// Erases the private halves of an actor's retired keys.
fn erase(connection: &mut Connection, change: &KeyChange) -> Result<(), DatabaseError> {
    let rows = local_keys::table
        .filter(local_keys::actor_id.eq(change.actor.as_str()))
        .filter(local_keys::stage.eq(KeyStage::Retired.as_str()))
        .filter(local_keys::retired_at.is_null());
    diesel::update(rows)
        .set((
            local_keys::retired_at.eq(change.at.as_millis()),
            local_keys::private_key.eq(Vec::new()),
        ))
        .execute(connection)?;
    Ok(())
}
