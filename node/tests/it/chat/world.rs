//! A server of its own for a test, members who are signed in, and their sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use federation_core::testing::TestDatabase;
use federation_core::{Clock, SystemClock};
use folkmoot::app::{self, App};
use folkmoot::config::{Config, Secret};
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A server of its own.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) http: reqwest::Client,
    address: SocketAddr,
    data: tempfile::TempDir,
}

impl World {
    pub(crate) async fn start(database: &TestDatabase) -> Self {
        Self::start_with(database, |_config| {}).await
    }

    pub(crate) async fn start_with(
        database: &TestDatabase,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        Self::start_at(database, tempfile::tempdir().unwrap(), 0, change).await
    }

    /// A server by another clock.
    pub(crate) async fn start_by(
        database: &TestDatabase,
        clock: Arc<dyn Clock>,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        Self::start_on(database, tempfile::tempdir().unwrap(), (0, clock), change).await
    }

    /// A server on what an earlier one left, at the same port if need be.
    pub(crate) async fn start_at(
        database: &TestDatabase,
        data: tempfile::TempDir,
        port: u16,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Self::start_on(database, data, (port, clock), change).await
    }

    /// A server on what an earlier one left, at this port and by this clock.
    pub(crate) async fn start_on(
        database: &TestDatabase,
        data: tempfile::TempDir,
        (port, clock): (u16, Arc<dyn Clock>),
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = Config {
            data_dir: data.path().to_owned(),
            ..Config::default()
        };
        config.server.bind = ([127, 0, 0, 1], port).into();
        config.database.url = Some(Secret::new(database.url_text()));
        // Links in tests lead nowhere: those about previews want them.
        config.previews.enabled = false;
        change(&mut config);
        let listener = app::listen(&config).await.unwrap();
        let app = App::start_with(config, listener, clock).await.unwrap();
        let address = app.address();
        Self {
            app,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            address,
            data,
        }
    }

    /// Where the server keeps its files.
    pub(crate) fn data(&self) -> &std::path::Path {
        self.data.path()
    }

    /// Stops the server; answers its port and its data, for a second start.
    pub(crate) async fn stop(self) -> (u16, tempfile::TempDir) {
        assert!(self.app.stop().await, "the server did not end in time");
        (self.address.port(), self.data)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn member(&self, username: &str) -> Member<'_> {
        let body = json!({"username": username, "password": "correct horse battery staple"});
        let answer = self
            .http
            .post(self.url("/api/v1/auth/signup"))
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
        let answer: Value = answer.json().await.unwrap();
        Member {
            world: self,
            id: answer["user"]["id"].as_str().unwrap().to_owned(),
            token: answer["access_token"].as_str().unwrap().to_owned(),
            refresh: answer["refresh_token"].as_str().unwrap().to_owned(),
        }
    }
}

impl World {
    /// A member who signed in before the server started again.
    pub(crate) fn returning(&self, token: String, id: String) -> Member<'_> {
        Member {
            world: self,
            id,
            token,
            refresh: String::new(),
        }
    }
}

/// A member who is signed in.
pub(crate) struct Member<'a> {
    pub(crate) world: &'a World,
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) refresh: String,
}

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        Self {
            status,
            headers,
            json: serde_json::from_str(&text).unwrap_or(Value::Null),
        }
    }

    /// The JSON, when the status is as expected.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:#}", self.json);
        self.json
    }

    /// Checks that it is a problem with this code.
    #[track_caller]
    pub(crate) fn expect_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{:#}", self.json);
        assert_eq!(self.json["code"], code, "{:#}", self.json);
        assert_eq!(self.headers["content-type"], "application/problem+json");
    }
}

