//! Whoever loses their sign-in or the sight of a channel hears nothing of it a second later, however
//! fast it is written in (I9): measured from the answer to the act to the last frame.
//!
//! The long form does each act 100 times, on one process with SQLite, and on two with one PostgreSQL
//! and one Redis, the act at one and the sockets at the other.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use federation_core::store::sql::Backend;
use federation_core::testing::TestDatabase;
use futures_util::StreamExt as _;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::processes::{Process, Socket};
use super::redis::Redis;
use crate::app::PASSWORD;

/// What is said later than this after the answer to the act does not come any more.
const BAR: Duration = Duration::from_secs(1);
/// Between two messages: 200 in a second.
const PACE: Duration = Duration::from_millis(5);
/// Messages under way at once.
const AT_ONCE: usize = 8;
/// How many have to be said too late before it is believed that none of them comes.
const TOO_LATE: usize = 10;
/// What a direct message says after all else; sent last, it comes last.
const END: &str = "that is all";
const PATIENCE: Duration = Duration::from_secs(30);

/// What ends it.
#[derive(Clone, Copy, Debug)]
enum Act {
    TokenRevoked,
    Banned,
    RoleTaken,
    Denied,
}

impl Act {
    const ALL: [Self; 4] = [
        Self::TokenRevoked,
        Self::Banned,
        Self::RoleTaken,
        Self::Denied,
    ];
}

impl fmt::Display for Act {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TokenRevoked => "token revoked",
            Self::Banned => "banned from the community",
            Self::RoleTaken => "role taken away",
            Self::Denied => "sight denied to the member",
        })
    }
}

/// Somebody it is done to.
struct Listener {
    name: String,
    id: String,
    access: String,
    refresh: String,
    /// Their conversation with the owner.
    dm: String,
}

/// What is said in the channel: numbers, and when each was sent.
struct Speech {
    client: Client,
    url: String,
    token: String,
    sent: Mutex<Vec<Instant>>,
    is_over: AtomicBool,
}

impl Speech {
    /// Speaks until it is over.
    async fn speak(self: Arc<Self>) {
        let mut beat = interval(PACE);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut saying = JoinSet::new();
        while !self.is_over.load(Ordering::SeqCst) {
            beat.tick().await;
            let place = Arc::clone(&places).acquire_owned().await.unwrap();
            let speech = Arc::clone(&self);
            saying.spawn(async move {
                speech.say().await;
                drop(place);
            });
        }
        saying.join_all().await;
    }

    async fn say(&self) {
        let number = {
            let mut sent = self.sent.lock().unwrap();
            sent.push(Instant::now());
            sent.len() - 1
        };
        let request = self.client.post(&self.url).bearer_auth(&self.token);
        let request = request.json(&json!({"content": number.to_string()}));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 201);
        let _whole = answer.bytes().await.unwrap();
    }

    /// How many were sent after this.
    fn since(&self, moment: Instant) -> usize {
        let sent = self.sent.lock().unwrap();
        sent.iter().filter(|at| **at > moment).count()
    }
}

/// What a socket told of the channel, and how it ended.
struct Heard {
    numbers: Vec<(usize, Instant)>,
    /// The code with which it was closed; none when it told of the end.
    closed: Option<u16>,
}

/// Reads until the end is told or the socket is closed; tells of the first number at once.
async fn listen(mut socket: Socket, first: oneshot::Sender<()>) -> Heard {
    let mut first = Some(first);
    let mut numbers = Vec::new();
    loop {
        let next = timeout(PATIENCE, socket.next()).await;
        let text = match next.expect("a frame in time") {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(Some(frame)))) => {
                let closed = Some(frame.code.into());
                return Heard { numbers, closed };
            }
            Some(Ok(_)) => continue,
            other => panic!("the socket broke: {other:?}"),
        };
        let at = Instant::now();
        let frame: Value = serde_json::from_str(&text).unwrap();
        if frame["op"] != "message.created" {
            continue;
        }
        let content = frame["d"]["content"].as_str().unwrap();
        if content == END {
            let closed = None;
            return Heard { numbers, closed };
        }
        numbers.push((content.parse().unwrap(), at));
        if let Some(first) = first.take() {
            first.send(()).unwrap();
        }
    }
}

/// A node with a channel that a role gives the sight of.
struct Node {
    /// The acts are done at the first, the sockets are at the last.
    processes: Vec<Process>,
    client: Client,
    owner: String,
    community: String,
    channel: String,
    role: String,
    /// The code of an invitation that serves for everybody.
    invite: String,
    listeners: Vec<Listener>,
}

