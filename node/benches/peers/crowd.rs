//! Sockets that read all the time, and how long each message took to the last of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;

use crate::node::{PATIENCE, Socket};

/// What a message says before its number.
const BEFORE: &str = "word ";

/// The text of a message.
pub(crate) fn text(number: usize) -> String {
    format!("{BEFORE}{number} of a talk at the moot, of about as many words as people write")
}

/// One message on its way.
struct Mark {
    began: OnceLock<Instant>,
    left: AtomicUsize,
    took: OnceLock<Duration>,
}

/// All messages of a run.
pub(crate) struct Board {
    marks: Vec<Mark>,
    left: AtomicUsize,
    done: Notify,
}

impl Board {
    /// For so many messages, each to so many sockets.
    pub(crate) fn new(messages: usize, sockets: usize) -> Self {
        let mark = |_| Mark {
            began: OnceLock::new(),
            left: AtomicUsize::new(sockets),
            took: OnceLock::new(),
        };
        Self {
            marks: (0..messages).map(mark).collect(),
            left: AtomicUsize::new(messages),
            done: Notify::new(),
        }
    }

    /// A message is sent now.
    pub(crate) fn begin(&self, number: usize) {
        self.marks[number].began.set(Instant::now()).unwrap();
    }

    /// A socket has a message.
    fn heard(&self, number: usize) {
        let mark = &self.marks[number];
        if mark.left.fetch_sub(1, Ordering::SeqCst) > 1 {
            return;
        }
        let began = mark.began.get().expect("it was sent");
        mark.took.set(began.elapsed()).expect("it came once");
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.done.notify_one();
        }
    }

    /// Waits until every socket has every message; answers how long each took.
    pub(crate) async fn finish(&self) -> Vec<Duration> {
        let done = tokio::time::timeout(PATIENCE, self.done.notified()).await;
        let left = self.left.load(Ordering::SeqCst);
        assert!(done.is_ok(), "{left} messages did not come to everybody");
        let took = self.marks.iter().map(|mark| mark.took.get());
        took.map(|took| *took.expect("it came")).collect()
    }
}

/// Reads until the socket ends.
pub(crate) async fn read(mut socket: Socket, board: Arc<Board>) {
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Text(text) = message
            && let Some(number) = number_in(&text)
        {
            board.heard(number);
        }
    }
}

/// Which of the messages a frame tells of.
fn number_in(text: &str) -> Option<usize> {
    let frame: Value = serde_json::from_str(text).unwrap();
    if frame["op"] != "message.created" {
        return None;
    }
    let rest = frame["d"]["content"].as_str()?.strip_prefix(BEFORE)?;
    rest.split(' ').next()?.parse().ok()
}
