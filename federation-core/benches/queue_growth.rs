//! What a long history and many known peers cost the delivery queue: nothing, or it would grow.
//!
//! `cargo bench -p federation-core --bench queue_growth --features diesel,testing [-- rows peers]`.
//! One turn is what a worker does per delivery when little is going on: queue, claim, settle.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its table and stops at the first failure"
)]

use std::time::{Duration, Instant};

use diesel::{RunQueryDsl as _, sql_query};
use federation_core::outbox::sql::SqlDeliveryStore;
use federation_core::outbox::{
    Claim, DeliveryStore as _, Outgoing, Room, RoomLimits, Settlement, Target, Turn, Verdict,
};
use federation_core::store::sql::{Backend, Database, DatabaseError, federation_migrations};
use federation_core::testing::{TEST_POSTGRES, TestDatabase};
use federation_core::{Clock as _, SystemClock};
use url::Url;

const ROUNDS: u32 = 300;

fn main() {
    let mut sizes = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse::<u64>().ok());
    let rows = sizes.next().unwrap_or(300_000);
    let peers = sizes.next().unwrap_or(10_000);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!("median time of queue + claim + settle, {ROUNDS} rounds");
    println!("| database | 1,000 old deliveries, 10 peers | {rows} old, {peers} peers held back |");
    println!("|---|---|---|");
    for backend in [Backend::Sqlite, Backend::Postgres] {
        if backend == Backend::Postgres && std::env::var_os(TEST_POSTGRES).is_none() {
            println!("| {backend} | set {TEST_POSTGRES} to measure it | |");
            continue;
        }
        let small = runtime.block_on(measure(backend, 1000, 10));
        let large = runtime.block_on(measure(backend, rows, peers));
        println!("| {backend} | {small:?} | {large:?} |");
    }
}

async fn measure(backend: Backend, rows: u64, peers: u64) -> Duration {
    let test = TestDatabase::create(backend);
    let database = test.open(federation_migrations()).await;
    fill(&database, rows, peers).await;
    let store = SqlDeliveryStore::new(database.clone());
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let started = Instant::now();
        deliver_one(&store, round).await;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    database.close().await;
    times.get(times.len() / 2).copied().unwrap()
}

/// Old deliveries of all peers, and for each peer ten lanes that are held back.
async fn fill(database: &Database, rows: u64, peers: u64) {
    let numbers = |count: u64| {
        format!(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count}) "
        )
    };
    let statements = [
        "INSERT INTO outgoing_activities (id, actor_id, body, created_at) VALUES ('old', 'x', '{}', 1)"
            .to_owned(),
        format!(
            "INSERT INTO peers (host, failures, retry_at) {} SELECT 'p' || n, 9, 9000000000000000 FROM n",
            numbers(peers)
        ),
        format!(
            "INSERT INTO delivery_lanes (peer, ordering_key, due_at, parked, last_seq, pending) \
             {} SELECT 'p' || (n % {peers} + 1), 'k' || n, 1, TRUE, 1, 1 FROM n",
            numbers(peers * 10)
        ),
        format!(
            "INSERT INTO deliveries (id, seq, activity_id, peer, ordering_key, inbox, recipients, \
             state, created_at, queued_at, settled_at) \
             {} SELECT 'old' || n, 1, 'old', 'p' || (n % {peers} + 1), 'k', 'https://p/' || n, '[]', \
             'delivered', 1, 1, 1 FROM n",
            numbers(rows)
        ),
    ];
    for statement in statements {
        database
            .write(move |c| -> Result<_, DatabaseError> { Ok(sql_query(&statement).execute(c)?) })
            .await
            .unwrap();
    }
    let analyze = |c: &mut _| -> Result<_, DatabaseError> { Ok(sql_query("ANALYZE").execute(c)?) };
    database.write(analyze).await.unwrap();
}

async fn deliver_one(store: &SqlDeliveryStore, round: u32) {
    let now = SystemClock.now();
    let url = |text: String| Url::parse(&text).unwrap();
    let outgoing = Outgoing {
        activity_id: url(format!("https://here.example/activities/{round}")),
        actor_id: url("https://here.example/users/alice".to_owned()),
        object_id: None,
        body: "{}".to_owned(),
        ordering_key: Some("room".to_owned()),
        targets: vec![Target {
            inbox: url("https://live.example/inbox".to_owned()),
            recipients: Vec::new(),
        }],
    };
    store.enqueue(outgoing, now).await.unwrap();
    let mut turn = Turn {
        settlements: Vec::new(),
        peers: Vec::new(),
        claim: Some(Claim {
            lease: round.to_string(),
            lease_until: now.plus(Duration::from_mins(1)),
            room: Room::new(RoomLimits::default()),
        }),
        now,
    };
    let claimed = store.turn(turn.clone()).await.unwrap().claimed;
    assert_eq!(claimed.len(), 1, "the queued delivery comes out");
    turn.claim = None;
    turn.settlements = claimed
        .into_iter()
        .map(|delivery| Settlement {
            delivery,
            verdict: Verdict::Delivered,
            status: Some(202),
            error: None,
        })
        .collect();
    store.turn(turn).await.unwrap();
}
