//! The route and the guarded client over real connections on loopback.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{AUTHORIZATION, HeaderValue, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::entrance::{Entrance, router};
use super::opening;
use super::socket::WebSocket;
use crate::clock::{Clock, Timestamp};
use crate::fetch::client::ClientConfig;
use crate::fetch::{
    BlockedDomains, Connection, DomainPolicy, FetchError, FetchLimits, GuardPolicy, GuardedClient,
    OutboundRequest, OutboundResponse, Upgrade, Upgrader,
};
use crate::handshake::message::ChallengeRequest;
use crate::handshake::{
    Challenge, Granted, HandshakeStore, MemoryHandshakeStore, Scope, SessionId, Sessions, Terms,
};
use crate::inbox::InboxService;
use crate::stream::fixtures::{Desk, HOLDER, ISSUER, activity, url};
use crate::stream::{
    CloseReason, EphemeralKinds, Frame, Hello, Message, PATH, ServerConfig, StreamServer,
};
use crate::testing::ManualClock;

struct Issuer {
    address: SocketAddr,
    sessions: Sessions,
    store: Arc<MemoryHandshakeStore>,
    blocked: Arc<BlockedDomains>,
    clock: Arc<ManualClock>,
    server: StreamServer,
    desk: Arc<Desk>,
    stop: CancellationToken,
}

impl Issuer {
    async fn start() -> Self {
        let (store, blocked) = (
            Arc::new(MemoryHandshakeStore::new()),
            Arc::new(BlockedDomains::default()),
        );
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_000)));
        let kept: Arc<dyn HandshakeStore> = Arc::<MemoryHandshakeStore>::clone(&store);
        let policy: Arc<dyn DomainPolicy> = Arc::<BlockedDomains>::clone(&blocked);
        let clocked: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let sessions = Sessions::new(kept, policy, Arc::clone(&clocked));
        let desk = Arc::new(Desk::default());
        let inbox: Arc<dyn InboxService> = Arc::<Desk>::clone(&desk);
        let config = ServerConfig {
            max_streams: 2,
            ..ServerConfig::default()
        };
        let server = StreamServer::new(inbox, url(ISSUER), config);
        let stop = CancellationToken::new();
        let entrance = Entrance::new(
            server.clone(),
            sessions.clone(),
            clocked,
            TaskTracker::new(),
            stop.clone(),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router(entrance)).await });
        Self {
            address,
            sessions,
            store,
            blocked,
            clock,
            server,
            desk,
            stop,
        }
    }

    /// Grants a session, as the handshake would.
    async fn grant(
        &self,
        holder: &str,
        subject: Option<&str>,
        scope: Scope,
    ) -> (SessionId, String) {
        let (terms, now) = (Terms::default(), self.clock.now());
        let asked = ChallengeRequest {
            subject: subject.map(url),
            scopes: scope.into(),
        };
        let random = |salt: u8| [holder.len().to_be_bytes()[7] ^ salt; 42];
        let challenge = Challenge::issue(
            &asked,
            &url(holder),
            "https://issuer.example",
            &terms,
            &random(1),
            now,
        )
        .unwrap();
        self.store
            .add_challenge(challenge.clone(), terms)
            .await
            .unwrap();
        let granted = Granted::from_challenge(&challenge, asked.scopes, &terms, &random(2), now);
        let stored = granted.stored.clone();
        self.store
            .open_session(challenge.id, stored, terms)
            .await
            .unwrap();
        (granted.stored.session.id, granted.token.as_str().to_owned())
    }

    async fn open(&self, token: &str) -> Result<WebSocket<Box<dyn Connection>>, OutboundResponse> {
        let key = generate_key();
        let mut headers = opening::request(&key).unwrap();
        let bearer = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
        headers.insert(AUTHORIZATION, bearer);
        match ask(self.address, PATH, headers).await.unwrap() {
            Upgrade::Switched(switched) => {
                assert!(opening::is_agreed(&switched.headers, &key));
                let mut socket = WebSocket::client(switched.io, 8192).await;
                let hello = Hello::holder(EphemeralKinds::none());
                socket.send(Frame::Hello(hello).to_message()).await.unwrap();
                let Some(Ok(Message::Text(text))) = socket.next().await else {
                    panic!("no hello")
                };
                assert!(matches!(Frame::from_text(&text), Ok(Frame::Hello(_))));
                Ok(socket)
            }
            Upgrade::Answered(answer) => Err(answer),
        }
    }

    async fn refused(&self, token: &str) -> (u16, String) {
        let answer = self.open(token).await.unwrap_err();
        let problem = crate::vocab::parse(&answer.body).unwrap();
        let code = problem["code"].as_str().unwrap().to_owned();
        if answer.status == StatusCode::UNAUTHORIZED {
            assert_eq!(answer.headers[WWW_AUTHENTICATE], "Bearer");
        }
        (answer.status.as_u16(), code)
    }
}

