//! One open stream at the holder: writes activities, reads acks, watches the time.

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::config::ClientConfig;
use crate::stream::frame::{Ack, ActivityFrame, Ephemeral, Frame, Hello};
use crate::stream::window::SendWindow;
use crate::stream::{CloseReason, Message, Socket};

/// An activity, and where its `ack` goes. Whoever waits for it learns by the channel's end that
/// there will be none.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) activity: ActivityFrame,
    pub(super) reply: oneshot::Sender<Ack>,
}

/// What is handed to an open stream.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) parcels: mpsc::Receiver<Parcel>,
    pub(super) ephemeral: mpsc::Receiver<Ephemeral>,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) reason: CloseReason,
    /// Whether the other side gave the reason.
    pub(super) by_peer: bool,
    /// Activities that were acknowledged.
    pub(super) acknowledged: u64,
}

/// Why work on a stream stops.
#[derive(Clone, Copy, Debug)]
enum Stop {
    Here(CloseReason),
    Peer(CloseReason),
}

/// Both halves of a socket.
pub(super) struct Line<S> {
    sink: SplitSink<S, Message>,
    stream: SplitStream<S>,
}

struct Waiting {
    reply: oneshot::Sender<Ack>,
    sent_at: Instant,
}

/// What reading and writing share.
struct State {
    window: SendWindow<Waiting>,
    heard: Instant,
    last_ack: Instant,
    acknowledged: u64,
}

struct Shared {
    state: Mutex<State>,
    /// Something was acknowledged.
    freed: Notify,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Socket> Line<S> {
    pub(super) fn new(socket: S) -> Self {
        let (sink, stream) = socket.split();
        Self { sink, stream }
    }

    /// Exchanges `hello`.
    ///
    /// # Errors
    /// How the stream is to be closed.
    pub(super) async fn greet(&mut self, config: &ClientConfig) -> Result<Hello, CloseReason> {
        let hello = Frame::Hello(Hello::holder(config.ephemeral)).to_message();
        let sending = timeout(config.send_within, self.sink.send(hello));
        match sending.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(error.reason()),
            Err(_elapsed) => return Err(CloseReason::TooSlow),
        }
        let first = async {
            loop {
                match next(&mut self.stream).await {
                    Ok(Message::Text(text)) => match Frame::from_text(&text) {
                        Ok(Frame::Hello(hello)) if hello.window > 0 => return Ok(hello),
                        _ => return Err(CloseReason::BadFrame),
                    },
                    Ok(Message::Ping | Message::Pong) => {}
                    Ok(Message::Binary(_)) => return Err(CloseReason::BadFrame),
                    Ok(Message::Close(code)) => return Err(CloseReason::from_code(code)),
                    Err(reason) => return Err(reason),
                }
            }
        };
        timeout(config.hello_within, first)
            .await
            .unwrap_or(Err(CloseReason::TimedOut))
    }

    /// Carries what comes in until the stream ends, of itself or by `close`.
    pub(super) async fn drive(
        &mut self,
        hello: Hello,
        intake: Intake,
        config: &ClientConfig,
        close: &CancellationToken,
    ) -> Ending {
        let shared = Shared {
            state: Mutex::new(State {
                window: SendWindow::new(hello.window.min(config.window).into()),
                heard: Instant::now(),
                last_ack: Instant::now(),
                acknowledged: 0,
            }),
            freed: Notify::new(),
        };
        let stop = tokio::select! {
            biased;
            stop = read(&mut self.stream, &shared) => stop,
            reason = write(&mut self.sink, intake, &shared, config, close) => Stop::Here(reason),
            () = overdue(config, close) => Stop::Here(CloseReason::Done),
        };
        let acknowledged = shared.state().acknowledged;
        // With the window everything that waits learns that no ack will come.
        drop(shared);
        let (reason, by_peer) = match stop {
            Stop::Here(reason) => (reason, false),
            Stop::Peer(reason) => (reason, true),
        };
        Ending {
            reason,
            by_peer,
            acknowledged,
        }
    }

    /// Says why and drops the connection.
    pub(super) async fn close(mut self, reason: CloseReason, config: &ClientConfig) {
        if matches!(reason, CloseReason::Gone | CloseReason::Other(_)) {
            return;
        }
        let goodbye = async {
            if self.sink.send(reason.into()).await.is_ok() {
                while let Some(Ok(_)) = self.stream.next().await {}
            }
        };
        let _done_or_not = timeout(config.close_within, goodbye).await;
    }
}

