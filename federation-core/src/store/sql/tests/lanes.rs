//! What other servers send holds nobody up here.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::oneshot;

use super::held::{Stop, gate, put_in_queue};
use super::{add, count, open};
use crate::store::sql::write_job::Write;
use crate::store::sql::write_queue::{BUSY_FOR, Lane};
use crate::store::sql::{Connection, Database, DatabaseError, Durability};
use crate::testing::on_each_backend;

/// More than a group holds.
const FLOOD: usize = 200;

/// Queues a write of another server that waits until it is let go; answers how it ends.
async fn arrive(
    database: &Database,
    id: i64,
    stop: &Arc<Stop>,
    done: &Arc<AtomicUsize>,
) -> oneshot::Receiver<Result<usize, DatabaseError>> {
    let (reply, answer) = oneshot::channel();
    let (stop, done) = (Arc::clone(stop), Arc::clone(done));
    let operation = move |c: &mut Connection| {
        stop.wait();
        done.fetch_add(1, Ordering::SeqCst);
        add(c, id)
    };
    let job = Box::new(Write::new(operation, Durability::Full, reply));
    database.enqueue_write(Lane::Arrivals, job).await.unwrap();
    answer
}

#[test]
fn a_flood_of_arrivals_lets_writes_of_this_server_through_and_is_not_lost() {
    on_each_backend(async |test| {
        // Not after the last write of this server.
        let mut wrote_at = Instant::now();
        let database = open(&test).await;
        let done = Arc::default();
        let (mut gate, stop) = gate();
        let stop = Arc::new(stop);
        let mut flood = Vec::new();
        for id in 0..FLOOD {
            let id = i64::try_from(id).unwrap();
            flood.push(arrive(&database, id, &stop, &done).await);
        }
        for id in 0..10_i64 {
            // An arrival is under way. It was begun alone when somebody had written here lately;
            // a machine that was asleep for so long may have begun a whole group.
            gate.reached().await;
            let is_alone = wrote_at.elapsed() < BUSY_FOR;
            let before = done.load(Ordering::SeqCst);
            wrote_at = Instant::now();
            let counted = Arc::clone(&done);
            let mut write = pin!(database.write(move |c: &mut Connection| {
                add(c, -1 - id)?;
                Ok::<_, DatabaseError>(counted.load(Ordering::SeqCst))
            }));
            put_in_queue(write.as_mut()).await;
            gate.let_one_go();
            // Whatever comes first is not held up, so that a fault is told by a count.
            let done_first = loop {
                tokio::select! {
                    biased;
                    written = &mut write => break written.unwrap(),
                    () = gate.reached() => gate.let_one_go(),
                }
            };
            let meanwhile = done_first - before;
            assert!(!is_alone || meanwhile == 1, "{meanwhile} at {id}");
        }
        drop(gate);
        for answer in flood {
            assert_eq!(answer.await.unwrap().unwrap(), 1);
        }
        assert_eq!(count(&database).await, 210);
        database.close().await;
    });
}
