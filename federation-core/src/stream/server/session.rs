//! One stream at the issuer, from `hello` to its close.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use http::{Method, StatusCode};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::{Inner, Place};
use crate::inbox::{InboundRequest, InboxAnswer, InboxService};
use crate::signature::claimed_key_id;
use crate::stream::frame::{
    Ack, ActivityFrame, Ephemeral, EphemeralKinds, Frame, FrameError, Hello,
};
use crate::stream::pace::Pace;
use crate::stream::window::ReceiveWindow;
use crate::stream::{CloseReason, FOREIGN_SIGNER, Message, Socket};
use crate::vocab::same_origin;

/// How long the sender waits after a failure of this side, in seconds.
const RETRY_AFTER: Duration = Duration::from_mins(1);

/// Serves a stream until it ends.
pub(super) async fn serve<S, E>(
    server: &Arc<Inner>,
    place: &Place,
    socket: S,
    ended: E,
) -> CloseReason
where
    S: Socket,
    E: Future<Output = CloseReason> + Send,
{
    let _open = crate::metrics::stream_opened(crate::metrics::Side::Issuer);
    let (mut sink, mut stream) = socket.split();
    let drain = CancellationToken::new();
    let reason = {
        let session = Session::new(server, place, &drain);
        let work = session.run(&mut sink, &mut stream);
        let over = async {
            tokio::select! {
                biased;
                reason = ended => reason,
                () = place.replaced.cancelled() => CloseReason::Replaced,
            }
        };
        tokio::pin!(work, over);
        // Nothing that the work waits for can hold up its end.
        tokio::select! {
            biased;
            reason = &mut over => {
                if reason == CloseReason::GoingAway {
                    drain.cancel();
                    let _settled_or_not = timeout(server.config.drain, &mut work).await;
                }
                reason
            }
            reason = &mut work => reason,
        }
    };
    if reason != CloseReason::Gone {
        let goodbye = async {
            if sink.send(reason.into()).await.is_ok() {
                while let Some(Ok(_)) = stream.next().await {}
            }
        };
        let _done_or_not = timeout(server.config.close_within, goodbye).await;
    }
    reason
}

/// What one activity came to.
struct Settled {
    seq: u64,
    bytes: usize,
    answer: InboxAnswer,
}

struct Session<'a> {
    server: &'a Arc<Inner>,
    place: &'a Place,
    drain: &'a CancellationToken,
    running: JoinSet<Settled>,
    window: ReceiveWindow,
    unsettled_bytes: usize,
    agreed: EphemeralKinds,
    texts: Pace,
    ephemerals: Pace,
    heard: Instant,
}

impl<'a> Session<'a> {
    fn new(server: &'a Arc<Inner>, place: &'a Place, drain: &'a CancellationToken) -> Self {
        let (config, now) = (&server.config, Instant::now());
        let bucket = |(per_second, burst)| Pace::new(per_second, burst, now);
        Self {
            server,
            place,
            drain,
            running: JoinSet::new(),
            window: ReceiveWindow::new(config.window.into()),
            unsettled_bytes: 0,
            agreed: EphemeralKinds::none(),
            texts: bucket(config.text_pace),
            ephemerals: bucket(config.ephemeral_pace),
            heard: now,
        }
    }

    async fn run<S: Socket>(
        mut self,
        sink: &mut SplitSink<S, Message>,
        stream: &mut SplitStream<S>,
    ) -> CloseReason {
        let outcome = async {
            self.greet(sink, stream).await?;
            self.work(sink, stream).await
        };
        match outcome.await {
            Ok(reason) | Err(reason) => reason,
        }
    }

