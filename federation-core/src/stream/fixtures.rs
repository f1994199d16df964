//! What the tests of both sides share: sockets without a network, and an inbox that does as told.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::io::DuplexStream;
use tokio::sync::watch;
use url::Url;

use super::frame::{Ack, ActivityFrame, Ephemeral, EphemeralKinds, Frame, Hello};
use super::server::EphemeralSink;
use super::websocket::WebSocket;
use super::{CloseReason, Message};
use crate::inbox::{InboundRequest, InboxAnswer, InboxService};

pub(super) const HOLDER: &str = "https://holder.example/actor";
pub(super) const ISSUER: &str = "https://issuer.example/";

pub(super) fn url(text: &str) -> Url {
    text.parse().unwrap()
}

pub(super) type TestSocket = WebSocket<DuplexStream>;

/// The two ends of a connection that takes `buffer` bytes before it wants to be read.
pub(super) async fn sockets(buffer: usize) -> (TestSocket, TestSocket) {
    let (here, there) = tokio::io::duplex(buffer);
    let limit = 64 * 1024;
    (
        WebSocket::server(here, limit).await,
        WebSocket::client(there, limit).await,
    )
}

/// An inbox that answers by path: `/hold` after [`Desk::release`], `/busy` with 503, `/panic` and
/// `/never` not at all, everything else with 202.
#[derive(Debug, Default)]
pub(super) struct Desk {
    received: Mutex<Vec<InboundRequest>>,
    released: watch::Sender<bool>,
}

impl Desk {
    pub(super) fn received(&self) -> Vec<InboundRequest> {
        let received = self.received.lock();
        received.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn release(&self) {
        self.released.send_replace(true);
    }
}

impl InboxService for Desk {
    fn receive(&self, request: InboundRequest) -> BoxFuture<'_, InboxAnswer> {
        let path = request.path().to_owned();
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.push(request);
        drop(received);
        let mut released = self.released.subscribe();
        Box::pin(async move {
            match path.as_str() {
                "/hold" => {
                    released.wait_for(|released| *released).await.unwrap();
                }
                "/never" => std::future::pending().await,
                "/panic" => panic!("as the test wants it"),
                "/busy" => {
                    let status = StatusCode::SERVICE_UNAVAILABLE;
                    let answer = InboxAnswer::refused(status, "key_unavailable", "detail");
                    return answer.retry_after(Duration::from_millis(6001));
                }
                _ => {}
            }
            InboxAnswer::accepted()
        })
    }
}

/// Keeps what it is told.
#[derive(Debug, Default)]
pub(super) struct Ears(pub(super) Mutex<Vec<Ephemeral>>);

impl Ears {
    pub(super) fn heard(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl EphemeralSink for Ears {
    fn kinds(&self) -> EphemeralKinds {
        EphemeralKinds::none()
            .with(super::EphemeralKind::Typing)
            .with(super::EphemeralKind::Read)
    }

    fn take(&self, holder: &Url, frame: Ephemeral) {
        assert_eq!(holder.as_str(), HOLDER);
        self.0.lock().unwrap().push(frame);
    }
}

/// The headers of a POST that is signed with a key of `host`.
pub(super) fn signed_by(host: &str) -> HeaderMap {
    let signature = format!(
        r#"keyId="https://{host}/users/alice#main-key",headers="(request-target) host date digest",signature="c2lnbmVk""#
    );
    [
        ("host", "issuer.example"),
        ("date", "Fri, 20 Nov 2026 16:05:34 GMT"),
        (
            "digest",
            "SHA-256=RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=",
        ),
        ("signature", signature.as_str()),
        ("content-type", "application/activity+json"),
    ]
    .into_iter()
    .map(|(name, value)| {
        let value = HeaderValue::from_str(value).unwrap();
        (HeaderName::from_static(name), value)
    })
    .collect()
}

pub(super) fn activity(seq: u64, target: &str) -> ActivityFrame {
    let body = Bytes::from_static(b"{\n}");
    ActivityFrame::new(seq, target, signed_by("holder.example"), body)
}

pub(super) fn typing(actor: &str) -> Ephemeral {
    Ephemeral::typing(url(actor), url("https://issuer.example/channels/7"))
}

/// One end of a stream, frame by frame.
#[derive(Debug)]
pub(super) struct Peer(pub(super) TestSocket);

impl Peer {
    pub(super) async fn send(&mut self, frame: Frame) {
        self.0.send(frame.to_message()).await.unwrap();
    }

    pub(super) async fn next(&mut self) -> Message {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Ping | Message::Pong)) => {}
                Some(Ok(message)) => return message,
                Some(Err(error)) => panic!("{error:?}"),
                None => return Message::Close(None),
            }
        }
    }

    pub(super) async fn hello(&mut self) -> Hello {
        let Message::Text(text) = self.next().await else {
            panic!("no hello")
        };
        let Frame::Hello(hello) = Frame::from_text(&text).unwrap() else {
            panic!("no hello: {text}")
        };
        hello
    }

    pub(super) async fn ack(&mut self) -> Ack {
        match self.next().await {
            Message::Text(text) => match Frame::from_text(&text).unwrap() {
                Frame::Ack(ack) => ack,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn activity(&mut self) -> ActivityFrame {
        match self.next().await {
            Message::Binary(bytes) => match Frame::from_binary(&bytes).unwrap() {
                Frame::Activity(activity) => activity,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    /// How the other side closes the stream, whatever it sends before.
    pub(super) async fn closed(&mut self) -> CloseReason {
        loop {
            if let Message::Close(code) = self.next().await {
                return CloseReason::from_code(code);
            }
        }
    }
}

pub(super) fn accepted(seq: u64) -> Frame {
    Frame::Ack(Ack::new(seq, StatusCode::ACCEPTED, "accepted", None))
}
