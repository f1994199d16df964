//! Which activities have had their effect, in the transaction of that effect.

use diesel::prelude::*;
use tokio::sync::oneshot;

use super::receipt::{Entry, Receipt, digest};
use super::schema::received_activities;
use super::write_job::{WriteJob, guarded};
use super::write_queue::Lane;
use super::{Connection, Database, DatabaseError};
use crate::clock::Timestamp;
use crate::inbox::{ActivityStore, Applied, Verified};

impl ActivityStore for Database {
    type Transaction = Connection;
    type Error = DatabaseError;

    async fn apply_once<T, E, F>(&self, verified: Verified, effect: F) -> Result<Applied<T>, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
        F: Fn(&mut Connection, &Verified) -> Result<T, E> + Send + 'static,
    {
        #[cfg(any(test, feature = "testing"))]
        let _held = crate::testing::network::hold_time();
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Application {
            receipt: Receipt::of(&verified),
            verified,
            effect,
            answer: None,
            reply,
        });
        self.enqueue_write(Lane::Arrivals, job).await?;
        // The activity ends where it began: taking a document apart holds up no writer.
        let (answer, _verified) = answer.await.map_err(|_stopped| DatabaseError::Panicked)?;
        answer
    }
}

/// The write that records an activity and runs its effect.
struct Application<F, T, E> {
    receipt: Receipt,
    verified: Verified,
    effect: F,
    answer: Option<Result<Applied<T>, E>>,
    reply: oneshot::Sender<(Result<Applied<T>, E>, Verified)>,
}

impl<F, T, E> WriteJob for Application<F, T, E>
where
    F: Fn(&mut Connection, &Verified) -> Result<T, E> + Send,
    E: From<DatabaseError> + Send,
    T: Send,
{
    fn receipt(&self) -> Option<&Receipt> {
        Some(&self.receipt)
    }

    fn attempt(&mut self, connection: &mut Connection, entry: Option<Entry>) -> bool {
        let answer = guarded(|| {
            let recorded = entry.map_or_else(|| self.receipt.record(connection), Ok);
            match recorded.map_err(DatabaseError::from)? {
                Entry::New => (self.effect)(connection, &self.verified).map(Applied::New),
                Entry::Known => Ok(Applied::Duplicate),
            }
        });
        let keep = answer.is_ok();
        self.answer = Some(answer);
        keep
    }

    fn fail(&mut self, error: DatabaseError) {
        self.answer = Some(Err(error.into()));
    }

    fn is_relaxed(&self) -> bool {
        false
    }

    fn reply(self: Box<Self>) {
        let Self {
            verified,
            answer,
            reply,
            ..
        } = *self;
        if let Some(answer) = answer {
            let _gone = reply.send((answer, verified));
        }
    }
}

/// Forgets at most `limit` activities received before `before`; how many there were.
///
/// # Errors
/// The database failed.
///
/// # Security
/// `before` lies further back than signatures are accepted, so that a copy of what is forgotten
/// is refused for its age.
pub fn prune_received(
    connection: &mut Connection,
    before: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let old: Vec<Vec<u8>> = received_activities::table
        .filter(received_activities::received_at.lt(before.as_millis()))
        .order(received_activities::received_at)
        .limit(limit)
        .select(received_activities::digest)
        .load(connection)?;
    let rows = received_activities::table
        .filter(received_activities::digest.eq_any(&old))
        .filter(received_activities::received_at.lt(before.as_millis()));
    Ok(diesel::delete(rows).execute(connection)?)
}