impl Node {
    async fn start(processes: Vec<Process>, listeners: usize) -> Self {
        let mut node = Self {
            processes,
            client: Client::builder().no_proxy().build().unwrap(),
            owner: String::new(),
            community: String::new(),
            channel: String::new(),
            role: String::new(),
            invite: String::new(),
            listeners: Vec::new(),
        };
        for process in &node.processes {
            process.is(&node.client, "ok").await;
        }
        node.owner = text(&node.enter("signup", "owner").await, "access_token");
        let limits = "/api/v1/admin/rate-limits";
        let mut settings = node.by_owner(Method::GET, limits, &Value::Null).await;
        settings["enabled"] = json!(false);
        node.by_owner(Method::PUT, limits, &settings).await;
        let village = json!({"slug": "village", "name": "The village"});
        node.community = node.make("/api/v1/communities", &village).await;
        let invites = node.within("/invites");
        let made = node.by_owner(Method::POST, &invites, &json!({})).await;
        node.invite = text(&made, "code");
        let hall = json!({"name": "hall", "is_private": true});
        node.channel = node.make(&node.within("/channels"), &hall).await;
        let sighted = json!({"name": "sighted", "permissions": ["view_channel"]});
        node.role = node.make(&node.within("/roles"), &sighted).await;
        let path = format!(
            "/api/v1/channels/{}/overrides/roles/{}",
            node.channel, node.role
        );
        let sees = json!({"allow": ["view_channel", "read_history"]});
        node.by_owner(Method::PUT, &path, &sees).await;
        for number in 0..listeners {
            let name = format!("listener{number}");
            let made = node.enter("signup", &name).await;
            let recipients = json!({"recipients": [name]});
            let listener = Listener {
                name,
                id: text(&made["user"], "id"),
                access: text(&made, "access_token"),
                refresh: text(&made, "refresh_token"),
                dm: node.make("/api/v1/dms", &recipients).await,
            };
            node.let_in(&listener).await;
            node.listeners.push(listener);
        }
        node
    }

    /// Signs up or in.
    async fn enter(&self, how: &str, name: &str) -> Value {
        let path = format!("/api/v1/auth/{how}");
        let body = json!({"username": name, "password": PASSWORD});
        self.processes[0].post(&self.client, &path, &body).await
    }