fn client(allow: bool) -> GuardedClient {
    let ranges = if allow {
        vec!["127.0.0.0/8".parse().unwrap()]
    } else {
        Vec::new()
    };
    let policy = GuardPolicy::with_private_ranges(ranges, true);
    GuardedClient::new(ClientConfig::new("test", policy)).unwrap()
}

async fn ask(address: SocketAddr, path: &str, headers: HeaderMap) -> Result<Upgrade, FetchError> {
    let url: Url = format!("http://{address}{path}").parse().unwrap();
    let request = OutboundRequest::get(url, FetchLimits::document()).with_headers(headers);
    client(true).upgrade(request).await
}

async fn closed(socket: &mut WebSocket<Box<dyn Connection>>) -> CloseReason {
    loop {
        match socket.next().await {
            Some(Ok(Message::Close(code))) => return CloseReason::from_code(code),
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_session_opens_a_stream() {
    let issuer = Issuer::start().await;
    let (_, token) = issuer.grant(HOLDER, None, Scope::Stream).await;
    let mut socket = issuer.open(&token).await.unwrap();
    for seq in 1..=20 {
        let frame = Frame::Activity(activity(seq, "/inbox"));
        socket.send(frame.to_message()).await.unwrap();
    }
    let mut acknowledged = Vec::new();
    while acknowledged.len() < 20 {
        let Some(Ok(Message::Text(text))) = socket.next().await else {
            panic!("no ack")
        };
        let Frame::Ack(ack) = Frame::from_text(&text).unwrap() else {
            panic!("{text}")
        };
        assert_eq!(ack.status, StatusCode::ACCEPTED);
        acknowledged.push(ack.seq);
    }
    acknowledged.sort_unstable();
    assert_eq!(acknowledged, (1..=20).collect::<Vec<u64>>());
    assert_eq!(issuer.desk.received().len(), 20);
    issuer.stop.cancel();
    assert_eq!(closed(&mut socket).await, CloseReason::GoingAway);
}

#[tokio::test]
async fn handshake_other_sessions_open_none() {
    let issuer = Issuer::start().await;
    let unauthorized = (401, "invalid_token".to_owned());
    assert_eq!(issuer.refused("").await, unauthorized);
    assert_eq!(issuer.refused("guessed").await, unauthorized);
    let (_, chat) = issuer
        .grant("https://b.example/actor", None, Scope::ChatRead)
        .await;
    assert_eq!(
        issuer.refused(&chat).await,
        (403, "insufficient_scope".to_owned())
    );
    let alice = Some("https://cc.example/users/alice");
    let (_, hers) = issuer
        .grant("https://cc.example/actor", alice, Scope::Stream)
        .await;
    assert_eq!(
        issuer.refused(&hers).await,
        (403, "not_a_node_session".to_owned())
    );

    let (id, token) = issuer.grant(HOLDER, None, Scope::Stream).await;
    drop(issuer.open(&token).await.unwrap());
    issuer.blocked.block("holder.example").unwrap();
    assert_eq!(issuer.refused(&token).await.0, 403);
    issuer.blocked.unblock("holder.example");
    issuer
        .sessions
        .revoke(id, issuer.clock.now())
        .await
        .unwrap();
    assert_eq!(issuer.refused(&token).await, unauthorized);
    let (_, token) = issuer
        .grant("https://late.example/actor", None, Scope::Stream)
        .await;
    issuer.clock.advance(Duration::from_hours(25));
    assert_eq!(issuer.refused(&token).await, unauthorized);
}

#[tokio::test]
async fn i9_revoking_the_session_closes_its_stream() {
    let issuer = Issuer::start().await;
    let stop = CancellationToken::new();
    let (following, token) = (issuer.sessions.clone(), stop.clone());
    let follow = tokio::spawn(async move { following.follow(token).await });
    for (by, reason) in [
        ("revoked", CloseReason::SessionEnded),
        ("blocked", CloseReason::Blocked),
        ("expired", CloseReason::SessionEnded),
    ] {
        let holder = format!("https://{by}.example/actor");
        let (id, token) = issuer.grant(&holder, None, Scope::Stream).await;
        let mut socket = issuer.open(&token).await.unwrap();
        let started = Instant::now();
        match by {
            "revoked" => {
                issuer
                    .sessions
                    .revoke(id, issuer.clock.now())
                    .await
                    .unwrap();
            }
            "blocked" => {
                issuer.blocked.block("blocked.example").unwrap();
                issuer.clock.advance(Duration::from_millis(400));
            }
            _ => issuer.clock.advance(Duration::from_hours(25)),
        }
        assert_eq!(closed(&mut socket).await, reason, "{by}");
        println!("{by}: closed after {:?}", started.elapsed());
        assert!(started.elapsed() < Duration::from_secs(1), "{by}");
        assert_eq!(issuer.refused(&token).await.0, 401);
    }
    stop.cancel();
    follow.await.unwrap();
}

#[tokio::test]
async fn a_server_without_a_place_says_when_to_come_back() {
    let issuer = Issuer::start().await;
    let mut open = Vec::new();
    for holder in ["https://a.example/actor", "https://bb.example/actor"] {
        let (_, token) = issuer.grant(holder, None, Scope::Stream).await;
        open.push(issuer.open(&token).await.unwrap());
    }
    let (_, token) = issuer
        .grant("https://ccc.example/actor", None, Scope::Stream)
        .await;
    let answer = issuer.open(&token).await.unwrap_err();
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers[RETRY_AFTER], "60");
    assert_eq!(issuer.server.counts().open, 2);
    drop(open);
    while issuer.server.counts().open > 0 {
        tokio::task::yield_now().await;
    }
    assert!(issuer.open(&token).await.is_ok());
}

#[tokio::test]
async fn what_asks_for_no_stream_gets_none() {
    let issuer = Issuer::start().await;
    let (_, token) = issuer.grant(HOLDER, None, Scope::Stream).await;
    let bearer = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer)]);
    let Upgrade::Answered(answer) = ask(issuer.address, PATH, headers).await.unwrap() else {
        panic!("a stream")
    };
    assert_eq!(answer.status, StatusCode::UPGRADE_REQUIRED);
    assert_eq!(answer.headers["upgrade"], "websocket");
}

/// I5: an upgrade passes the same guard as every request.
#[tokio::test]
async fn attack_47_an_upgrade_reaches_no_private_address() {
    let issuer = Issuer::start().await;
    let url: Url = format!("http://{}{PATH}", issuer.address).parse().unwrap();
    let headers = opening::request(&generate_key()).unwrap();
    let request = OutboundRequest::get(url, FetchLimits::document()).with_headers(headers);
    let outcome = client(false).upgrade(request).await;
    assert!(
        matches!(outcome, Err(FetchError::Refused(_))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_upgrade_follows_no_redirect() {
    let away = axum::Router::new().fallback(async || {
        (
            StatusCode::FOUND,
            [(LOCATION, "http://127.0.0.1:1/elsewhere")],
        )
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, away).await });
    let headers = opening::request(&generate_key()).unwrap();
    let Upgrade::Answered(answer) = ask(address, PATH, headers).await.unwrap() else {
        panic!("a stream")
    };
    assert_eq!(answer.status, StatusCode::FOUND);
}
