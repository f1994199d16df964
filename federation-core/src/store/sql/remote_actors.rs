//! The documents of remote actors in the database, for the directory.

use diesel::prelude::*;
use futures_util::future::BoxFuture;
use url::Url;

use super::schema::remote_actors;
use super::{Connection, Database, DatabaseError};
use crate::clock::Timestamp;
use crate::each_backend;
use crate::fetch::{ActorCache, ActorCacheError, CachedActor};

/// Remembers remote actors in a [`Database`].
#[derive(Clone, Debug)]
pub struct SqlActorCache(Database);

impl SqlActorCache {
    /// Remembers in `database`.
    pub fn new(database: Database) -> Self {
        Self(database)
    }
}

impl ActorCache for SqlActorCache {
    fn load<'a>(
        &'a self,
        id: &'a Url,
    ) -> BoxFuture<'a, Result<Option<CachedActor>, ActorCacheError>> {
        let id = id.to_string();
        let find = move |connection: &mut Connection| {
            let row: Option<(String, i64, Option<i64>)> = remote_actors::table
                .find(id)
                .select((
                    remote_actors::document,
                    remote_actors::fetched_at,
                    remote_actors::gone_at,
                ))
                .first(connection)
                .optional()?;
            Ok::<_, DatabaseError>(row)
        };
        Box::pin(async move {
            let row = self.0.read(find).await.map_err(ActorCacheError::new)?;
            Ok(row.map(|(document, fetched_at, gone_at)| CachedActor {
                document,
                fetched_at: Timestamp::from_millis(fetched_at),
                gone_at: gone_at.map(Timestamp::from_millis),
            }))
        })
    }

    fn save<'a>(
        &'a self,
        id: &'a Url,
        document: String,
        fetched_at: Timestamp,
    ) -> BoxFuture<'a, Result<(), ActorCacheError>> {
        let (id, host) = (id.to_string(), host_of(id));
        Box::pin(async move {
            let save = move |connection: &mut Connection| {
                each_backend!(connection, c => diesel::insert_into(remote_actors::table)
                    .values((
                        remote_actors::id.eq(&id),
                        remote_actors::host.eq(&host),
                        remote_actors::document.eq(&document),
                        remote_actors::fetched_at.eq(fetched_at.as_millis()),
                        remote_actors::gone_at.eq(None::<i64>),
                    ))
                    .on_conflict(remote_actors::id)
                    .do_update()
                    .set((
                        remote_actors::document.eq(&document),
                        remote_actors::fetched_at.eq(fetched_at.as_millis()),
                        remote_actors::gone_at.eq(None::<i64>),
                    ))
                    .execute(c))?;
                Ok::<_, DatabaseError>(())
            };
            self.0.write(save).await.map_err(ActorCacheError::new)
        })
    }

    fn mark_gone<'a>(
        &'a self,
        id: &'a Url,
        gone_at: Timestamp,
    ) -> BoxFuture<'a, Result<(), ActorCacheError>> {
        let (id, host) = (id.to_string(), host_of(id));
        Box::pin(async move {
            let mark = move |connection: &mut Connection| {
                each_backend!(connection, c => diesel::insert_into(remote_actors::table)
                    .values((
                        remote_actors::id.eq(&id),
                        remote_actors::host.eq(&host),
                        remote_actors::document.eq(""),
                        remote_actors::fetched_at.eq(gone_at.as_millis()),
                        remote_actors::gone_at.eq(Some(gone_at.as_millis())),
                    ))
                    .on_conflict(remote_actors::id)
                    .do_update()
                    .set(remote_actors::gone_at.eq(Some(gone_at.as_millis())))
                    .execute(c))?;
                Ok::<_, DatabaseError>(())
            };
            self.0.write(mark).await.map_err(ActorCacheError::new)
        })
    }
}

/// Forgets at most `limit` documents fetched before `before`; how many there were.
///
/// They are fetched again when they are needed.
///
/// # Errors
/// The database failed.
pub fn prune_remote_actors(
    connection: &mut Connection,
    before: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let old: Vec<String> = remote_actors::table
        .filter(remote_actors::fetched_at.lt(before.as_millis()))
        .order(remote_actors::fetched_at)
        .limit(limit)
        .select(remote_actors::id)
        .load(connection)?;
    let rows = remote_actors::table.filter(remote_actors::id.eq_any(&old));
    Ok(diesel::delete(rows).execute(connection)?)
}

fn host_of(id: &Url) -> String {
    let host = id.host_str().unwrap_or_default();
    match id.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sql::federation_migrations;
    use crate::testing::{TestDatabase, on_each_backend};

    #[test]
    fn remembers_replaces_and_marks() {
        on_each_backend(async |test: TestDatabase| {
            let database = test.open(federation_migrations()).await;
            let cache = SqlActorCache::new(database.clone());
            let id = Url::parse("https://there.example:8443/users/bob").unwrap();
            let at = Timestamp::from_millis;
            assert_eq!(cache.load(&id).await.unwrap(), None);
            cache.save(&id, "{}".to_owned(), at(1)).await.unwrap();
            cache.mark_gone(&id, at(2)).await.unwrap();
            let known = cache.load(&id).await.unwrap().unwrap();
            assert_eq!(
                (known.document.as_str(), known.gone_at),
                ("{}", Some(at(2)))
            );
            cache.save(&id, "{1}".to_owned(), at(3)).await.unwrap();
            let known = cache.load(&id).await.unwrap().unwrap();
            assert_eq!((known.fetched_at, known.gone_at), (at(3), None));
            let prune = move |connection: &mut Connection| {
                let kept = prune_remote_actors(connection, at(3), 10)?;
                Ok::<_, DatabaseError>((kept, prune_remote_actors(connection, at(4), 10)?))
            };
            assert_eq!(database.write(prune).await.unwrap(), (0, 1));
            assert_eq!(cache.load(&id).await.unwrap(), None);
            database.close().await;
        });
    }
}
