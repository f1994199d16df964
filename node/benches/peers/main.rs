//! What members feel of other nodes: the time from a message to the last of 64 sockets, while one peer
//! takes connections and never answers and another floods the inbox, beside the same node while both
//! are well.
//!
//! `cargo bench -p node --bench peers`. PostgreSQL is measured when `FOLKMOOT_TEST_POSTGRES` names
//! a server; `FOLKMOOT_TEST_SECONDS` says another length of each run than 10. The two kinds of runs
//! take turns, each with a node of its own in a process of its own; the peers and the clients are in
//! this one. Ratios hold; absolute figures are those of the machine.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark prints its table, works out figures, and stops at a failure"
)]

mod crowd;
mod flood;
mod node;
mod peer;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use federation_core::store::sql::Backend;
use federation_core::testing::{TEST_POSTGRES, TestDatabase};
use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::crowd::Board;
use crate::flood::{Flood, Tally};
use crate::node::{Node, until};
use crate::peer::Peer;

/// Members who write, each with a socket.
const MEMBERS: usize = 64;
/// Channels that they write in; a peer follows each.
const CHANNELS: usize = 4;
/// Messages of all members together in a second.
const PER_SECOND: u32 = 40;
/// Messages of each run that are not measured.
const WARM_UP: usize = 80;
/// Runs of either kind.
const PAIRS: usize = 3;
/// How many times as long the 99th percentile may take while peers disturb.
const BAR: f64 = 1.5;
/// Where the peers are, each a domain of its own.
const FOLLOWS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const FLOODS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

fn main() {
    let seconds = std::env::var_os("FOLKMOOT_TEST_SECONDS");
    let seconds: u32 = seconds.map_or(10, |text| text.to_str().unwrap().parse().unwrap());
    let measured = usize::try_from(PER_SECOND * seconds).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut broken = Vec::new();
    for backend in [Backend::Sqlite, Backend::Postgres] {
        if backend == Backend::Postgres && std::env::var_os(TEST_POSTGRES).is_none() {
            println!("{backend}: set {TEST_POSTGRES} to measure it");
            continue;
        }
        let ratio = runtime.block_on(compare(backend, measured));
        if ratio > BAR {
            broken.push(format!("{backend}: {ratio:.2}"));
        }
    }
    assert!(broken.is_empty(), "over {BAR} times: {broken:#?}");
}

/// Prints a table; answers how many times as long the 99th percentile takes while peers disturb.
async fn compare(backend: Backend, measured: usize) -> f64 {
    println!(
        "| {backend}, {MEMBERS} sockets, {PER_SECOND} messages/s | messages | to the last socket, p50 | p99 |"
    );
    println!("|---|---|---|---|");
    let (mut calm, mut disturbed) = (Vec::new(), Vec::new());
    let mut flood = Tally::default();
    for _ in 0..PAIRS {
        let found = run(backend, measured, false).await;
        row("both peers well", &found.times);
        calm.extend(found.times);
        let found = run(backend, measured, true).await;
        row("one stalled, one flooding", &found.times);
        disturbed.extend(found.times);
        flood.add(found.flood);
    }
    let calm = row("all runs, both peers well", &calm);
    let disturbed = row("all runs, one stalled, one flooding", &disturbed);
    let ratio =
        |pick: fn(&Figures) -> Duration| pick(&disturbed).as_secs_f64() / pick(&calm).as_secs_f64();
    let (p50, p99) = (ratio(|it| it.0), ratio(|it| it.1));
    println!("| ratio | | {p50:.2} | {p99:.2} |");
    println!("the flood: {flood}");
    println!(
        "bar: p99 within {BAR} of the calm runs: {}",
        if p99 <= BAR { "held" } else { "BROKEN" }
    );
    println!();
    p99
}

/// Median and 99th percentile.
type Figures = (Duration, Duration);

fn row(name: &str, times: &[Duration]) -> Figures {
    let mut times = times.to_vec();
    times.sort();
    let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("| {name} | {} | {p50:.1?} | {p99:.1?} |", times.len());
    (p50, p99)
}

/// What was found in one run.
struct Run {
    times: Vec<Duration>,
    flood: Tally,
}

