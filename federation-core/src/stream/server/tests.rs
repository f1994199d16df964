//! The issuer's side against a holder that keeps to the protocol, and against ones that do not.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt as _;
use http::StatusCode;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::*;
use crate::stream::Message;
use crate::stream::fixtures::{
    Desk, Ears, HOLDER, ISSUER, Peer, activity, signed_by, sockets, typing, url,
};
use crate::stream::frame::{ActivityFrame, EphemeralKind, Frame, Hello, PresenceState};

struct Stage {
    server: StreamServer,
    desk: Arc<Desk>,
    ears: Arc<Ears>,
}

/// A stream that is served, and the signal that ends its session.
struct Served {
    holder: Peer,
    end: oneshot::Sender<CloseReason>,
    served: JoinHandle<CloseReason>,
}

impl Stage {
    fn new(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut config = ServerConfig {
            window: 4,
            max_body_bytes: 1000,
            ..ServerConfig::default()
        };
        change(&mut config);
        let (desk, ears) = (Arc::new(Desk::default()), Arc::new(Ears::default()));
        let inbox: Arc<dyn InboxService> = Arc::<Desk>::clone(&desk);
        let sink: Arc<dyn EphemeralSink> = Arc::<Ears>::clone(&ears);
        let server = StreamServer::new(inbox, url(ISSUER), config).with_ephemeral(sink);
        Self { server, desk, ears }
    }

    async fn open(&self, buffer: usize) -> Served {
        let (here, there) = sockets(buffer).await;
        let (end, ended) = oneshot::channel();
        let (server, place) = (
            self.server.clone(),
            self.server.admit(&url(HOLDER)).unwrap(),
        );
        let ended = async { ended.await.unwrap_or(CloseReason::Internal) };
        Served {
            holder: Peer(there),
            end,
            served: tokio::spawn(async move { server.serve(place, here, ended).await }),
        }
    }

    async fn greeted(&self, buffer: usize) -> Served {
        let mut served = self.open(buffer).await;
        let hello = served.holder.hello().await;
        assert_eq!((hello.window, hello.body_bytes), (4, 1000));
        let kinds = EphemeralKinds::all();
        served.holder.send(Frame::Hello(Hello::holder(kinds))).await;
        served
    }
}

fn framed(seq: u64, target: &str) -> Frame {
    Frame::Activity(activity(seq, target))
}

#[tokio::test]
async fn i1_acknowledges_what_the_inbox_has_answered() {
    let stage = Stage::new(|_| {});
    let mut stream = stage.greeted(64 * 1024).await;
    stream
        .holder
        .send(framed(1, "/users/bob/inbox?x=%2F"))
        .await;
    let ack = stream.holder.ack().await;
    assert_eq!(
        (ack.seq, ack.status, ack.code.as_str()),
        (1, StatusCode::ACCEPTED, "accepted")
    );
    let received = stage.desk.received();
    let [request] = received.as_slice() else {
        panic!("{received:?}")
    };
    assert_eq!(request.method(), http::Method::POST);
    assert_eq!(request.path_and_query(), "/users/bob/inbox?x=%2F");
    assert_eq!(request.origin(), "https://issuer.example");
    assert_eq!(request.stream_holder(), Some("holder.example"));
    assert_eq!(*request.headers(), signed_by("holder.example"));
    assert_eq!(request.body().as_ref(), b"{\n}");

    stream.holder.send(framed(2, "/busy")).await;
    let ack = stream.holder.ack().await;
    assert_eq!(ack.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        (ack.code.as_str(), ack.retry_after),
        ("key_unavailable", Some(7))
    );
    let counts = stage.server.counts();
    assert_eq!((counts.open, counts.activities, counts.accepted), (1, 2, 1));
}

#[tokio::test]
async fn i7_one_that_waits_holds_up_no_other() {
    let stage = Stage::new(|_| {});
    let mut stream = stage.greeted(64 * 1024).await;
    stream.holder.send(framed(1, "/hold")).await;
    stream.holder.send(framed(2, "/inbox")).await;
    assert_eq!(stream.holder.ack().await.seq, 2);
    stage.desk.release();
    assert_eq!(stream.holder.ack().await.seq, 1);
}