    async fn greet<S: Socket>(
        &mut self,
        sink: &mut SplitSink<S, Message>,
        stream: &mut SplitStream<S>,
    ) -> Result<(), CloseReason> {
        let config = &self.server.config;
        let offered = self.server.ephemeral.as_ref();
        let offered = offered.map_or(EphemeralKinds::none(), |sink| sink.kinds());
        let hello = Hello::issuer(config.window, config.max_body_bytes, offered);
        self.send(sink, [Frame::Hello(hello).to_message()]).await?;
        let first = async {
            loop {
                match next(stream).await? {
                    Message::Text(text) => match Frame::from_text(&text) {
                        Ok(Frame::Hello(hello)) => return Ok(hello),
                        _ => return Err(CloseReason::BadFrame),
                    },
                    Message::Ping | Message::Pong => {}
                    Message::Binary(_) => return Err(CloseReason::BadFrame),
                    Message::Close(code) => return Err(gone(code)),
                }
            }
        };
        let hello = timeout(config.hello_within, first)
            .await
            .map_err(|_late| CloseReason::TimedOut)??;
        self.agreed = offered.common(hello.ephemeral);
        self.heard = Instant::now();
        Ok(())
    }

    async fn work<S: Socket>(
        &mut self,
        sink: &mut SplitSink<S, Message>,
        stream: &mut SplitStream<S>,
    ) -> Result<CloseReason, CloseReason> {
        let server = Arc::clone(self.server);
        let config = &server.config;
        let drain = self.drain;
        let mut ping_at = Instant::now() + config.heartbeat;
        loop {
            let draining = drain.is_cancelled();
            if draining && self.running.is_empty() {
                return Ok(CloseReason::GoingAway);
            }
            let reading = !draining && self.unsettled_bytes < config.max_unsettled_bytes;
            tokio::select! {
                biased;
                Some(settled) = self.running.join_next() => {
                    let mut acks = Vec::new();
                    // A task that ends without a result was cut off by the runtime's own end.
                    acks.extend(settled.ok().map(|settled| self.settle(&settled)));
                    while let Some(Ok(settled)) = self.running.try_join_next() {
                        acks.push(self.settle(&settled));
                    }
                    self.send(sink, acks).await?;
                }
                message = next(stream), if reading => {
                    self.heard = Instant::now();
                    if let Some(refused) = self.take(message?)? {
                        let ack = self.settle(&refused);
                        self.send(sink, [ack]).await?;
                    }
                }
                () = drain.cancelled(), if !draining => {}
                () = sleep_until(ping_at) => {
                    ping_at = Instant::now() + config.heartbeat;
                    if reading && self.heard.elapsed() > config.silence {
                        return Err(CloseReason::TimedOut);
                    }
                    self.send(sink, [Message::Ping]).await?;
                }
            }
        }
    }

    /// Takes a message in; gives what is settled at once.
    fn take(&mut self, message: Message) -> Result<Option<Settled>, CloseReason> {
        match message {
            Message::Binary(bytes) => match Frame::from_binary(&bytes) {
                Ok(Frame::Activity(activity)) => self.activity(activity),
                Err(FrameError::TooLong { .. }) => Err(CloseReason::TooLong),
                _ => Err(CloseReason::BadFrame),
            },
            Message::Text(text) => {
                if !self.texts.take(self.heard) {
                    return Err(CloseReason::TooMany);
                }
                match Frame::from_text(&text) {
                    Ok(Frame::Ephemeral(frame)) => self.ephemeral(frame).map(|()| None),
                    _ => Err(CloseReason::BadFrame),
                }
            }
            Message::Ping | Message::Pong => Ok(None),
            Message::Close(code) => Err(gone(code)),
        }
    }

    fn activity(&mut self, frame: ActivityFrame) -> Result<Option<Settled>, CloseReason> {
        let (seq, bytes) = (frame.seq, frame.body.len());
        if u32::try_from(bytes).map_or(true, |bytes| bytes > self.server.config.max_body_bytes) {
            return Err(CloseReason::TooLong);
        }
        self.window.admit(seq).map_err(|violation| {
            tracing::debug!(holder = %self.place.holder, %violation, "breaks off a push stream");
            violation.reason()
        })?;
        self.server.activities.fetch_add(1, Ordering::Relaxed);
        self.unsettled_bytes += bytes;
        let request = match self.request(frame) {
            Ok(request) => request,
            Err(answer) => return Ok(Some(Settled { seq, bytes, answer })),
        };
        let inbox = Arc::clone(&self.server.inbox);
        let within = self.server.config.answer_within;
        self.running.spawn(async move {
            let answer = received(inbox.as_ref(), request, within).await;
            Settled { seq, bytes, answer }
        });
        Ok(None)
    }

