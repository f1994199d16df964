//! The holder's side: what goes by stream, what is posted instead, and what a bad peer costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering as AtomicOrdering};
use std::time::Duration;

use futures_util::SinkExt as _;
use http::StatusCode;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::*;
use crate::clock::Timestamp;
use crate::fetch::FetchLimits;
use crate::outbox::Outcome;
use crate::outbox::explain::explanation;
use crate::stream::fixtures::{
    Desk, HOLDER, ISSUER, Peer, accepted, signed_by, sockets, typing, url,
};
use crate::stream::frame::{Frame, Hello};
use crate::stream::{CloseReason, Message, ServerConfig, Socket, StreamServer};
use crate::testing::{ManualClock, ScriptedTransport};

const INBOX: &str = "https://issuer.example/inbox";

/// Opens sockets whose other ends the test holds; refuses when it is told to.
#[derive(Debug)]
struct Switchboard {
    opened: UnboundedSender<Peer>,
    buffer: usize,
    attempts: AtomicUsize,
    refusal: Mutex<Option<fn() -> ConnectError>>,
}

impl StreamConnector for Switchboard {
    fn connect<'a>(
        &'a self,
        _origin: &'a Url,
    ) -> BoxFuture<'a, Result<Box<dyn Socket>, ConnectError>> {
        self.attempts.fetch_add(1, AtomicOrdering::Relaxed);
        let refusal = *self.refusal.lock().unwrap();
        Box::pin(async move {
            if let Some(refusal) = refusal {
                return Err(refusal());
            }
            let (there, here) = sockets(self.buffer).await;
            self.opened.send(Peer(there)).unwrap();
            let socket: Box<dyn Socket> = Box::new(here);
            Ok(socket)
        })
    }
}

struct Stage {
    transport: StreamTransport,
    board: Arc<Switchboard>,
    opened: UnboundedReceiver<Peer>,
    web: Arc<ScriptedTransport>,
    clock: Arc<ManualClock>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Stage {
    fn new(buffer: usize, change: impl FnOnce(&mut ClientConfig)) -> Self {
        let (opened, receiver) = unbounded_channel();
        let board = Arc::new(Switchboard {
            opened,
            buffer,
            attempts: AtomicUsize::new(0),
            refusal: Mutex::new(None),
        });
        let web = Arc::new(ScriptedTransport::new());
        web.answer(INBOX, StatusCode::ACCEPTED, HeaderMap::new());
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_000)));
        let mut config = ClientConfig::default();
        change(&mut config);
        let (inner, connector): (Arc<dyn Transport>, Arc<dyn StreamConnector>) = (
            Arc::<ScriptedTransport>::clone(&web),
            Arc::<Switchboard>::clone(&board),
        );
        let clocked: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let transport = StreamTransport::new(inner, connector, clocked, config);
        let (stop, runs) = (CancellationToken::new(), transport.clone());
        let token = stop.clone();
        let running = tokio::spawn(async move { runs.run(token).await });
        Self {
            transport,
            board,
            opened: receiver,
            web,
            clock,
            stop,
            running,
        }
    }

    async fn send(&self) -> Result<StatusCode, FetchError> {
        send(&self.transport, INBOX).await
    }

    fn posts(&self) -> usize {
        self.web.requests().len()
    }

    fn attempts(&self) -> usize {
        self.board.attempts.load(AtomicOrdering::Relaxed)
    }

    /// Warms the peer up and gives the issuer's end of the stream, greeted.
    async fn opened(&mut self, kinds: EphemeralKinds) -> Peer {
        for _ in 0..2 {
            assert_eq!(self.send().await.unwrap(), StatusCode::ACCEPTED);
        }
        let mut issuer = self.opened.recv().await.unwrap();
        issuer
            .send(Frame::Hello(Hello::issuer(8, 4096, kinds)))
            .await;
        issuer.hello().await;
        self.until(|counts| counts.open == 1).await;
        issuer
    }

    async fn until(&self, met: impl Fn(ClientCounts) -> bool) {
        while !met(self.transport.counts()) {
            tokio::task::yield_now().await;
        }
    }
}

