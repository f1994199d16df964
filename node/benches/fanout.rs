//! What it costs to tell many sockets the same: frames per second beside a bare loop that writes the same
//! bytes to as many sockets, and beside the npm package ws; memory of an idle socket; the time from a
//! request to the last socket.
//!
//! `cargo bench -p node --bench fanout`. `FOLKMOOT_TEST_SOCKETS` says other numbers than `1000,10000`;
//! `FOLKMOOT_TEST_WS` names the folder where the package ws is installed (`cargo xtask bench` does).
//! Each server is a process of its own; the clients are in this one. Ratios hold; absolute figures
//! are those of the machine.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a benchmark prints its table, works out figures, and stops at a failure"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::{Buf as _, BytesMut};
use futures_util::StreamExt as _;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Frames that are sent in all to measure how many go in a second.
const FRAMES: usize = 200_000;
/// Messages sent one after another to measure how long each takes.
const SINGLE: usize = 100;
/// Requests under way at once.
const AT_ONCE: usize = 8;
/// The gateway's share of what the bare loop does.
const SHARE_BAR: f64 = 0.7;
/// KiB of memory for an idle socket.
const MEMORY_BAR: f64 = 12.0;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(2);

fn main() {
    let mut arguments = std::env::args();
    if arguments.any(|argument| argument == "--bare") {
        return bare();
    }
    let sockets = std::env::var_os("FOLKMOOT_TEST_SOCKETS");
    let sockets = sockets.map_or("1000,10000".to_owned(), |text| text.into_string().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for count in sockets.split(',') {
        runtime.block_on(measure(count.trim().parse().unwrap()));
    }
}

/// What was found of one server.
struct Figures {
    per_second: f64,
    p50: Duration,
    p99: Duration,
    kib: f64,
}

async fn measure(sockets: usize) {
    let (ours, text) = gateway(sockets).await;
    let bare = plain(&mut bare_command(), sockets, &text).await;
    let ws = match ws_command() {
        Some(mut command) => Some(plain(&mut command, sockets, &text).await),
        None => None,
    };
    let times = |figures: &Figures| format!("{:.1?} / {:.1?}", figures.p50, figures.p99);
    println!(
        "| {sockets} sockets, {} bytes each | frames/s | of the bare loop | to the last socket, p50 / p99 | KiB per idle socket |",
        text.len()
    );
    println!("|---|---|---|---|---|");
    let row = |name: &str, figures: &Figures| {
        println!(
            "| {name} | {:.0} | {:.2} | {} | {:.1} |",
            figures.per_second,
            figures.per_second / bare.per_second,
            times(figures),
            figures.kib
        );
    };
    row("a bare loop", &bare);
    row("the gateway, from the request", &ours);
    match &ws {
        Some(ws) => row("npm ws", ws),
        None => println!("| npm ws | not installed: `cargo xtask bench` does it | | | |"),
    }
    let share = ours.per_second / bare.per_second;
    let held = |is_held| if is_held { "held" } else { "BROKEN" };
    println!(
        "bar: {SHARE_BAR} of the bare loop: {}",
        held(share >= SHARE_BAR)
    );
    println!(
        "bar: {MEMORY_BAR} KiB for an idle socket: {}",
        held(ours.kib < MEMORY_BAR)
    );
    println!();
    assert!(share >= SHARE_BAR, "{share}");
    assert!(ours.kib < MEMORY_BAR, "{}", ours.kib);
}

/// A server in a process of its own; it is killed when it is dropped.
struct Server {
    child: Child,
    input: Option<ChildStdin>,
    /// The first line that it prints.
    greeting: String,
}

impl Server {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let greeting = lines.next().expect("it starts").unwrap();
        // Whoever writes to a closed pipe ends.
        std::thread::spawn(move || lines.for_each(drop));
        let input = child.stdin.take();
        Self {
            child,
            input,
            greeting,
        }
    }

    /// KiB of memory that it has resident.
    fn memory(&self) -> f64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.unwrap().split_whitespace().nth(1);
        number.unwrap().parse().unwrap()
    }

    /// Tells a plain server to send `text` to everybody, so many times.
    fn say(&mut self, count: usize, text: &str) {
        let line = json!({"count": count, "text": text});
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
        input.flush().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A WebSocket that reads alone.
struct Wire {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Wire {
    async fn open(address: &str, protocols: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             {protocols}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut wire = Self {
            stream,
            buffer: BytesMut::with_capacity(1024),
        };
        let end = loop {
            let found = wire.buffer.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(found) = found {
                break found;
            }
            assert_ne!(wire.stream.read_buf(&mut wire.buffer).await.unwrap(), 0);
        };
        let head = String::from_utf8_lossy(&wire.buffer[..end]).into_owned();
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        wire.buffer.advance(end + 4);
        wire
    }

    /// The next text; pings need no answer for as long as this takes.
    async fn next(&mut self) -> Option<BytesMut> {
        loop {
            if let Some((code, payload)) = self.split() {
                if code == 1 {
                    return Some(payload);
                }
                continue;
            }
            if self.stream.read_buf(&mut self.buffer).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// The next whole frame of what was read (RFC 6455 s5.2); servers do not mask.
    fn split(&mut self) -> Option<(u8, BytesMut)> {
        let (code, short) = (*self.buffer.first()? & 0x0f, *self.buffer.get(1)? & 0x7f);
        let (head, length) = match short {
            126 => (4, usize::from((&self.buffer.get(2..4)?[..]).get_u16())),
            127 => (10, (&self.buffer.get(2..10)?[..]).get_u64() as usize),
            length => (2, usize::from(length)),
        };
        if self.buffer.len() < head + length {
            return None;
        }
        self.buffer.advance(head);
        Some((code, self.buffer.split_to(length)))
    }
}

/// How many frames all sockets have read.
#[derive(Default)]
struct Count {
    read: AtomicU64,
    target: AtomicU64,
    reached: Notify,
}

impl Count {
    /// Waits for so many more frames than at the last time.
    fn expect(&self, more: usize) {
        self.target.fetch_add(more as u64, Ordering::SeqCst);
    }

    fn add(&self) {
        let read = self.read.fetch_add(1, Ordering::SeqCst) + 1;
        if read == self.target.load(Ordering::SeqCst) {
            self.reached.notify_one();
        }
    }

    async fn wait(&self) {
        let waited = tokio::time::timeout(PATIENCE, self.reached.notified()).await;
        let read = self.read.load(Ordering::SeqCst);
        waited.unwrap_or_else(|_elapsed| panic!("only {read} frames came"));
    }
}

/// Sockets that read until they are dropped.
struct Crowd {
    count: Arc<Count>,
    readers: Vec<JoinHandle<()>>,
}

impl Crowd {
    fn read(wires: Vec<Wire>) -> Self {
        let count = Arc::new(Count::default());
        let read = |mut wire: Wire| {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                while wire.next().await.is_some() {
                    count.add();
                }
            })
        };
        let readers = wires.into_iter().map(read).collect();
        Self { count, readers }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for reader in &self.readers {
            reader.abort();
        }
    }
}

async fn open(address: &str, protocols: &str, sockets: usize, greeted: bool) -> Vec<Wire> {
    let opening = (0..sockets).map(|_| async {
        let mut wire = Wire::open(address, protocols).await;
        if greeted {
            let ready = wire.next().await.expect("it is greeted");
            assert!(ready.starts_with(b"{\"op\":\"ready\""), "{ready:?}");
        }
        wire
    });
    futures_util::stream::iter(opening)
        .buffer_unordered(64)
        .collect()
        .await
}

fn percentiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    (at(50), at(99))
}

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

/// The gateway, with the text of one frame.
async fn gateway(sockets: usize) -> (Figures, String) {
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
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = node.server.memory();
    let wires = open(&node.address, &offer, sockets, true).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let kib = (node.server.memory() - before) / sockets as f64;

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

/// A server that sends a text as often as it is told, and does nothing else.
async fn plain(command: &mut Command, sockets: usize, text: &str) -> Figures {
    let mut server = Server::start(command);
    let address = format!("127.0.0.1:{}", server.greeting.trim());
    let before = server.memory();
    let wires = open(&address, "", sockets, false).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let kib = (server.memory() - before) / sockets as f64;
    let crowd = Crowd::read(wires);
    let mut times = Vec::new();
    for _ in 0..SINGLE {
        crowd.count.expect(sockets);
        let began = Instant::now();
        server.say(1, text);
        crowd.count.wait().await;
        times.push(began.elapsed());
    }
    let rounds = FRAMES.div_ceil(sockets);
    crowd.count.expect(rounds * sockets);
    let began = Instant::now();
    server.say(rounds, text);
    crowd.count.wait().await;
    let per_second = (rounds * sockets) as f64 / began.elapsed().as_secs_f64();
    let (p50, p99) = percentiles(times);
    Figures {
        per_second,
        p50,
        p99,
        kib,
    }
}

fn bare_command() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("--bare");
    command
}

/// The npm package, where it is installed.
fn ws_command() -> Option<Command> {
    let folder = PathBuf::from(std::env::var_os("FOLKMOOT_TEST_WS")?);
    let program = folder.join("node_modules/node/bin/node");
    let script = folder.join("peer.mjs");
    assert!(
        program.is_file() && script.is_file(),
        "{}",
        folder.display()
    );
    let mut command = Command::new(program);
    command.arg(script).current_dir(folder);
    Some(command)
}

/// The bare loop: one thread writes the same bytes to one socket after another.
fn bare() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    let (to_loop, opened) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut request = Vec::new();
            let mut some = [0; 1024];
            while !request.ends_with(b"\r\n\r\n") {
                let read = stream.read(&mut some).unwrap();
                assert_ne!(read, 0);
                request.extend_from_slice(&some[..read]);
            }
            let answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                           Upgrade: websocket\r\n\r\n";
            // Before the answer: whoever has it is in the loop.
            to_loop.send(stream.try_clone().unwrap()).unwrap();
            stream.write_all(answer).unwrap();
        }
    });
    let mut sockets = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let told: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = told["text"].as_str().unwrap();
        let mut frame = vec![0x81];
        if let Some(short) = u8::try_from(text.len()).ok().filter(|short| *short < 126) {
            frame.push(short);
        } else {
            frame.push(126);
            frame.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        }
        frame.extend(text.as_bytes());
        sockets.extend(opened.try_iter());
        for _ in 0..told["count"].as_u64().unwrap() {
            for socket in &mut sockets {
                socket.write_all(&frame).unwrap();
            }
        }
    }
}