/// One run, with a node of its own.
async fn run(backend: Backend, measured: usize, is_disturbed: bool) -> Run {
    let database = TestDatabase::create(backend);
    let node = Node::start(&database);
    let scene = Scene::set(&node).await;
    let follower = Peer::start(FOLLOWS).await;
    for channel in &scene.channels {
        follower.follow(&node, channel).await;
    }
    greet(&node, &scene, &follower).await;
    let flooder = Peer::start(FLOODS).await;
    let requests = Arc::new(flood::prepare(&flooder, &node, "listener"));
    let messages = WARM_UP + measured;
    let board = Arc::new(Board::new(messages, MEMBERS));
    let mut readers = JoinSet::new();
    for member in &scene.members {
        readers.spawn(crowd::read(node.socket(member).await, Arc::clone(&board)));
    }
    let flood = is_disturbed.then(|| {
        follower.stall();
        Flood::start(&node, FLOODS, requests)
    });
    let before = follower.taken();
    write(&node, &scene, &board, messages).await;
    let times = board.finish().await.split_off(WARM_UP);
    readers.abort_all();
    let flood = if let Some(flood) = flood {
        let tally = flood.stop();
        assert!(tally.of(202) > 0, "nothing of the flood was valid: {tally}");
        assert!(tally.of(401) > 0, "all of the flood was valid: {tally}");
        assert!(
            follower.hanging() > 0,
            "nothing was sent to the stalled peer"
        );
        tally
    } else {
        until("delivery of every message", async || {
            (follower.taken() - before >= messages).then_some(())
        })
        .await;
        Tally::default()
    };
    Run { times, flood }
}

/// Has everybody say something, and waits until it is delivered: with the first message of a member
/// that leaves the node come their keys, which are dear to make.
async fn greet(node: &Node, scene: &Scene, follower: &Peer) {
    let before = follower.taken();
    let path = format!("/api/v1/channels/{}/messages", scene.channels[0]);
    for token in &scene.members {
        let body = json!({"content": "hello"});
        node.ask(Method::POST, &path, token, &body).await;
    }
    until("delivery of every greeting", async || {
        (follower.taken() - before >= MEMBERS).then_some(())
    })
    .await;
}

/// Sends messages at a steady pace, whatever becomes of those before.
async fn write(node: &Node, scene: &Scene, board: &Arc<Board>, messages: usize) {
    let mut pace = tokio::time::interval(Duration::from_secs(1) / PER_SECOND);
    let mut writers = JoinSet::new();
    for number in 0..messages {
        pace.tick().await;
        let channel = &scene.channels[number % CHANNELS];
        let path = format!("/api/v1/channels/{channel}/messages");
        let body = json!({"content": crowd::text(number)});
        let token = &scene.members[number % MEMBERS];
        let request = node.request(Method::POST, &path, token).json(&body);
        let board = Arc::clone(board);
        writers.spawn(async move {
            board.begin(number);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 201);
            let _whole = answer.bytes().await.unwrap();
        });
    }
    writers.join_all().await;
}

/// Who and what there is on a node.
struct Scene {
    /// The tokens of those who write.
    members: Vec<String>,
    channels: Vec<String>,
}

impl Scene {
    async fn set(node: &Node) -> Self {
        let owner = node.signup("owner").await;
        node.unlimit(&owner).await;
        // Whom the flood is for.
        node.signup("listener").await;
        let signups = (0..MEMBERS).map(move |number| async move {
            let name = format!("member{number}");
            node.signup(&name).await
        });
        let signups = futures_util::stream::iter(signups).buffered(4);
        let members = signups.collect().await;
        let mine = node.get("/api/v1/communities", &owner).await;
        let community = mine["items"][0]["id"].as_str().unwrap();
        let path = format!("/api/v1/communities/{community}/channels");
        let mut channels = Vec::new();
        for number in 0..CHANNELS {
            let new = json!({"name": format!("room-{number}")});
            let made: Value = node.ask(Method::POST, &path, &owner, &new).await;
            channels.push(made["id"].as_str().unwrap().to_owned());
        }
        Self { members, channels }
    }
}
