//! What other servers send holds nobody up here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{add, count, open};
use crate::store::sql::write_job::Write;
use crate::store::sql::write_queue::Lane;
use crate::store::sql::{Connection, Database, DatabaseError, Durability};
use crate::testing::on_each_backend;

/// More than a group holds.
const FLOOD: usize = 200;

/// Queues a write of another server that takes its time; answers how it ends.
async fn arrive(
    database: &Database,
    id: i64,
    done: &Arc<AtomicUsize>,
) -> oneshot::Receiver<Result<usize, DatabaseError>> {
    let (reply, answer) = oneshot::channel();
    let done = Arc::clone(done);
    let operation = move |c: &mut Connection| {
        thread::sleep(Duration::from_millis(2));
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
        let database = open(&test).await;
        let done = Arc::default();
        let mut flood = Vec::new();
        for id in 0..FLOOD {
            let id = i64::try_from(id).unwrap();
            flood.push(arrive(&database, id, &done).await);
        }
        for id in 0..10_i64 {
            let before = done.load(Ordering::SeqCst);
            let write = database.write(move |c: &mut Connection| add(c, -1 - id));
            assert_eq!(write.await.unwrap(), 1);
            let meanwhile = done.load(Ordering::SeqCst) - before;
            // The first may meet a whole group that was begun before anybody wrote here.
            assert!(id == 0 || meanwhile <= 8, "{meanwhile} at {id}");
        }
        for answer in flood {
            assert_eq!(answer.await.unwrap().unwrap(), 1);
        }
        assert_eq!(count(&database).await, 210);
        database.close().await;
    });
}