    /// The request that the frame carries, when it is one that the holder may send.
    fn request(&self, frame: ActivityFrame) -> Result<InboundRequest, InboxAnswer> {
        let ActivityFrame {
            target,
            headers,
            body,
            ..
        } = frame;
        let origin = &self.server.origin;
        let request =
            InboundRequest::new(Method::POST, origin, &target, headers, body).map_err(|error| {
                let status = StatusCode::BAD_REQUEST;
                InboxAnswer::refused(status, "invalid_target", error.to_string())
            })?;
        let request = request.over_stream_of(&self.place.holder);
        // What is not signed, or not readably, the inbox itself refuses.
        match claimed_key_id(&request, &self.server.config.policy) {
            Ok(key_id) if !same_origin(&key_id, &self.place.holder) => Err(InboxAnswer::refused(
                StatusCode::FORBIDDEN,
                FOREIGN_SIGNER,
                "the signing key is not of the holder's origin",
            )),
            _ => Ok(request),
        }
    }

    fn settle(&mut self, settled: &Settled) -> Message {
        self.window.settle();
        self.unsettled_bytes = self.unsettled_bytes.saturating_sub(settled.bytes);
        let answer = &settled.answer;
        if answer.status.is_success() {
            self.server.accepted.fetch_add(1, Ordering::Relaxed);
        }
        let wait = answer.retry_after.map(|wait| {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            u32::try_from(seconds).unwrap_or(u32::MAX)
        });
        Frame::Ack(Ack::new(settled.seq, answer.status, answer.code, wait)).to_message()
    }

    fn ephemeral(&mut self, frame: Ephemeral) -> Result<(), CloseReason> {
        let agreed = self.agreed.contains(frame.kind());
        let Some(sink) = self.server.ephemeral.as_ref().filter(|_| agreed) else {
            return Err(CloseReason::BadFrame);
        };
        if !same_origin(frame.actor(), &self.place.holder) {
            return Err(CloseReason::BadFrame);
        }
        if self.ephemerals.take(self.heard) {
            sink.take(&self.place.holder, frame);
            self.server.ephemeral_taken.fetch_add(1, Ordering::Relaxed);
        } else {
            self.server
                .ephemeral_dropped
                .fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Sends messages; gives up when the holder does not take them in time.
    async fn send<S: Socket>(
        &self,
        sink: &mut SplitSink<S, Message>,
        messages: impl IntoIterator<Item = Message> + Send,
    ) -> Result<(), CloseReason> {
        let messages: Vec<Message> = messages.into_iter().collect();
        let sending = async {
            for message in messages {
                sink.feed(message).await?;
            }
            sink.flush().await
        };
        match timeout(self.server.config.send_within, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.reason()),
            Err(_elapsed) => Err(CloseReason::TooSlow),
        }
    }
}

async fn next<S: Socket>(stream: &mut SplitStream<S>) -> Result<Message, CloseReason> {
    match stream.next().await {
        Some(Ok(message)) => Ok(message),
        Some(Err(error)) => Err(error.reason()),
        None => Err(CloseReason::Gone),
    }
}

/// The other side has closed: there is nobody left to tell a reason.
fn gone(code: Option<u16>) -> CloseReason {
    let reason = CloseReason::from_code(code);
    tracing::debug!(%reason, "the holder closed its push stream");
    CloseReason::Gone
}

/// What the inbox answers, whatever happens in it.
async fn received(
    inbox: &dyn InboxService,
    request: InboundRequest,
    within: Duration,
) -> InboxAnswer {
    let answered = AssertUnwindSafe(timeout(within, inbox.receive(request))).catch_unwind();
    match answered.await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_elapsed)) => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            InboxAnswer::refused(status, "timed_out", "").retry_after(RETRY_AFTER)
        }
        Err(_panic) => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            InboxAnswer::refused(status, "internal", "").retry_after(RETRY_AFTER)
        }
    }
}
