//! One socket under a watch: nothing sent to it can hold up its end.

use std::error::Error;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use futures_util::{SinkExt, StreamExt as _};
use tokio_tungstenite::tungstenite;
use tokio_util::sync::CancellationToken;

use super::close::CloseReason;
use crate::platform::ctx::Ctx;
use crate::platform::events::Frame;
use crate::platform::http::auth::{CurrentUser, SessionEnd};

/// How long one batch of frames may take to leave.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// How long the closing frame may take; then the connection is dropped.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);

/// Why a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The client closed it or the connection broke.
    Gone,
    /// The server closes it.
    Closed(CloseReason),
}

impl From<CloseReason> for Ended {
    fn from(reason: CloseReason) -> Self {
        Self::Closed(reason)
    }
}

/// One socket.
pub(super) struct Link(WebSocket);

/// What may end a socket at any moment, whatever it is doing.
pub(super) struct Watch {
    pub(super) member: CurrentUser,
    pub(super) end: SessionEnd,
    ctx: Ctx,
}

impl Watch {
    pub(super) fn new(ctx: Ctx, member: CurrentUser, end: SessionEnd) -> Self {
        Self { member, end, ctx }
    }

    /// Completes when the socket has to end (I9).
    pub(super) async fn over(&self) -> CloseReason {
        tokio::select! {
            () = self.end.wait() => CloseReason::Unauthenticated,
            () = self.ctx.clock().sleep_until(self.member.expires_at) => CloseReason::Unauthenticated,
            () = self.ctx.tasks().shutdown().cancelled() => CloseReason::GoingAway,
        }
    }
}

impl Link {
    pub(super) fn new(socket: WebSocket) -> Self {
        Self(socket)
    }

    /// The next text of the client, or `None` for what needs no answer (pings, pongs).
    pub(super) async fn receive(&mut self) -> Result<Option<Utf8Bytes>, Ended> {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => Ok(Some(text)),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
            Some(Ok(Message::Binary(_))) => Err(CloseReason::BadFrame.into()),
            Some(Err(error)) if is_too_large(&error) => Err(CloseReason::TooLarge.into()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(Ended::Gone),
        }
    }

    /// Sends frames; gives up when the client does not take them in time.
    pub(super) async fn send_frames(
        &mut self,
        frames: &mut Vec<Frame>,
        watch: &Watch,
        lagged: &CancellationToken,
    ) -> Result<(), Ended> {
        if frames.is_empty() {
            return Ok(());
        }
        let messages = frames.drain(..).map(|frame| Message::Text(frame.text));
        let sink = &mut self.0;
        let sending = async {
            for message in messages {
                sink.feed(message).await?;
            }
            sink.flush().await
        };
        tokio::select! {
            biased;
            sent = sending => {
                tracing::trace!("pushed");
                sent.map_err(|_broken| Ended::Gone)
            }
            reason = watch.over() => Err(reason.into()),
            () = lagged.cancelled() => Err(CloseReason::TooSlow.into()),
            () = tokio::time::sleep(SEND_WITHIN) => Err(CloseReason::TooSlow.into()),
        }
    }

    /// Sends one message of the server's own.
    pub(super) async fn send(&mut self, message: Message, watch: &Watch) -> Result<(), Ended> {
        tokio::select! {
            biased;
            sent = SinkExt::send(&mut self.0, message) => sent.map_err(|_broken| Ended::Gone),
            reason = watch.over() => Err(reason.into()),
            () = tokio::time::sleep(SEND_WITHIN) => Err(CloseReason::TooSlow.into()),
        }
    }

    /// Says goodbye and why, waits a moment for the client to take it, and drops the connection.
    pub(super) async fn close(mut self, reason: CloseReason, goodbye: Option<Utf8Bytes>) {
        let parting = async {
            if let Some(text) = goodbye
                && self.0.feed(Message::Text(text)).await.is_err()
            {
                return;
            }
            let closing = Message::Close(Some(reason.frame()));
            if SinkExt::send(&mut self.0, closing).await.is_ok() {
                while let Some(Ok(_)) = self.0.next().await {}
            }
        };
        let _done_or_not = tokio::time::timeout(CLOSE_WITHIN, parting).await;
    }
}

/// Whether a message was larger than a socket takes.
fn is_too_large(error: &axum::Error) -> bool {
    let cause = error.source();
    let cause = cause.and_then(<dyn Error>::downcast_ref::<tungstenite::Error>);
    matches!(cause, Some(tungstenite::Error::Capacity(_)))
}