/// Whether the activity `id` of this actor is recorded.
pub(crate) fn is_recorded(
    connection: &mut Connection,
    id: &str,
    actor_id: &str,
) -> Result<bool, DatabaseError> {
    let row = received_activities::table.find(digest(id, actor_id).to_vec());
    let found = diesel::select(diesel::dsl::exists(row)).get_result(connection)?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::join_all;
    use serde_json::json;
    use url::Url;

    use super::*;
    use crate::store::sql::federation_migrations;
    use crate::store::sql::migrations::functions;
    use crate::store::sql::tests::held::{Stop, gate, put_in_queue, while_held};
    use crate::testing::{TestDatabase, on_each_backend, verified};

    fn follow(actor: &str, at: Timestamp) -> Verified {
        let own = Url::parse("https://here.example").unwrap();
        let activity = json!({
            "id": "https://there.example/follows/1", "type": "Follow", "actor": actor,
            "object": "https://here.example/users/alice",
        });
        verified(&own, &activity, at).unwrap()
    }

    #[test]
    fn attack_11_an_activity_has_its_effect_once() {
        on_each_backend(async |test: TestDatabase| {
            let database = test.open(federation_migrations()).await;
            let now = Timestamp::from_millis(1_795_190_734_000);
            let bob = follow("https://there.example/users/bob", now);
            // Fails after its record was written: neither stays.
            let failing = |_: &mut Connection, _: &Verified| Err::<(), _>(DatabaseError::Busy);
            assert!(database.apply_once(bob.clone(), failing).await.is_err());
            // A copy signed anew, copies at the same time, and copies afterwards.
            let copies = (0..20).map(|_| database.apply_once(bob.clone(), ok));
            let applied = join_all(copies).await;
            let new = applied
                .into_iter()
                .filter(|one| matches!(one, Ok(Applied::New(()))));
            assert_eq!(new.count(), 1);
            let again = follow("https://there.example/users/bob", now);
            let again = database.apply_once(again, ok).await.unwrap();
            assert_eq!(again, Applied::Duplicate);
            // The same id by another actor of the same server is another activity.
            let carol = follow("https://there.example/users/carol", now);
            assert_eq!(
                database.apply_once(carol, ok).await.unwrap(),
                Applied::New(())
            );
            database.close().await;
        });
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "an effect may fail, whatever this one does"
    )]
    fn ok(_: &mut Connection, _: &Verified) -> Result<(), DatabaseError> {
        Ok(())
    }

    #[test]
    fn attack_11_the_effect_of_a_duplicate_does_not_run() {
        on_each_backend(async |test: TestDatabase| {
            let database = test.open(federation_migrations()).await;
            let now = Timestamp::from_millis(1_795_190_734_000);
            let bob = follow("https://there.example/users/bob", now);
            database.apply_once(bob.clone(), ok).await.unwrap();
            let runs = Arc::new(AtomicU32::new(0));
            let counted = Arc::clone(&runs);
            let count = move |_: &mut Connection, _: &Verified| {
                counted.fetch_add(1, Ordering::Relaxed);
                Ok::<_, DatabaseError>(())
            };
            database.apply_once(bob, count).await.unwrap();
            assert_eq!(runs.load(Ordering::Relaxed), 0);
            database.close().await;
        });
    }

    /// Applies follows of many actors that come while the writer is held: they are one group.
    async fn apply_together(database: &Database, actors: &[&str]) -> Vec<Option<Applied<()>>> {
        let now = Timestamp::from_millis(1_795_190_734_000);
        let effect = |_: &mut Connection, verified: &Verified| {
            let fails = verified.activity().actor.as_str().ends_with("mallory");
            if fails {
                Err(DatabaseError::Busy)
            } else {
                Ok(())
            }
        };
        let apply = actors.iter().map(|name| {
            let actor = format!("https://there.example/users/{name}");
            database.apply_once(follow(&actor, now), effect)
        });
        let applied = while_held(database, join_all(apply)).await;
        applied.into_iter().map(Result::ok).collect()
    }

    #[test]
    fn attack_11_a_failing_effect_of_a_group_is_undone_alone() {
        on_each_backend(async |test: TestDatabase| {
            let database = test.open(federation_migrations()).await;
            let (new, known) = (Some(Applied::New(())), Some(Applied::Duplicate));
            let group = ["a", "b", "a", "c"];
            let applied = apply_together(&database, &group).await;
            assert_eq!(applied, [new, new, known, new]);
            let group = ["b", "d", "mallory", "e", "d"];
            let applied = apply_together(&database, &group).await;
            assert_eq!(applied, [known, new, None, new, known]);
            // What failed is as if it had never come.
            let actor = "https://there.example/users/mallory";
            let again = follow(actor, Timestamp::from_millis(0));
            assert_eq!(database.apply_once(again, ok).await.ok(), new);
            let rows = database.read(|c: &mut Connection| -> Result<i64, DatabaseError> {
                Ok(received_activities::table.count().get_result(c)?)
            });
            assert_eq!(rows.await.unwrap(), 6);
            database.close().await;
        });
    }

    /// Applies follows of these actors, together; the first waits until it is let go.
    async fn apply_with_stop(
        database: &Database,
        actors: &[&str],
        stop: Stop,
    ) -> Vec<Option<Applied<()>>> {
        let stop = Arc::new(stop);
        let apply = actors.iter().enumerate().map(|(place, name)| {
            let actor = format!("https://there.example/users/{name}");
            let stop = Arc::clone(&stop);
            let effect = move |_: &mut Connection, _: &Verified| {
                if place == 0 {
                    stop.wait();
                }
                Ok::<_, DatabaseError>(())
            };
            database.apply_once(follow(&actor, Timestamp::from_millis(0)), effect)
        });
        let applied = while_held(database, join_all(apply)).await;
        applied.into_iter().map(Result::ok).collect()
    }

    /// Applies a follow of this actor; it joins whatever group of arrivals is under way.
    async fn join_with(database: &Database, name: &str) -> Option<Applied<()>> {
        let actor = format!("https://there.example/users/{name}");
        let verified = follow(&actor, Timestamp::from_millis(0));
        let (reply, answer) = oneshot::channel::<(Result<Applied<()>, DatabaseError>, Verified)>();
        let job = Box::new(Application {
            receipt: Receipt::of(&verified),
            verified,
            effect: ok,
            answer: None,
            reply,
        });
        // Writes of this server always join, and those of others only within milliseconds.
        database.enqueue_write(Lane::Own, job).await.unwrap();
        let (applied, _verified) = answer.await.unwrap();
        applied.ok()
    }

    #[test]
    fn attack_11_what_joins_a_group_under_way_has_its_effect_once() {
        on_each_backend(async |test: TestDatabase| {
            let database = test.open(federation_migrations()).await;
            let (new, known) = (Some(Applied::New(())), Some(Applied::Duplicate));
            let commits = database.committed();
            let before = *commits.borrow();
            // A group of three comes together, and while its first is under way the others come.
            let (mut gate, stop) = gate();
            let together = apply_with_stop(&database, &["b", "c", "b"], stop);
            let late = async {
                gate.reached().await;
                let names = ["d", "c", "e", "d"];
                let mut late = pin!(join_all(names.map(|name| join_with(&database, name))));
                put_in_queue(late.as_mut()).await;
                drop(gate);
                late.await
            };
            let (together, late) = tokio::join!(together, late);
            assert_eq!(together, [new, new, known]);
            assert_eq!(late, [new, known, new, known]);
            assert_eq!(*commits.borrow(), before + 1, "they share a commit");
            database.close().await;
        });
    }

    #[test]
    fn what_was_received_before_the_digests_is_still_known() {
        use diesel::connection::SimpleConnection as _;
        macro_rules! step {
            ($tree:literal, $half:literal) => {
                include_str!(concat!(
                    "../../../migrations/",
                    $tree,
                    "/20261120000600_federation__received_digests/",
                    $half,
                    ".sql"
                ))
            };
        }
        on_each_backend(async |test: TestDatabase| {
            let database = test.open(federation_migrations()).await;
            let insert = "INSERT INTO received_activities (id, actor_id, received_at) VALUES \
                ('https://there.example/follows/1', 'https://there.example/users/bob', 1)";
            let there_and_back = move |c: &mut Connection| -> Result<(), DatabaseError> {
                let (up, down) = match c {
                    Connection::Sqlite(sqlite) => {
                        functions::register(sqlite)?;
                        (step!("sqlite", "up"), step!("sqlite", "down"))
                    }
                    Connection::Postgres(_) => (step!("postgres", "up"), step!("postgres", "down")),
                };
                c.batch_execute(down)?;
                c.batch_execute(insert)?;
                Ok(c.batch_execute(up)?)
            };
            database.write(there_and_back).await.unwrap();
            let now = Timestamp::from_millis(1_795_190_734_000);
            let bob = follow("https://there.example/users/bob", now);
            let applied = database.apply_once(bob, ok).await.unwrap();
            assert_eq!(applied, Applied::Duplicate);
            let carol = follow("https://there.example/users/carol", now);
            let applied = database.apply_once(carol, ok).await.unwrap();
            assert_eq!(applied, Applied::New(()));
            let forget = |c: &mut Connection| prune_received(c, Timestamp::from_millis(2), 10);
            assert_eq!(database.write(forget).await.unwrap(), 1);
            database.close().await;
        });
    }
}
