//! The gateway of the built program, with all sockets of one member.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::crowd::Crowd;
use crate::figures::{FRAMES, Figures, SINGLE, percentiles};
use crate::server::Server;
use crate::wire::open;

/// Requests under way at once.
const AT_ONCE: usize = 8;
/// Sockets that are open before memory is looked at: with them come the caches of the database, the
/// threads and all else of which there is one, however many sockets there are.
const EARLY: usize = 100;

/// A node with one member who has all the sockets.
struct Node {
    server: Server,
    client: Client,
    address: String,
    token: String,
}

impl Node {
    async fn start(directory: &Path, sockets: usize) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_folkmoot"));
        command
            .current_dir(directory)
            .env_clear()
            .env(
                "FOLKMOOT_LIMITS__SOCKETS_PER_USER",
                sockets.min(10_000).to_string(),
            )
            .env("FOLKMOOT_TELEMETRY__LOG", "warn")
            .args(["--bind", "127.0.0.1:0"]);
        let server = Server::start(&mut command);
        let after = server.greeting.split(" on ").nth(1).unwrap();
        let address = after.split(',').next().unwrap().to_owned();
        let mut node = Self {
            server,
            client: Client::builder().no_proxy().build().unwrap(),
            address,
            token: String::new(),
        };
        let body = json!({"username": "crier", "password": "correct horse battery staple"});
        let made = node.ask(Method::POST, "/api/v1/auth/signup", &body).await;
        made["access_token"]
            .as_str()
            .unwrap()
            .clone_into(&mut node.token);
        let limits = "/api/v1/admin/rate-limits";
        let mut settings = node.ask(Method::GET, limits, &Value::Null).await;
        settings["enabled"] = json!(false);
        node.ask(Method::PUT, limits, &settings).await;
        node
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Value {
        let url = format!("http://{}{path}", self.address);
        let mut request = self.client.request(method.clone(), url);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if method != Method::GET {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    /// The channel that everybody is in.
    async fn channel(&self) -> String {
        let mine = self
            .ask(Method::GET, "/api/v1/communities", &Value::Null)
            .await;
        let id = mine["items"][0]["id"].as_str().unwrap();
        let path = format!("/api/v1/communities/{id}/channels");
        let listed = self.ask(Method::GET, &path, &Value::Null).await;
        listed["items"][0]["id"].as_str().unwrap().to_owned()
    }
}

/// The figures of the gateway, with the text of one frame.
pub(crate) async fn measure(sockets: usize) -> (Figures, String) {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::start(directory.path(), sockets).await;
    let channel = node.channel().await;
    let path = format!("/api/v1/channels/{channel}/messages");
    let body = json!({"content": "The moot is open. Come in, and mind the step."});
    let offer = format!(
        "Sec-WebSocket-Protocol: folkmoot.v1, bearer.{}\r\n",
        node.token
    );
    // What the first socket and message need beside themselves is no part of the figures.
    let mut first = open(&node.address, &offer, 1, true).await;
    node.ask(Method::POST, &path, &body).await;
    let text = first[0].next().await.unwrap();
    let text = String::from_utf8(text.to_vec()).unwrap();
    drop(first);
    let mut wires = open(&node.address, &offer, EARLY, true).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = node.server.memory();
    let further = sockets - EARLY;
    wires.extend(open(&node.address, &offer, further, true).await);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let kib = (node.server.memory() - before) / further as f64;

    let crowd = Crowd::read(wires);
    let mut times = Vec::new();
    for _ in 0..SINGLE {
        crowd.count.expect(sockets);
        let began = Instant::now();
        node.ask(Method::POST, &path, &body).await;
        crowd.count.wait().await;
        times.push(began.elapsed());
    }
    let rounds = FRAMES.div_ceil(sockets);
    crowd.count.expect(rounds * sockets);
    let began = Instant::now();
    let saying = (0..rounds).map(|_| node.ask(Method::POST, &path, &body));
    let saying = futures_util::stream::iter(saying).buffer_unordered(AT_ONCE);
    let saying = saying.for_each(|_said| std::future::ready(()));
    tokio::join!(saying, crowd.count.wait());
    let per_second = (rounds * sockets) as f64 / began.elapsed().as_secs_f64();
    let (p50, p99) = percentiles(times);
    let figures = Figures {
        per_second,
        p50,
        p99,
        kib,
    };
    (figures, text)
}