#[tokio::test]
async fn what_breaks_the_protocol_closes_the_stream_with_a_reason() {
    let long = ActivityFrame::new(1, "/", signed_by("holder.example"), vec![b'x'; 1001].into());
    let huge = ActivityFrame::new(
        1,
        "/",
        signed_by("holder.example"),
        vec![b'x'; 65_536].into(),
    );
    let text = |text: &str| Message::Text(text.to_owned());
    let presence = Ephemeral::presence(url("https://holder.example/u/a"), PresenceState::Online);
    let cases: Vec<(Vec<Message>, CloseReason)> = vec![
        (vec![framed(2, "/").to_message()], CloseReason::OutOfOrder),
        (
            vec![framed(1, "/").to_message(), framed(1, "/").to_message()],
            CloseReason::OutOfOrder,
        ),
        (
            (1..=5)
                .map(|seq| framed(seq, "/never").to_message())
                .collect(),
            CloseReason::Overrun,
        ),
        (
            vec![Frame::Activity(long).to_message()],
            CloseReason::TooLong,
        ),
        (
            vec![Frame::Activity(huge).to_message()],
            CloseReason::TooLong,
        ),
        (vec![text("garbage")], CloseReason::BadFrame),
        (vec![text(r#"{"op":"hello"}"#)], CloseReason::BadFrame),
        (
            vec![text(r#"{"op":"ack","seq":1,"status":202}"#)],
            CloseReason::BadFrame,
        ),
        (
            vec![Message::Binary(Bytes::from_static(b"\xff\n"))],
            CloseReason::BadFrame,
        ),
        // Not agreed on, and of another server's member.
        (
            vec![Frame::Ephemeral(presence).to_message()],
            CloseReason::BadFrame,
        ),
        (
            vec![Frame::Ephemeral(typing("https://other.example/users/eve")).to_message()],
            CloseReason::BadFrame,
        ),
    ];
    for (messages, reason) in cases {
        let stage = Stage::new(|_| {});
        let mut stream = stage.greeted(256 * 1024).await;
        for message in messages {
            stream.holder.0.send(message).await.unwrap();
        }
        assert_eq!(stream.holder.closed().await, reason);
        assert_eq!(stream.served.await.unwrap(), reason);
        assert_eq!(stage.server.counts().open, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_says_nothing_is_gone() {
    let stage = Stage::new(|_| {});
    let mut silent = stage.open(64 * 1024).await;
    assert_eq!(silent.holder.hello().await.window, 4);
    assert_eq!(silent.holder.closed().await, CloseReason::TimedOut);

    // One that never reads: pings find no answer.
    let mut stream = stage.greeted(64 * 1024).await;
    stream.holder.send(framed(1, "/inbox")).await;
    let started = Instant::now();
    assert_eq!(stream.served.await.unwrap(), CloseReason::TimedOut);
    let lived = started.elapsed();
    assert!((75..=121).contains(&lived.as_secs()), "{lived:?}");
}

/// I9: whatever the stream waits for, the end of its session ends it.
#[tokio::test]
async fn i9_the_end_of_the_session_closes_the_stream() {
    for (buffer, target) in [
        (64 * 1024, "/inbox"),
        (64 * 1024, "/never"),
        (600, "/inbox"),
    ] {
        let stage = Stage::new(|_| {});
        let mut stream = stage.greeted(buffer).await;
        stream.holder.send(framed(1, target)).await;
        if buffer == 600 {
            // Acks that nobody reads fill the connection.
            for seq in 2..40 {
                let sending = stream.holder.send(framed(seq, "/inbox"));
                if timeout(Duration::from_millis(100), sending).await.is_err() {
                    break;
                }
            }
        } else {
            while stage.desk.received().is_empty() {
                tokio::task::yield_now().await;
            }
        }
        let started = Instant::now();
        stream.end.send(CloseReason::SessionEnded).unwrap();
        assert_eq!(stream.served.await.unwrap(), CloseReason::SessionEnded);
        assert!(started.elapsed() < Duration::from_secs(1));
        if buffer > 600 {
            assert_eq!(stream.holder.closed().await, CloseReason::SessionEnded);
        }
        let received = stage.desk.received().len();
        tokio::task::yield_now().await;
        assert_eq!(stage.desk.received().len(), received);
    }
}

#[tokio::test]
async fn a_server_that_stops_settles_what_is_under_way() {
    let stage = Stage::new(|_| {});
    let mut stream = stage.greeted(64 * 1024).await;
    stream.holder.send(framed(1, "/hold")).await;
    while stage.desk.received().is_empty() {
        tokio::task::yield_now().await;
    }
    stream.end.send(CloseReason::GoingAway).unwrap();
    tokio::task::yield_now().await;
    stage.desk.release();
    assert_eq!(stream.holder.ack().await.seq, 1);
    assert_eq!(stream.holder.closed().await, CloseReason::GoingAway);
}

/// A key of another origin signs nothing here, so that whom the holder's session may not send
/// for cannot be sent for.
#[tokio::test]
async fn refuses_what_is_signed_by_another_origin() {
    let stage = Stage::new(|_| {});
    let mut stream = stage.greeted(64 * 1024).await;
    let mut foreign = activity(1, "/inbox");
    foreign.headers = signed_by("other.example");
    stream.holder.send(Frame::Activity(foreign)).await;
    let ack = stream.holder.ack().await;
    assert_eq!(
        (ack.status, ack.code.as_str()),
        (StatusCode::FORBIDDEN, "foreign_signer")
    );
    assert!(stage.desk.received().is_empty());
    // The stream goes on.
    stream.holder.send(framed(2, "/inbox")).await;
    assert_eq!(stream.holder.ack().await.status, StatusCode::ACCEPTED);
}

/// On a test network key ids are `http` URLs, and the rule is the same.
#[tokio::test]
async fn refuses_another_origin_where_http_is_allowed() {
    let by_http = |host: &str| {
        let mut headers = signed_by(host);
        let signature = headers["signature"].to_str().unwrap();
        let signature = signature.replace("https://", "http://").parse().unwrap();
        headers.insert("signature", signature);
        headers
    };
    let stage = Stage::new(|config| config.policy.allow_http = true);
    let mut stream = stage.greeted(64 * 1024).await;
    // The holder's own origin is an `https` one.
    for (seq, host) in [(1, "other.example"), (2, "holder.example")] {
        let mut foreign = activity(seq, "/inbox");
        foreign.headers = by_http(host);
        stream.holder.send(Frame::Activity(foreign)).await;
        assert_eq!(stream.holder.ack().await.code, "foreign_signer", "{host}");
    }
    assert!(stage.desk.received().is_empty());
    stream.holder.send(framed(3, "/inbox")).await;
    assert_eq!(stream.holder.ack().await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn an_inbox_that_fails_takes_nothing_else_with_it() {
    let stage = Stage::new(|config| config.answer_within = Duration::from_millis(50));
    let mut stream = stage.greeted(64 * 1024).await;
    for (seq, target, status, code) in [
        (1, "/panic", 500, "internal"),
        (2, "/never", 503, "timed_out"),
        (3, "/a b", 400, "invalid_target"),
        (4, "/inbox", 202, "accepted"),
    ] {
        stream.holder.send(framed(seq, target)).await;
        let ack = stream.holder.ack().await;
        assert_eq!(
            (ack.seq, ack.status.as_u16(), ack.code.as_str()),
            (seq, status, code)
        );
    }
}

#[tokio::test]
async fn a_holder_has_one_stream_and_a_server_so_many() {
    let stage = Stage::new(|config| config.max_streams = 1);
    let mut first = stage.greeted(64 * 1024).await;
    let other = stage.server.admit(&url("https://other.example/actor"));
    assert_eq!(other.unwrap_err(), TooManyStreams { limit: 1 });
    let mut second = stage.greeted(64 * 1024).await;
    assert_eq!(first.holder.closed().await, CloseReason::Replaced);
    assert_eq!(first.served.await.unwrap(), CloseReason::Replaced);
    assert_eq!(stage.server.counts().open, 1);
    second.holder.send(framed(1, "/inbox")).await;
    assert_eq!(second.holder.ack().await.seq, 1);
}

#[tokio::test]
async fn ephemeral_frames_are_handed_on_up_to_a_pace() {
    let stage = Stage::new(|config| {
        config.ephemeral_pace = (1, 10);
        config.text_pace = (1, 50);
    });
    let mut stream = stage.greeted(64 * 1024).await;
    let frame = typing("https://holder.example/users/alice");
    assert_eq!(frame.kind(), EphemeralKind::Typing);
    for _ in 0..40 {
        stream.holder.send(Frame::Ephemeral(frame.clone())).await;
    }
    stream.holder.send(framed(1, "/inbox")).await;
    assert_eq!(stream.holder.ack().await.seq, 1);
    assert_eq!(stage.ears.heard(), 10);
    assert_eq!(stage.server.counts().ephemeral_dropped, 30);
    for _ in 0..20 {
        // The stream may be closed before all are sent.
        let message = Frame::Ephemeral(frame.clone()).to_message();
        let _sent_or_not = stream.holder.0.send(message).await;
    }
    assert_eq!(stream.served.await.unwrap(), CloseReason::TooMany);
    assert_eq!(stage.ears.heard(), 10);
}

/// I11: a window's worth of bodies is read, and then no more until some are settled.
#[tokio::test]
async fn i11_reading_waits_for_what_is_under_way() {
    let stage = Stage::new(|config| config.max_unsettled_bytes = 1000);
    let mut stream = stage.greeted(64 * 1024).await;
    for seq in 1..=3 {
        let headers = signed_by("holder.example");
        let large = ActivityFrame::new(seq, "/hold", headers, vec![b'x'; 900].into());
        stream.holder.send(Frame::Activity(large)).await;
    }
    while stage.desk.received().len() < 2 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.desk.received().len(), 2);
    stage.desk.release();
    for _ in 0..3 {
        assert_eq!(stream.holder.ack().await.status, StatusCode::ACCEPTED);
    }
}
