//! Clients that are cut off at random, and a process that is killed: each client has the whole sequence,
//! every message once and in order.
//!
//! The long form has 1,000 clients for three minutes; `FOLKMOOT_TEST_CLIENTS` and
//! `FOLKMOOT_TEST_SECONDS` say otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use federation_core::store::sql::Backend;
use federation_core::testing::TestDatabase;
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::processes::Process;
use super::redis::Redis;
use crate::app::PASSWORD;

const PATIENCE: Duration = Duration::from_mins(1);
/// Members who share the clients; a member may have 20 sockets.
const SOCKETS_EACH: usize = 10;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Numbers that look random and come again with the same seed (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Where clients find the node; a process that is gone is left out.
type Addresses = watch::Receiver<Vec<String>>;

/// A client that comes back until it has the message `last`.
struct Returning {
    token: String,
    addresses: Addresses,
    dice: Dice,
    cuts: Arc<AtomicUsize>,
    /// Nobody is cut off any more.
    calm: Arc<AtomicBool>,
}

impl Returning {
    async fn open(&mut self, resume: i64) -> Option<Socket> {
        let addresses = self.addresses.borrow().clone();
        let count = u64::try_from(addresses.len()).unwrap();
        let at = usize::try_from(self.dice.below(count)).unwrap();
        let url = format!("ws://{}/ws", addresses[at]);
        let (mut socket, _answer) = timeout(PATIENCE, connect_async(url)).await.ok()?.ok()?;
        let identify = json!({"op": "identify", "d": {"token": self.token, "resume": resume}});
        let sent = socket.send(Message::text(identify.to_string())).await;
        sent.ok()?;
        Some(socket)
    }

    /// Reads until the message `last`; answers all texts in the order in which they came.
    async fn run(mut self, start: i64, last: String) -> Vec<String> {
        let mut seen = start;
        let mut texts = Vec::new();
        loop {
            let Some(mut socket) = self.open(seen).await else {
                sleep(Duration::from_millis(50)).await;
                continue;
            };
            // After so many frames, or at the latest after so long, the line is cut without a word.
            let frames = self.dice.below(40);
            let until = Instant::now() + Duration::from_millis(200 + self.dice.below(3_000));
            let mut read = 0;
            loop {
                let is_calm = self.calm.load(Ordering::SeqCst);
                if !is_calm && (read > frames || Instant::now() > until) {
                    self.cuts.fetch_add(1, Ordering::SeqCst);
                    break;
                }
                let next = timeout(Duration::from_millis(500), socket.next()).await;
                let text = match next {
                    Ok(Some(Ok(Message::Text(text)))) => text,
                    Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) => break,
                    // Nothing came, or nothing that tells anything.
                    Err(_) | Ok(Some(Ok(_))) => continue,
                };
                let frame: Value = serde_json::from_str(&text).unwrap();
                if frame["op"] == "ready" {
                    assert_eq!(frame["d"]["resumed"], true, "{frame:#}");
                    assert_eq!(frame["d"]["seq"].as_i64(), Some(seen));
                }
                let Some(seq) = frame["seq"].as_i64() else {
                    continue;
                };
                read += 1;
                assert!(seq > seen, "{seq} after {seen}: told twice or out of order");
                seen = seq;
                if frame["op"] == "message.created" {
                    let text = frame["d"]["content"].as_str().unwrap().to_owned();
                    let is_last = text == last;
                    texts.push(text);
                    if is_last {
                        return texts;
                    }
                }
            }
        }
    }
}

/// How large.
#[derive(Clone, Copy)]
struct Size {
    clients: usize,
    seconds: u64,
}

/// A node of two processes, with members in a conversation whose messages are sent all the time.
struct Node {
    processes: Vec<Process>,
    client: Client,
    tokens: Vec<String>,
    channel: String,
}

impl Node {
    async fn start(
        directory: &std::path::Path,
        database: &TestDatabase,
        redis: &Redis,
        clients: usize,
    ) -> Self {
        let start = || Process::start(directory, database, redis);
        let processes = vec![start(), start()];
        let client = Client::builder().no_proxy().build().unwrap();
        for process in &processes {
            process.is(&client, "ok").await;
        }
        let mut node = Self {
            processes,
            client,
            tokens: Vec::new(),
            channel: String::new(),
        };
        for number in 0..clients.div_ceil(SOCKETS_EACH).max(2) {
            let body = json!({"username": format!("member{number}"), "password": PASSWORD});
            let first = &node.processes[0];
            let made = first.post(&node.client, "/api/v1/auth/signup", &body).await;
            let token = made["access_token"].as_str().unwrap().to_owned();
            if number == 0 {
                node.unlimit(&token).await;
            }
            node.tokens.push(token);
        }
        node.channel = node.community().await;
        node
    }

