//! Operations that wait until a test lets them go, so that what comes behind them comes together.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Mutex, mpsc};
use std::task::Poll;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::store::sql::{Database, DatabaseError};

/// The test's side: hears who has come to the [`Stop`] and lets them go, all once it is dropped.
pub(in crate::store::sql) struct Gate {
    reached: UnboundedReceiver<()>,
    go: mpsc::Sender<()>,
}

/// The operation's side.
pub(in crate::store::sql) struct Stop {
    reached: UnboundedSender<()>,
    go: Mutex<mpsc::Receiver<()>>,
}

pub(in crate::store::sql) fn gate() -> (Gate, Stop) {
    let (reached_sender, reached) = unbounded_channel();
    let (go, go_receiver) = mpsc::channel();
    let stop = Stop {
        reached: reached_sender,
        go: Mutex::new(go_receiver),
    };
    (Gate { reached, go }, stop)
}

impl Gate {
    /// Waits until an operation has come to the stop that was not heard of before.
    pub(in crate::store::sql) async fn reached(&mut self) {
        self.reached.recv().await.expect("an operation to come");
    }

    /// Lets one operation go.
    pub(in crate::store::sql) fn let_one_go(&self) {
        // Whoever would take it may have ended.
        let _gone = self.go.send(());
    }
}

impl Stop {
    /// Says that the operation is here, and waits until it may go on.
    pub(in crate::store::sql) fn wait(&self) {
        let _gone = self.reached.send(());
        let _told_or_gone = self.go.lock().unwrap().recv();
    }
}

/// Polls writes once, with which each of them is in the queue while the writer is held.
pub(in crate::store::sql) async fn put_in_queue<F>(mut writes: Pin<&mut F>)
where
    F: Future + Send,
{
    let waits = poll_fn(|context| Poll::Ready(writes.as_mut().poll(context).is_pending())).await;
    assert!(waits, "the writer is held, so nothing ends");
}

/// Puts `writes` in the queue while the writer is held, so that it finds them together.
///
/// What holds it is relaxed: nobody waits for that, so arrivals behind it still have all the room.
pub(in crate::store::sql) async fn while_held<F>(database: &Database, writes: F) -> F::Output
where
    F: Future + Send,
    F::Output: Send,
{
    let (mut gate, stop) = gate();
    let held = database.write_relaxed(move |_| -> Result<(), DatabaseError> {
        stop.wait();
        Ok(())
    });
    let behind = async move {
        gate.reached().await;
        let mut writes = pin!(writes);
        put_in_queue(writes.as_mut()).await;
        drop(gate);
        writes.await
    };
    let (held, ended) = tokio::join!(held, behind);
    held.unwrap();
    ended
}