async fn send(transport: &StreamTransport, inbox: &str) -> Result<StatusCode, FetchError> {
    let headers = signed_by("holder.example");
    let limits = FetchLimits::delivery();
    let body = Bytes::from_static(b"{}");
    let request = OutboundRequest::post(url(inbox), headers, body, limits);
    transport.execute(request).await.map(|answer| answer.status)
}

fn sending(stage: &Stage) -> JoinHandle<Result<StatusCode, FetchError>> {
    let transport = stage.transport.clone();
    tokio::spawn(async move { send(&transport, INBOX).await })
}

#[tokio::test]
async fn a_peer_that_is_written_to_gets_a_stream() {
    let mut stage = Stage::new(64 * 1024, |_| {});
    let mut issuer = stage.opened(EphemeralKinds::none()).await;
    assert_eq!(stage.posts(), 2);
    let sent = sending(&stage);
    let activity = issuer.activity().await;
    assert_eq!((activity.seq, activity.target.as_str()), (1, "/inbox"));
    assert_eq!(activity.headers, signed_by("holder.example"));
    assert_eq!(activity.body.as_ref(), b"{}");
    let busy = Ack::new(
        1,
        StatusCode::SERVICE_UNAVAILABLE,
        "key_unavailable",
        Some(9),
    );
    issuer.send(Frame::Ack(busy)).await;
    assert_eq!(
        sent.await.unwrap().unwrap(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(stage.posts(), 2);
    let counts = stage.transport.counts();
    assert_eq!(
        (counts.opened, counts.acknowledged, counts.posted),
        (1, 1, 2)
    );
}

/// A refusal says why, as the problem document of a POST does.
#[tokio::test]
async fn the_code_of_a_refusal_reaches_whoever_sent() {
    let mut stage = Stage::new(64 * 1024, |_| {});
    let mut issuer = stage.opened(EphemeralKinds::none()).await;
    for (seq, status, code, said) in [
        (
            1,
            StatusCode::FORBIDDEN,
            "not_the_actor",
            Some("not_the_actor"),
        ),
        (2, StatusCode::FORBIDDEN, "", None),
        (3, StatusCode::ACCEPTED, "accepted", None),
    ] {
        let (transport, headers) = (stage.transport.clone(), signed_by("holder.example"));
        let body = Bytes::from_static(b"{}");
        let request = OutboundRequest::post(url(INBOX), headers, body, FetchLimits::delivery());
        let sent = tokio::spawn(async move { transport.execute(request).await });
        issuer.activity().await;
        issuer
            .send(Frame::Ack(Ack::new(seq, status, code, None)))
            .await;
        let answer = sent.await.unwrap().unwrap();
        assert_eq!(answer.status, status);
        let outcome = Outcome::from_status(answer.status, None).explained(explanation(&answer));
        let detail = match outcome {
            Outcome::Refused { detail, .. } => detail,
            other => {
                assert_eq!(other, Outcome::Delivered { status: 202 });
                None
            }
        };
        assert_eq!(detail.as_deref(), said);
        let problem = crate::vocab::parse(&answer.body).ok();
        assert_eq!(problem.is_some(), said.is_some());
        assert_eq!(
            problem
                .as_ref()
                .and_then(|problem| problem["code"].as_str()),
            said
        );
    }
}

#[tokio::test]
async fn a_real_issuer_takes_it_from_there() {
    let mut stage = Stage::new(64 * 1024, |_| {});
    let desk = Arc::new(Desk::default());
    let inbox: Arc<dyn crate::inbox::InboxService> = Arc::<Desk>::clone(&desk);
    let server = StreamServer::new(inbox, url(ISSUER), ServerConfig::default());
    for _ in 0..2 {
        stage.send().await.unwrap();
    }
    let Peer(socket) = stage.opened.recv().await.unwrap();
    let place = server.admit(&url(HOLDER)).unwrap();
    let serving = server.clone();
    let ended =
        tokio::spawn(async move { serving.serve(place, socket, std::future::pending()).await });
    stage.until(|counts| counts.open == 1).await;
    let all: Vec<_> = (0..200).map(|_| sending(&stage)).collect();
    for sent in all {
        assert_eq!(sent.await.unwrap().unwrap(), StatusCode::ACCEPTED);
    }
    let counts = stage.transport.counts();
    // What found no room went by POST.
    assert_eq!(counts.acknowledged + counts.posted, 202);
    assert!(counts.acknowledged > 0);
    assert_eq!(
        desk.received().len(),
        usize::try_from(counts.acknowledged).unwrap()
    );
    assert_eq!(server.counts().accepted, counts.acknowledged);
    stage.stop.cancel();
    stage.running.await.unwrap();
    assert_eq!(ended.await.unwrap(), CloseReason::Gone);
}

#[tokio::test]
async fn everything_but_signed_posts_goes_the_other_way() {
    let mut stage = Stage::new(64 * 1024, |_| {});
    let _issuer = stage.opened(EphemeralKinds::none()).await;
    let limits = FetchLimits::delivery();
    let unsigned = OutboundRequest::post(url(INBOX), HeaderMap::new(), Bytes::new(), limits);
    let document = OutboundRequest::get(url(INBOX), limits).with_headers(signed_by("a.example"));
    let large = Bytes::from(vec![b'x'; 4097]);
    let large = OutboundRequest::post(url(INBOX), signed_by("a.example"), large, limits);
    for (count, request) in [unsigned, document, large].into_iter().enumerate() {
        stage.transport.execute(request).await.unwrap();
        assert_eq!(stage.posts(), 3 + count);
    }
    // Another port is another peer.
    let elsewhere = send(&stage.transport, "https://issuer.example:8443/inbox").await;
    assert_eq!(elsewhere.unwrap(), StatusCode::NOT_FOUND);
    assert_eq!(stage.posts(), 6);
}

/// What a stream that breaks had not settled is posted in the same attempt.
#[tokio::test]
async fn i1_what_is_not_acknowledged_is_posted() {
    for end in ["dropped", "closed", "unknown ack", "second ack", "garbage"] {
        let mut stage = Stage::new(64 * 1024, |_| {});
        let mut issuer = stage.opened(EphemeralKinds::none()).await;
        let sent = [sending(&stage), sending(&stage)];
        for seq in 1..=2 {
            assert_eq!(issuer.activity().await.seq, seq);
        }
        match end {
            "dropped" => drop(issuer),
            "closed" => issuer
                .0
                .send(CloseReason::SessionEnded.into())
                .await
                .unwrap(),
            "unknown ack" => issuer.send(accepted(3)).await,
            "second ack" => {
                issuer.send(accepted(1)).await;
                issuer.send(accepted(1)).await;
            }
            _ => issuer.0.send(Message::Text("{}".to_owned())).await.unwrap(),
        }
        for sent in sent {
            assert_eq!(sent.await.unwrap().unwrap(), StatusCode::ACCEPTED, "{end}");
        }
        let acknowledged = usize::from(end == "second ack");
        assert_eq!(stage.posts(), 4 - acknowledged, "{end}");
        stage.until(|counts| counts.open == 0).await;
        assert_eq!(stage.send().await.unwrap(), StatusCode::ACCEPTED);
        assert_eq!(stage.posts(), 5 - acknowledged, "{end}");
    }
}

#[tokio::test]
async fn what_the_issuer_takes_by_post_alone_is_posted() {
    let mut stage = Stage::new(64 * 1024, |_| {});
    let mut issuer = stage.opened(EphemeralKinds::none()).await;
    let sent = sending(&stage);
    let seq = issuer.activity().await.seq;
    let foreign = Ack::new(seq, StatusCode::FORBIDDEN, FOREIGN_SIGNER, None);
    issuer.send(Frame::Ack(foreign)).await;
    assert_eq!(sent.await.unwrap().unwrap(), StatusCode::ACCEPTED);
    assert_eq!((stage.posts(), stage.transport.counts().open), (3, 1));
}

/// I8: an issuer that takes everything and acknowledges nothing costs its own deliveries the time
/// of one `ack`, and those to others nothing.
#[tokio::test(start_paused = true)]
async fn i8_a_stuck_issuer_holds_up_nobody_else() {
    let mut stage = Stage::new(512, |_| {});
    let issuer = stage.opened(EphemeralKinds::none()).await;
    let started = Instant::now();
    let stuck: Vec<_> = (0..40).map(|_| sending(&stage)).collect();
    stage.web.answer(
        "https://other.example/inbox",
        StatusCode::OK,
        HeaderMap::new(),
    );
    let other = send(&stage.transport, "https://other.example/inbox").await;
    assert_eq!(
        (other.unwrap(), started.elapsed()),
        (StatusCode::OK, Duration::ZERO)
    );
    for sent in stuck {
        assert_eq!(sent.await.unwrap().unwrap(), StatusCode::ACCEPTED);
    }
    assert!(
        started.elapsed() <= Duration::from_secs(11),
        "{:?}",
        started.elapsed()
    );
    stage.until(|counts| counts.open == 0).await;
    // For a while nobody asks it again.
    for _ in 0..10 {
        stage.send().await.unwrap();
    }
    assert_eq!(stage.attempts(), 1);
    drop(issuer);
}

/// I7: one activity that the issuer takes long over costs that one alone.
#[tokio::test(start_paused = true)]
async fn i7_one_slow_ack_costs_no_other() {
    let mut stage = Stage::new(64 * 1024, |_| {});
    let mut issuer = stage.opened(EphemeralKinds::none()).await;
    let slow = sending(&stage);
    assert_eq!(issuer.activity().await.seq, 1);
    for seq in 2..=8 {
        let sent = sending(&stage);
        assert_eq!(issuer.activity().await.seq, seq);
        tokio::time::sleep(Duration::from_secs(5)).await;
        issuer.send(accepted(seq)).await;
        assert_eq!(sent.await.unwrap().unwrap(), StatusCode::ACCEPTED);
    }
    let outcome = slow.await.unwrap();
    assert!(
        matches!(outcome, Err(FetchError::Timeout { .. })),
        "{outcome:?}"
    );
    // Its ack comes late, which is no fault.
    issuer.send(accepted(1)).await;
    let sent = sending(&stage);
    assert_eq!(issuer.activity().await.seq, 9);
    issuer.send(accepted(9)).await;
    assert_eq!(sent.await.unwrap().unwrap(), StatusCode::ACCEPTED);
    assert_eq!((stage.posts(), stage.transport.counts().open), (2, 1));
}

#[tokio::test]
async fn a_peer_without_streams_is_asked_once_an_hour() {
    let stage = Stage::new(64 * 1024, |_| {});
    *stage.board.refusal.lock().unwrap() = Some(|| ConnectError::Unsupported);
    for minute in 0..180 {
        stage.send().await.unwrap();
        let asked = u64::try_from(stage.attempts()).unwrap();
        stage
            .until(|counts| counts.attempts == asked.max(u64::from(minute > 0)))
            .await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        stage.clock.advance(Duration::from_mins(1));
    }
    assert_eq!(stage.posts(), 180);
    assert_eq!(stage.attempts(), 3);
}

#[tokio::test]
async fn one_letter_opens_no_stream() {
    let stage = Stage::new(64 * 1024, |_| {});
    for _ in 0..5 {
        stage.send().await.unwrap();
        stage.clock.advance(Duration::from_mins(11));
    }
    assert_eq!(stage.attempts(), 0);
}

#[tokio::test]
async fn ephemeral_frames_need_a_stream_and_an_agreement() {
    let all = EphemeralKinds::all();
    let mut stage = Stage::new(64 * 1024, |config| config.ephemeral = EphemeralKinds::all());
    let frame = typing("https://holder.example/users/alice");
    let peer = url("https://issuer.example/");
    assert_eq!(stage.transport.tell(&peer, frame.clone()), Told::NoStream);
    let mut issuer = stage.opened(all).await;
    assert_eq!(stage.transport.tell(&peer, frame.clone()), Told::Handed);
    assert_eq!(
        issuer.next().await,
        Frame::Ephemeral(frame.clone()).to_message()
    );

    let mut deaf = Stage::new(64 * 1024, |config| config.ephemeral = EphemeralKinds::all());
    let _issuer = deaf.opened(EphemeralKinds::none()).await;
    assert_eq!(deaf.transport.tell(&peer, frame.clone()), Told::NotAgreed);
    let mut mute = Stage::new(64 * 1024, |_| {});
    let _issuer = mute.opened(all).await;
    assert_eq!(mute.transport.tell(&peer, frame), Told::NotAgreed);
}

/// I11: ten thousand frames to an issuer that reads nothing: what its connection takes, sixteen
/// more, and all others are dropped at once.
#[tokio::test]
async fn i11_ephemeral_frames_to_a_stuck_issuer_are_dropped() {
    let mut stage = Stage::new(1024, |config| {
        config.ephemeral = EphemeralKinds::all();
        config.ephemeral_pace = (1_000_000, 1_000_000);
    });
    let mut issuer = stage.opened(EphemeralKinds::all()).await;
    let frame = typing("https://holder.example/users/alice");
    let peer = url("https://issuer.example/");
    let mut handed = 0;
    for _ in 0..10_000 {
        handed += u32::from(stage.transport.tell(&peer, frame.clone()) == Told::Handed);
        tokio::task::yield_now().await;
    }
    let counts = stage.transport.counts();
    println!("of 10000 ephemeral frames to a stuck issuer {handed} were kept");
    assert!(handed < 40, "{handed}");
    assert_eq!(counts.ephemeral + counts.ephemeral_dropped, 10_000);
    // The stream itself is none the worse: the issuer wakes up, and activities flow.
    let sent = sending(&stage);
    loop {
        if let Message::Binary(_) = issuer.next().await {
            break;
        }
    }
    issuer.send(accepted(1)).await;
    assert_eq!(sent.await.unwrap().unwrap(), StatusCode::ACCEPTED);
    assert_eq!(stage.posts(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_use_is_closed_and_another_takes_its_place() {
    let mut stage = Stage::new(64 * 1024, |config| config.max_streams = 1);
    let mut issuer = stage.opened(EphemeralKinds::none()).await;
    let other = "https://other.example/inbox";
    stage.web.answer(other, StatusCode::OK, HeaderMap::new());
    for _ in 0..3 {
        send(&stage.transport, other).await.unwrap();
    }
    assert_eq!(stage.attempts(), 1);
    tokio::time::advance(Duration::from_secs(31)).await;
    send(&stage.transport, other).await.unwrap();
    assert_eq!(issuer.closed().await, CloseReason::Done);
    while stage.attempts() < 2 {
        send(&stage.transport, other).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut second = stage.opened.recv().await.unwrap();
    second
        .send(Frame::Hello(Hello::issuer(8, 4096, EphemeralKinds::none())))
        .await;
    second.hello().await;
    stage.until(|counts| counts.open == 1).await;
    let started = Instant::now();
    assert_eq!(second.closed().await, CloseReason::Done);
    let lived = started.elapsed().as_secs();
    assert!((290..=310).contains(&lived), "{lived} s");
}

#[tokio::test]
async fn a_transport_that_stops_waits_for_what_is_under_way() {
    let mut stage = Stage::new(64 * 1024, |_| {});
    let mut issuer = stage.opened(EphemeralKinds::none()).await;
    let sent = sending(&stage);
    assert_eq!(issuer.activity().await.seq, 1);
    stage.stop.cancel();
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    issuer.send(accepted(1)).await;
    assert_eq!(sent.await.unwrap().unwrap(), StatusCode::ACCEPTED);
    assert_eq!(issuer.closed().await, CloseReason::Done);
    assert_eq!(stage.posts(), 2);
    stage.running.await.unwrap();
}

/// I8: ten thousand peers without streams are remembered, and those beyond the memory never asked.
#[test]
fn i8_the_memory_of_peers_is_bounded() {
    #[derive(Debug)]
    struct Nothing;
    impl Used for Nothing {
        fn last_used(&self) -> Instant {
            unreachable!()
        }
    }
    let config = ClientConfig {
        max_barred: 100,
        max_warm: 50,
        open_after: 1,
        ..ClientConfig::default()
    };
    let mut peers: Peers<Nothing> = Peers::new(&config);
    let clock = ManualClock::new(Timestamp::from_millis(1_795_190_734_000));
    let mut asked = 0;
    for round in 0..3 {
        for number in 0..10_000 {
            let peer = format!("https://{number}.example");
            if matches!(peers.posted(&peer, &config, clock.now()), Wanted::Yes) {
                asked += 1;
                peers.over(&peer, peers::After::Never, &config, clock.now());
            }
        }
        assert_eq!(asked, 100, "round {round}");
        clock.advance(Duration::from_mins(15));
    }
}