/// Completes when a stream that is to be closed has had its time for what is under way.
async fn overdue(config: &ClientConfig, close: &CancellationToken) {
    close.cancelled().await;
    tokio::time::sleep(config.drain).await;
}

async fn next<S: Socket>(stream: &mut SplitStream<S>) -> Result<Message, CloseReason> {
    match stream.next().await {
        Some(Ok(message)) => Ok(message),
        Some(Err(error)) => Err(error.reason()),
        None => Err(CloseReason::Gone),
    }
}

async fn read<S: Socket>(stream: &mut SplitStream<S>, shared: &Shared) -> Stop {
    loop {
        let message = match next(stream).await {
            Ok(message) => message,
            Err(reason) => return Stop::Here(reason),
        };
        let mut state = shared.state();
        state.heard = Instant::now();
        match message {
            Message::Text(text) => match Frame::from_text(&text) {
                Ok(Frame::Ack(ack)) => match state.window.acknowledge(ack.seq) {
                    Ok(waiting) => {
                        state.acknowledged += 1;
                        state.last_ack = state.heard;
                        drop(state);
                        // Whoever waited may have given up.
                        let _heard_or_not = waiting.reply.send(ack);
                        shared.freed.notify_one();
                    }
                    Err(violation) => return Stop::Here(violation.reason()),
                },
                _ => return Stop::Here(CloseReason::BadFrame),
            },
            Message::Ping | Message::Pong => {}
            Message::Binary(_) => return Stop::Here(CloseReason::BadFrame),
            Message::Close(code) => return Stop::Peer(CloseReason::from_code(code)),
        }
    }
}

async fn write<S: Socket>(
    sink: &mut SplitSink<S, Message>,
    mut intake: Intake,
    shared: &Shared,
    config: &ClientConfig,
    close: &CancellationToken,
) -> CloseReason {
    let mut used = Instant::now();
    let mut ping_at = used + config.heartbeat;
    loop {
        let closing = close.is_cancelled();
        let (room, oldest, heard, last_ack) = {
            let state = shared.state();
            let oldest = state.window.oldest().map(|waiting| waiting.sent_at);
            (state.window.has_room(), oldest, state.heard, state.last_ack)
        };
        let unused = match oldest {
            Some(sent_at) => {
                (sent_at.max(last_ack) + config.ack_within).min(sent_at + config.settle_within)
            }
            None if closing => return CloseReason::Done,
            None => used + config.idle,
        };
        let message = tokio::select! {
            biased;
            () = close.cancelled(), if !closing => {
                // What is not sent yet is told so.
                intake.parcels.close();
                while intake.parcels.try_recv().is_ok() {}
                continue;
            }
            parcel = intake.parcels.recv(), if room && !closing => {
                let Some(parcel) = parcel else { return CloseReason::Done };
                used = Instant::now();
                match number(parcel, shared, used) {
                    Some(message) => message,
                    None => continue,
                }
            }
            Some(frame) = intake.ephemeral.recv(), if !closing => {
                Frame::Ephemeral(frame).to_message()
            }
            () = shared.freed.notified() => continue,
            () = sleep_until(unused.min(ping_at)) => {
                let now = Instant::now();
                if oldest.is_some() && now >= unused {
                    return CloseReason::TimedOut;
                }
                if oldest.is_none() && now >= unused {
                    return CloseReason::Done;
                }
                if now.duration_since(heard) > config.silence {
                    return CloseReason::TimedOut;
                }
                if now < ping_at {
                    continue;
                }
                ping_at = now + config.heartbeat;
                Message::Ping
            }
        };
        match timeout(config.send_within, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error.reason(),
            Err(_elapsed) => return CloseReason::TooSlow,
        }
    }
}

/// Gives a parcel its number; nothing for one that nobody waits for any longer.
fn number(parcel: Parcel, shared: &Shared, now: Instant) -> Option<Message> {
    let Parcel {
        mut activity,
        reply,
    } = parcel;
    if reply.is_closed() {
        return None;
    }
    let waiting = Waiting {
        reply,
        sent_at: now,
    };
    // There was room, and only this function takes it.
    activity.seq = shared.state().window.send(waiting).ok()?;
    Some(Frame::Activity(activity).to_message())
}
