//! Two real processes on one PostgreSQL and one Redis: what one ends, the other refuses at once.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use federation_core::store::sql::Backend;
use federation_core::testing::TestDatabase;
use futures_util::StreamExt as _;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::redis::Redis;
use crate::app::PASSWORD;

/// No revocation takes longer, with Redis or without.
const BAR: Duration = Duration::from_secs(1);
/// With Redis half of them are through by then; looking into the database alone takes longer.
const TOLD: Duration = Duration::from_millis(150);
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// One process of the node.
pub(super) struct Process {
    child: Child,
    address: String,
}

impl Process {
    pub(super) fn start(directory: &Path, database: &TestDatabase, redis: &Redis) -> Self {
        let mut command = Self::command(directory, database);
        Self::spawn(command.env("FOLKMOOT_CACHE__URL", redis.url()))
    }

    /// A process that is a node by itself.
    pub(super) fn alone(directory: &Path, database: &TestDatabase) -> Self {
        Self::spawn(&mut Self::command(directory, database))
    }

    fn command(directory: &Path, database: &TestDatabase) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_folkmoot"));
        command
            .current_dir(directory)
            .env_clear()
            .env("FOLKMOOT_DATABASE__URL", database.url_text())
            .env("FOLKMOOT_SERVER__PUBLIC_URL", "http://moot.example")
            .args(["--bind", "127.0.0.1:0"]);
        command
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().expect("it starts").unwrap();
        let after = first.split(" on ").nth(1).unwrap();
        let address = after.split(',').next().unwrap().to_owned();
        // Whoever writes to a closed pipe ends.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    /// Its address, for those who open sockets themselves.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Kills it as a machine that loses its power would (SIGKILL).
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) async fn is(&self, client: &Client, status: &str) {
        let reached = async {
            loop {
                let answer = client.get(self.url("/readyz")).send().await.unwrap();
                assert_eq!(answer.status(), 200);
                if answer.json::<Value>().await.unwrap()["status"] == status {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let reached = timeout(PATIENCE, reached).await;
        reached.unwrap_or_else(|_elapsed| panic!("it is not {status}"));
    }

    pub(super) async fn post(&self, client: &Client, path: &str, body: &Value) -> Value {
        let answer = client.post(self.url(path)).json(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap_or_default()
    }

    /// A socket that was greeted.
    pub(super) async fn socket(&self, token: &str) -> Socket {
        let mut request = format!("ws://{}/ws", self.address)
            .into_client_request()
            .unwrap();
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        let (mut socket, _answer) = connect_async(request).await.unwrap();
        let ready = timeout(PATIENCE, socket.next()).await.unwrap();
        let ready = ready.unwrap().unwrap();
        assert!(ready.to_text().unwrap().contains("\"ready\""), "{ready}");
        socket
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// How long it took until the other process closed the socket and refused the token.
#[derive(Clone, Copy)]
struct Took {
    closed: Duration,
    refused: Duration,
}

/// A node of two processes.
struct Node {
    here: Process,
    there: Process,
    client: Client,
}

impl Node {
    async fn start(directory: &Path, database: &TestDatabase, redis: &Redis) -> Self {
        let node = Self {
            here: Process::start(directory, database, redis),
            there: Process::start(directory, database, redis),
            client: Client::builder().no_proxy().build().unwrap(),
        };
        node.are("ok").await;
        let body = json!({"username": "alice", "password": PASSWORD});
        let owner = node
            .here
            .post(&node.client, "/api/v1/auth/signup", &body)
            .await;
        node.unlimit(owner["access_token"].as_str().unwrap()).await;
        node
    }

    /// Lets an account ask as often as this test does.
    async fn unlimit(&self, owner: &str) {
        let limits = self.here.url("/api/v1/admin/rate-limits");
        let shown = self.client.get(&limits).bearer_auth(owner).send().await;
        let mut settings: Value = shown.unwrap().json().await.unwrap();
        settings["enabled"] = json!(false);
        let set = self.client.put(&limits).bearer_auth(owner);
        let set = set.json(&settings).send().await.unwrap();
        assert!(set.status().is_success(), "{set:?}");
    }

    async fn are(&self, status: &str) {
        self.here.is(&self.client, status).await;
        self.there.is(&self.client, status).await;
    }

    /// Signs in here, works there, and ends the session here.
    async fn revoke(&self) -> Took {
        let body = json!({"username": "alice", "password": PASSWORD});
        let signed_in = self
            .here
            .post(&self.client, "/api/v1/auth/login", &body)
            .await;
        let token = signed_in["access_token"].as_str().unwrap();
        let mut socket = self.there.socket(token).await;
        assert_eq!(self.ask(token).await, 200);
        let started = Instant::now();
        let body = json!({"refresh_token": signed_in["refresh_token"]});
        self.here
            .post(&self.client, "/api/v1/auth/logout", &body)
            .await;
        let closed = async {
            loop {
                match socket.next().await {
                    Some(Ok(Message::Close(Some(frame)))) => {
                        assert_eq!(u16::from(frame.code), 4401);
                        return started.elapsed();
                    }
                    Some(Ok(_)) => {}
                    other => panic!("the socket broke: {other:?}"),
                }
            }
        };
        let refused = async {
            loop {
                match self.ask(token).await {
                    200 => tokio::time::sleep(Duration::from_millis(1)).await,
                    401 => return started.elapsed(),
                    status => panic!("{status}"),
                }
            }
        };
        let both = async { tokio::join!(closed, refused) };
        let (closed, refused) = timeout(PATIENCE, both).await.expect("it is refused");
        // It stays so.
        assert_eq!(self.ask(token).await, 401);
        Took { closed, refused }
    }

    async fn ask(&self, token: &str) -> u16 {
        let request = self.client.get(self.there.url("/api/v1/users/@me"));
        let answer = request.bearer_auth(token).send().await.unwrap();
        answer.status().as_u16()
    }

    /// Does it `times` over; prints and answers the medians.
    async fn measure(&self, name: &str, times: usize) -> Took {
        let mut took = Vec::new();
        for _ in 0..times {
            took.push(self.revoke().await);
        }
        let sorted = |pick: fn(&Took) -> Duration| {
            let mut times: Vec<Duration> = took.iter().map(pick).collect();
            times.sort();
            times
        };
        let (closed, refused) = (sorted(|took| took.closed), sorted(|took| took.refused));
        for (what, times) in [("socket closed", &closed), ("REST refused", &refused)] {
            let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
            println!(
                "{name}: {what} after p50 {:?}, p99 {:?}, at most {:?} (n={})",
                at(50),
                at(99),
                at(100),
                times.len()
            );
            assert!(at(100) < BAR, "{name}: {what}: {times:?}");
        }
        Took {
            closed: closed[closed.len() / 2],
            refused: refused[refused.len() / 2],
        }
    }
}

async fn revocations(times: usize) {
    let database = TestDatabase::create(Backend::Postgres);
    let directory = tempfile::tempdir().unwrap();
    let mut redis = Redis::start();
    let node = Node::start(directory.path(), &database, &redis).await;
    let told = node.measure("with Redis", times).await;
    assert!(told.closed < TOLD && told.refused < TOLD);
    redis.kill();
    // The first ones fall into the time in which nobody has noticed yet.
    node.measure("Redis just killed", times.min(3)).await;
    node.are("degraded").await;
    node.measure("without Redis", times).await;
    redis.start_again();
    node.are("ok").await;
    let told = node.measure("Redis back", times).await;
    assert!(told.closed < TOLD && told.refused < TOLD);
}

#[tokio::test]
async fn I9_two_processes_end_what_one_revokes() {
    revocations(10).await;
}

#[tokio::test]
#[ignore = "the long form, for cargo xtask soak"]
async fn soak_two_processes_end_what_one_revokes() {
    revocations(100).await;
}