    async fn ask(&self, token: &str, method: Method, path: &str, body: &Value) -> Value {
        let request = self.client.request(method, self.processes[0].url(path));
        let mut request = request.bearer_auth(token);
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    async fn by_owner(&self, method: Method, path: &str, body: &Value) -> Value {
        self.ask(&self.owner, method, path, body).await
    }

    /// Makes something; answers its id.
    async fn make(&self, path: &str, body: &Value) -> String {
        text(&self.by_owner(Method::POST, path, body).await, "id")
    }

    /// An address below that of the community.
    fn within(&self, rest: &str) -> String {
        format!("/api/v1/communities/{}{rest}", self.community)
    }

    fn of_role(&self, listener: &Listener) -> String {
        self.within(&format!("/members/{}/roles/{}", listener.id, self.role))
    }

    fn of_ban(&self, listener: &Listener) -> String {
        self.within(&format!("/bans/{}", listener.id))
    }

    fn of_override(&self, listener: &Listener) -> String {
        format!(
            "/api/v1/channels/{}/overrides/members/{}",
            self.channel, listener.id
        )
    }

    async fn let_in(&self, listener: &Listener) {
        let join = json!({"invite": self.invite});
        let path = "/api/v1/communities/join";
        self.ask(&listener.access, Method::POST, path, &join).await;
        let path = self.of_role(listener);
        self.by_owner(Method::PUT, &path, &json!({})).await;
    }

    async fn act(&self, act: Act, listener: &Listener) {
        match act {
            Act::TokenRevoked => {
                let body = json!({"refresh_token": listener.refresh});
                let path = "/api/v1/auth/logout";
                self.processes[0].post(&self.client, path, &body).await;
            }
            Act::Banned => {
                let (path, body) = (self.of_ban(listener), json!({"reason": "turnips"}));
                self.by_owner(Method::PUT, &path, &body).await;
            }
            Act::RoleTaken => {
                let path = self.of_role(listener);
                self.by_owner(Method::DELETE, &path, &Value::Null).await;
            }
            Act::Denied => {
                let (path, body) = (
                    self.of_override(listener),
                    json!({"deny": ["view_channel"]}),
                );
                self.by_owner(Method::PUT, &path, &body).await;
            }
        }
    }

    /// Takes an act back.
    async fn restore(&mut self, act: Act) {
        let mut listeners = std::mem::take(&mut self.listeners);
        for listener in &mut listeners {
            match act {
                Act::TokenRevoked => {
                    let entered = self.enter("login", &listener.name).await;
                    listener.access = text(&entered, "access_token");
                    listener.refresh = text(&entered, "refresh_token");
                }
                Act::Banned => {
                    let path = self.of_ban(listener);
                    self.by_owner(Method::DELETE, &path, &Value::Null).await;
                    self.let_in(listener).await;
                }
                Act::RoleTaken => {
                    let path = self.of_role(listener);
                    self.by_owner(Method::PUT, &path, &json!({})).await;
                }
                Act::Denied => {
                    let path = self.of_override(listener);
                    self.by_owner(Method::DELETE, &path, &Value::Null).await;
                }
            }
        }
        self.listeners = listeners;
    }

    /// Opens a socket and waits until it tells of the channel.
    async fn hearing(&self, token: &str) -> JoinHandle<Heard> {
        let process = self.processes.last().unwrap();
        let (first, told) = oneshot::channel();
        let heard = tokio::spawn(listen(process.socket(token).await, first));
        let told = timeout(PATIENCE, told).await.expect("a first one in time");
        told.unwrap();
        heard
    }

    /// Does it to everybody while the channel is written in; answers for each how long after the
    /// answer to the act something came that was said after it.
    async fn wave(&self, act: Act) -> Vec<Duration> {
        let path = format!("/api/v1/channels/{}/messages", self.channel);
        let speech = Arc::new(Speech {
            client: self.client.clone(),
            url: self.processes[0].url(&path),
            token: self.owner.clone(),
            sent: Mutex::new(Vec::new()),
            is_over: AtomicBool::new(false),
        });
        let speaking = tokio::spawn(Arc::clone(&speech).speak());
        let witness = self.hearing(&self.owner).await;
        let mut hearing = Vec::new();
        for listener in &self.listeners {
            hearing.push(self.hearing(&listener.access).await);
        }
        let mut answers = Vec::new();
        for listener in &self.listeners {
            self.act(act, listener).await;
            answers.push(Instant::now());
        }
        let late = *answers.last().unwrap() + BAR;
        let began = Instant::now();
        while speech.since(late) < TOO_LATE {
            assert!(began.elapsed() < PATIENCE, "{act}: nothing more was said");
            sleep(PACE).await;
        }
        speech.is_over.store(true, Ordering::SeqCst);
        speaking.await.unwrap();
        for listener in &self.listeners {
            let path = format!("/api/v1/channels/{}/messages", listener.dm);
            let body = json!({"content": END});
            self.by_owner(Method::POST, &path, &body).await;
        }
        let sent = speech.sent.lock().unwrap().clone();
        let witnessed = timeout(PATIENCE, witness).await.unwrap().unwrap();
        let last = witnessed.numbers.iter().map(|(number, _)| *number).max();
        assert_eq!(last, Some(sent.len() - 1), "who stays hears the last one");
        let mut took = Vec::new();
        for (hearing, answered) in hearing.into_iter().zip(answers) {
            let heard = timeout(PATIENCE, hearing).await.unwrap().unwrap();
            let ends = matches!(act, Act::TokenRevoked).then_some(4401);
            assert_eq!(heard.closed, ends, "{act}");
            let mut longest = Duration::ZERO;
            for (number, at) in heard.numbers {
                let after = sent[number].saturating_duration_since(answered);
                assert!(after <= BAR, "{act}: said {after:?} after it, and told");
                if after > Duration::ZERO {
                    longest = longest.max(at.saturating_duration_since(answered));
                }
            }
            took.push(longest);
        }
        took
    }

    /// Does each act in so many waves; prints how long it took.
    async fn measure(&mut self, name: &str, waves: usize) {
        for act in Act::ALL {
            let mut took = Vec::new();
            for _ in 0..waves {
                took.extend(self.wave(act).await);
                self.restore(act).await;
            }
            took.sort();
            let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
            println!(
                "{name}, {act}: last frame after p50 {:?}, p99 {:?}, at most {:?} (n={})",
                at(50),
                at(99),
                at(100),
                took.len()
            );
        }
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap().to_owned()
}

async fn one_process((waves, listeners): (usize, usize)) {
    let database = TestDatabase::create(Backend::Sqlite);
    let directory = tempfile::tempdir().unwrap();
    let processes = vec![Process::alone(directory.path(), &database)];
    let mut node = Node::start(processes, listeners).await;
    node.measure("one process, SQLite", waves).await;
}

async fn two_processes((waves, listeners): (usize, usize)) {
    let database = TestDatabase::create(Backend::Postgres);
    let directory = tempfile::tempdir().unwrap();
    let redis = Redis::start();
    let start = |path: &Path| Process::start(path, &database, &redis);
    let processes = vec![start(directory.path()), start(directory.path())];
    let mut node = Node::start(processes, listeners).await;
    node.measure("two processes, PostgreSQL and Redis", waves)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn I9_sockets_fall_silent_within_a_second_at_one_process() {
    one_process((1, 3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn I9_sockets_fall_silent_within_a_second_at_another_process() {
    two_processes((1, 3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the long form, for cargo xtask soak"]
async fn soak_sockets_fall_silent_within_a_second() {
    let size = (10, 10);
    one_process(size).await;
    two_processes(size).await;
}