    async fn ask(&self, to: usize, method: reqwest::Method, path: &str, body: &Value) -> Value {
        let request = self.client.request(method, self.processes[to].url(path));
        let request = request.bearer_auth(&self.tokens[0]).json(body);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Lets the tests ask as often as they do; everybody comes from one address.
    async fn unlimit(&self, owner: &str) {
        let path = self.processes[0].url("/api/v1/admin/rate-limits");
        let shown = self.client.get(&path).bearer_auth(owner).send().await;
        let mut settings: Value = shown.unwrap().json().await.unwrap();
        settings["enabled"] = json!(false);
        let set = self.client.put(&path).bearer_auth(owner).json(&settings);
        assert!(set.send().await.unwrap().status().is_success());
    }

    /// The channel of the community that everybody is in.
    async fn community(&self) -> String {
        let list = async |path: &str| {
            let found = self.ask(0, reqwest::Method::GET, path, &Value::Null).await;
            found["items"][0]["id"].as_str().unwrap().to_owned()
        };
        let community = list("/api/v1/communities").await;
        list(&format!("/api/v1/communities/{community}/channels")).await
    }

    async fn say(&self, by: usize, text: &str) {
        let path = format!("/api/v1/channels/{}/messages", self.channel);
        let body = json!({"content": text});
        self.ask(by, reqwest::Method::POST, &path, &body).await;
    }

    /// The number from which all clients begin.
    async fn head(&self) -> i64 {
        let url = format!("ws://{}/ws", self.processes[0].address());
        let (mut socket, _answer) = connect_async(url).await.unwrap();
        let identify = json!({"op": "identify", "d": {"token": self.tokens[0]}});
        let sent = socket.send(Message::text(identify.to_string())).await;
        sent.unwrap();
        let ready = timeout(PATIENCE, socket.next()).await.unwrap().unwrap();
        let ready: Value = serde_json::from_str(ready.unwrap().to_text().unwrap()).unwrap();
        assert_eq!(ready["op"], "ready", "{ready:#}");
        ready["d"]["seq"].as_i64().unwrap()
    }
}

async fn nobody_loses_anything(size: Size) {
    let database = TestDatabase::create(Backend::Postgres);
    let directory = tempfile::tempdir().unwrap();
    let redis = Redis::start();
    let mut node = Node::start(directory.path(), &database, &redis, size.clients).await;
    let all: Vec<String> = node
        .processes
        .iter()
        .map(|process| process.address().to_owned())
        .collect();
    let (addresses, known) = watch::channel(all.clone());
    let (cuts, calm) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let start = node.head().await;
    let last = "the last one".to_owned();
    let mut clients = Vec::new();
    for number in 0..size.clients {
        let returning = Returning {
            token: node.tokens[number / SOCKETS_EACH].clone(),
            addresses: known.clone(),
            dice: Dice(0x9e37_79b9_7f4a_7c15 ^ u64::try_from(number + 1).unwrap()),
            cuts: cuts.clone(),
            calm: calm.clone(),
        };
        clients.push(tokio::spawn(returning.run(start, last.clone())));
    }
    let began = Instant::now();
    let whole = Duration::from_secs(size.seconds);
    let mut said: Vec<String> = Vec::new();
    let mut living = vec![0, 1];
    while began.elapsed() < whole {
        if living.len() == 2 && began.elapsed() > whole / 2 {
            // Its clients find themselves without a word, and go to the other one.
            node.processes[1].kill();
            living.pop();
            addresses.send(all[..1].to_vec()).unwrap();
        }
        let text = said.len().to_string();
        node.say(living[said.len() % living.len()], &text).await;
        said.push(text);
        sleep(Duration::from_millis(25)).await;
    }
    calm.store(true, Ordering::SeqCst);
    node.say(0, &last).await;
    said.push(last);
    for client in clients {
        let got = timeout(PATIENCE.saturating_mul(3), client).await;
        let got = got.expect("a client never had the last one").unwrap();
        assert_eq!(got, said);
    }
    println!(
        "{} clients, {} messages, {} cuts, nothing lost and nothing twice",
        size.clients,
        said.len(),
        cuts.load(Ordering::SeqCst)
    );
    assert!(cuts.load(Ordering::SeqCst) >= size.clients);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_clients_that_are_cut_off_and_a_killed_process_lose_nothing() {
    let size = Size {
        clients: 50,
        seconds: 8,
    };
    nobody_loses_anything(size).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the long form, for cargo xtask soak"]
async fn soak_clients_that_are_cut_off_lose_nothing() {
    let number = |name: &str, default: u64| {
        let set = std::env::var_os(name);
        set.map_or(default, |text| text.to_str().unwrap().parse().unwrap())
    };
    let clients = usize::try_from(number("FOLKMOOT_TEST_CLIENTS", 1_000)).unwrap();
    let seconds = number("FOLKMOOT_TEST_SECONDS", 180);
    nobody_loses_anything(Size { clients, seconds }).await;
}
