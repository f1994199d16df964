//! What a long history and many known peers cost the delivery queue: nothing, or it would grow.
//!
//! `cargo bench -p federation-core --bench queue_growth --features diesel,testing [-- rows peers]`.
//! One turn is what a worker does per delivery when little is going on: queue, claim, settle.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its table and stops at the first failure"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::{RunQueryDsl as _, sql_query};
use federation_core::outbox::sql::SqlDeliveryStore;
use federation_core::outbox::{
    Claim, DeliveryStore as _, Outgoing, Room, RoomLimits, Settlement, Target, Turn, Verdict,
};
use federation_core::store::sql::{
    Backend, Database, DatabaseError, DatabaseOptions, Durability, federation_migrations,
};
use federation_core::testing::{TEST_POSTGRES, TestDatabase};
use federation_core::{Clock as _, SystemClock};
use url::Url;

const ROUNDS: u32 = 600;
/// How much more a delivery may cost in the largest queue than in the smallest.
const BAR: f64 = 1.25;

fn main() {
    let mut sizes = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse::<u64>().ok());
    let rows = sizes.next().unwrap_or(1_000_000);
    let peers = sizes.next().unwrap_or(10_000);
    let sizes = [
        (1000, 10),
        (rows / 100, peers / 10),
        (rows, 10),
        (1000, peers),
        (rows, peers),
    ];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!("median time of queue + claim + settle, {ROUNDS} rounds, each on all sizes in turn");
    println!("| database | old deliveries | peers, held back | time | beside the first | |");
    println!("|---|---|---|---|---|---|");
    let mut missed = 0;
    for backend in [Backend::Sqlite, Backend::Postgres] {
        if backend == Backend::Postgres && std::env::var_os(TEST_POSTGRES).is_none() {
            println!("| {backend} | set {TEST_POSTGRES} to measure it | | | | |");
            continue;
        }
        let times = runtime.block_on(measure(backend, &sizes));
        let first = times.first().copied().unwrap();
        for ((rows, peers), time) in sizes.iter().zip(times) {
            let beside = time.as_secs_f64() / first.as_secs_f64();
            let verdict = if beside > BAR { "MISSED" } else { "ok" };
            missed += u32::from(beside > BAR);
            println!("| {backend} | {rows} | {peers} | {time:?} | {beside:.2}x | {verdict} |");
        }
    }
    println!("bar: at most {BAR}x");
    assert!(missed == 0, "{missed} figures are over the bar");
}

/// One queue of a size, and what its deliveries took.
struct Queue {
    store: SqlDeliveryStore,
    database: Database,
    _test: TestDatabase,
    times: Vec<Duration>,
}

async fn measure(backend: Backend, sizes: &[(u64, u64)]) -> Vec<Duration> {
    let mut queues = Vec::new();
    for (rows, peers) in sizes {
        let test = TestDatabase::create(backend);
        let mut options = DatabaseOptions::new(test.url().clone());
        // What the disk takes for a commit is not what grows, and would hide it.
        options.durability = Durability::Relaxed;
        let database = Database::open(options).await.unwrap();
        database.migrate(federation_migrations()).await.unwrap();
        fill(&database, *rows, *peers).await;
        queues.push(Queue {
            store: SqlDeliveryStore::new(database.clone()),
            database,
            _test: test,
            times: Vec::new(),
        });
    }
    for round in 0..ROUNDS {
        for queue in &mut queues {
            let started = Instant::now();
            deliver_one(&queue.store, round).await;
            queue.times.push(started.elapsed());
        }
    }
    let mut medians = Vec::new();
    for queue in &mut queues {
        queue.times.sort_unstable();
        medians.push(queue.times.get(queue.times.len() / 2).copied().unwrap());
        queue.database.close().await;
    }
    medians
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
            delivery: Arc::new(delivery),
            verdict: Verdict::Delivered,
            status: Some(202),
            error: None,
        })
        .collect();
    store.turn(turn).await.unwrap();
}