impl Member<'_> {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.world
            .http
            .request(method, self.world.url(path))
            .bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PUT, path).json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PATCH, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    /// The id of the conversation with these people.
    pub(crate) async fn dm(&self, recipients: &[&str]) -> String {
        let answer = self
            .post("/api/v1/dms", &json!({"recipients": recipients}))
            .await;
        assert!(matches!(answer.status, 200 | 201), "{:#}", answer.json);
        answer.json["id"].as_str().unwrap().to_owned()
    }

    /// Says something; answers the message.
    pub(crate) async fn say(&self, channel: &str, content: &str) -> Value {
        let path = format!("/api/v1/channels/{channel}/messages");
        self.post(&path, &json!({"content": content}))
            .await
            .expect(201)
    }

    /// Opens a socket and identifies; answers it with the `ready` frame.
    pub(crate) async fn socket(&self, resume: Option<i64>) -> (Socket, Value) {
        let mut socket = Socket::open(self.world, "/ws", &[]).await.unwrap();
        socket
            .send(&json!({"op": "identify", "d": {"token": self.token, "resume": resume}}))
            .await;
        let ready = socket.next().await;
        assert_eq!(ready["op"], "ready", "{ready:#}");
        (socket, ready["d"].clone())
    }
}

/// A WebSocket of a client.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens a socket; the status when the server does not.
    pub(crate) async fn open(world: &World, path: &str, protocols: &[String]) -> Result<Self, u16> {
        use tokio_tungstenite::tungstenite::Error;
        let url = world.url(path).replacen("http", "ws", 1);
        let mut request = url.into_client_request().unwrap();
        if !protocols.is_empty() {
            let value = HeaderValue::try_from(protocols.join(", ")).unwrap();
            request
                .headers_mut()
                .insert("sec-websocket-protocol", value);
        }
        match connect_async(request).await {
            Ok((socket, _response)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("cannot connect: {error}"),
        }
    }

    pub(crate) async fn send(&mut self, frame: &Value) {
        self.send_text(&frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.0.send(Message::text(text.to_owned())).await.unwrap();
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> Value {
        match self.next_or_close().await {
            Ok(frame) => frame,
            Err(code) => panic!("closed with {code}"),
        }
    }

    /// The next frame of this kind; others before it are passed over.
    pub(crate) async fn next_op(&mut self, op: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["op"] == op {
                return frame;
            }
        }
    }

    /// The next frame, or the code with which the server closed (1006 when it said nothing).
    ///
    /// Who comes and goes and what the member is notified of is passed over: [`Socket::presence`]
    /// and [`Socket::notified`] read that.
    pub(crate) async fn next_or_close(&mut self) -> Result<Value, u16> {
        let passed = ["presence", "online", "notification.created"];
        loop {
            let frame = self.any_or_close().await?;
            if !passed.iter().any(|op| frame["op"] == *op) {
                return Ok(frame);
            }
        }
    }

    /// The next notification; other frames are passed over.
    pub(crate) async fn notified(&mut self) -> Value {
        loop {
            let frame = self.any().await;
            if frame["op"] == "notification.created" {
                return frame["d"].clone();
            }
        }
    }

    /// What comes next, of whatever kind.
    pub(crate) async fn any(&mut self) -> Value {
        self.any_or_close().await.unwrap()
    }

    /// What is told next of whether this member is there; other frames are passed over.
    pub(crate) async fn presence(&mut self, member: &Member<'_>) -> Value {
        loop {
            let frame = self.any().await;
            if frame["op"] == "presence" && frame["d"]["user_id"] == member.id.as_str() {
                assert!(frame.get("seq").is_none(), "{frame:#}");
                return frame["d"].clone();
            }
        }
    }

    /// What comes before the answer to a heartbeat that is sent now.
    pub(crate) async fn told_before_heartbeat(&mut self) -> Vec<Value> {
        self.send(&json!({"op": "heartbeat", "d": "here"})).await;
        let mut told = Vec::new();
        loop {
            let frame = self.any().await;
            if frame["op"] == "heartbeat.ack" {
                return told;
            }
            told.push(frame);
        }
    }

    async fn any_or_close(&mut self) -> Result<Value, u16> {
        let within = Duration::from_secs(10);
        loop {
            let message = timeout(within, self.0.next())
                .await
                .expect("a frame in time");
            match message {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(Some(frame)))) => return Err(frame.code.into()),
                Some(Ok(Message::Close(None)) | Err(_)) | None => return Err(1006),
                Some(Ok(_)) => {}
            }
        }
    }

    /// The code with which the server closes; frames before that are passed over.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next_or_close().await {
                return code;
            }
        }
    }

    /// Checks that nothing comes for a while.
    pub(crate) async fn silent(&mut self) {
        let quiet = timeout(Duration::from_millis(150), self.next_or_close()).await;
        assert!(quiet.is_err(), "{quiet:?}");
    }
}
