//! Audiences are one row when they are queued, and spread page by page, each inbox once, in order.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::scripted::{Running, exact, until};
use super::{Driver, START, after, names, on_each_backend, outgoing, settlement, url};
use crate::outbox::backoff::Backoff;
use crate::outbox::delivery::{ClaimedDelivery, Target};
use crate::outbox::fan_out::{
    AudienceError, AudiencePage, Expansion, FanOut, LARGEST_AT_ONCE, PageQuery,
};
use crate::outbox::memory::{MemoryAudience, MemoryDeliveryStore};
use crate::outbox::sql::{AudienceSource, SqlDeliveryStore};
use crate::outbox::store::{DeliveryStore, Verdict};
use crate::store::sql::{Connection, Database, DatabaseOptions, federation_migrations};
use crate::testing::TestDatabase;

/// `first:count`: that many hosts from that one on; `stuck` never gets on.
#[derive(Debug)]
struct Numbers;

impl Numbers {
    fn answer(query: &PageQuery<'_>) -> Result<AudiencePage, AudienceError> {
        if query.audience == "stuck" {
            return Ok(AudiencePage {
                targets: Vec::new(),
                next: Some(query.after.unwrap_or("here").to_owned()),
            });
        }
        let (first, count) = query
            .audience
            .split_once(':')
            .ok_or(AudienceError::Unknown)?;
        let (first, count): (u32, u32) = (first.parse().unwrap(), count.parse().unwrap());
        let from = query.after.map_or(first, |after| after.parse().unwrap());
        let to = (from + query.limit).min(first + count);
        Ok(AudiencePage {
            targets: (from..to).map(target).collect(),
            next: (to < first + count).then(|| to.to_string()),
        })
    }
}

impl MemoryAudience for Numbers {
    fn page(&self, query: &PageQuery<'_>) -> Result<AudiencePage, AudienceError> {
        Self::answer(query)
    }
}

impl AudienceSource for Numbers {
    fn page(
        &self,
        _connection: &mut Connection,
        query: &PageQuery<'_>,
    ) -> Result<AudiencePage, AudienceError> {
        Self::answer(query)
    }
}

fn target(number: u32) -> Target {
    Target {
        inbox: url(&format!("https://h{number}.example/inbox")),
        recipients: Vec::new(),
    }
}

fn on_each_store(body: impl AsyncFn(Arc<dyn DeliveryStore>) + Sync) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(body(Arc::new(
            MemoryDeliveryStore::new().audiences(Arc::new(Numbers)),
        )));
    on_each_backend(async |test| {
        let database = test.open(federation_migrations()).await;
        body(Arc::new(sql_store(database.clone()))).await;
        database.close().await;
    });
}

fn sql_store(database: Database) -> SqlDeliveryStore {
    SqlDeliveryStore::new(database).audiences(Arc::new(Numbers))
}

async fn fan_out(
    store: &dyn DeliveryStore,
    name: &str,
    key: Option<&str>,
    hosts: &[&str],
    audience: &str,
) {
    let fan_out = FanOut {
        outgoing: outgoing(name, key, hosts),
        audience: audience.to_owned(),
    };
    store.fan_out(fan_out, START).await.unwrap();
}

async fn step(store: &dyn DeliveryStore, limit: u32) -> Expansion {
    store.expand(limit, exact().backoff, START).await.unwrap()
}

async fn spread_all(store: &dyn DeliveryStore, limit: u32) -> usize {
    let mut queued = 0;
    loop {
        let expansion = step(store, limit).await;
        queued += expansion.queued;
        if !expansion.worked {
            return queued;
        }
    }
}

/// Everything that is queued, in the order of each lane.
async fn deliver_all(driver: &Driver) -> Vec<ClaimedDelivery> {
    let mut all = Vec::new();
    loop {
        let claimed = driver.claim(START).await;
        if claimed.is_empty() {
            return all;
        }
        let settled = claimed
            .iter()
            .map(|one| settlement(one, Verdict::Delivered))
            .collect();
        driver.turn(settled, Vec::new(), false, START).await;
        all.extend(claimed);
    }
}

fn each_once(deliveries: &[ClaimedDelivery]) -> bool {
    let mut seen = HashSet::new();
    deliveries
        .iter()
        .all(|one| seen.insert((one.activity_id.clone(), one.inbox.clone())))
}

#[test]
fn an_audience_is_one_row_and_reaches_each_inbox_once() {
    on_each_store(async |store| {
        let driver = Driver::new(Arc::clone(&store));
        let hosts = ["h7.example", "mentioned.example"];
        fan_out(&*store, "post", None, &hosts, "0:1000").await;
        // Asked for twice before it is spread, it is spread once.
        fan_out(&*store, "post", None, &[], "0:1000").await;
        let stats = store.queue_stats().await.unwrap();
        assert_eq!((stats.fan_outs, stats.queued), (1, 0));
        assert!(driver.claim(START).await.is_empty());
        assert_eq!(store.next_due(START).await.unwrap().fan_out, Some(START));
        assert_eq!(spread_all(&*store, 90).await, 1001);
        // And spread again, it reaches nobody twice.
        fan_out(&*store, "post", None, &hosts, "0:1000").await;
        assert_eq!(spread_all(&*store, 90).await, 0);
        let stats = store.queue_stats().await.unwrap();
        assert_eq!((stats.fan_outs, stats.queued), (0, 1001));
        assert_eq!(store.next_due(START).await.unwrap().fan_out, None);
        let sent = deliver_all(&driver).await;
        assert_eq!(sent.len(), 1001);
        assert!(each_once(&sent));
        assert!(sent.iter().all(|one| one.body == "{\"id\":\"post\"}"));
    });
}

#[test]
#[expect(non_snake_case, reason = "named after the invariant")]
fn I7_what_comes_after_an_audience_of_its_key_waits_for_it() {
    on_each_store(async |store| {
        let driver = Driver::new(Arc::clone(&store));
        driver.queue("0", Some("room"), &["h3.example"]).await;
        fan_out(&*store, "1", Some("room"), &[], "0:10").await;
        driver
            .queue("2", Some("room"), &["h3.example", "h99.example"])
            .await;
        fan_out(&*store, "3", Some("room"), &["h3.example"], "2:4").await;
        driver.queue("4", Some("room"), &["h3.example"]).await;
        driver.queue("x", Some("other"), &["h3.example"]).await;
        driver.queue("y", None, &["h3.example"]).await;
        let first = driver.claim(START).await;
        assert_eq!(
            names(&first),
            ["0@h3.example", "x@h3.example", "y@h3.example"]
        );
        for one in &first {
            driver.settle(one, Verdict::Delivered, START).await;
        }
        assert!(driver.claim(START).await.is_empty());
        while step(&*store, 3).await.worked {}
        let sent = deliver_all(&driver).await;
        assert!(each_once(&sent));
        let at_h3: Vec<String> = sent
            .iter()
            .filter(|one| one.peer == "h3.example")
            .map(|one| one.activity_id.path().replace("/activities/", ""))
            .collect();
        assert_eq!(at_h3, ["1", "2", "3", "4"]);
        assert_eq!(sent.len(), 10 + 2 + 4 + 1);
        // With nothing left to spread the way is direct again.
        driver.queue("5", Some("room"), &["h3.example"]).await;
        assert_eq!(names(&driver.claim(START).await), ["5@h3.example"]);
    });
}

#[test]
fn audiences_of_different_keys_take_turns() {
    on_each_store(async |store| {
        fan_out(&*store, "large", Some("a"), &[], "0:1000").await;
        fan_out(&*store, "small", Some("b"), &[], "5000:5").await;
        let mut steps = 0;
        while store.queue_stats().await.unwrap().fan_outs > 1 {
            store
                .expand(10, exact().backoff, after(steps))
                .await
                .unwrap();
            steps += 1;
        }
        assert!(steps <= 3, "{steps}");
    });
}

#[test]
fn a_long_list_is_spread_later_under_the_ids_it_was_given() {
    on_each_store(async |store| {
        let driver = Driver::new(Arc::clone(&store));
        let hosts: Vec<String> = (0..1200).map(|n| format!("h{n}.example")).collect();
        let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        assert!(hosts.len() > LARGEST_AT_ONCE);
        let ids = driver.queue("big", Some("room"), &hosts).await;
        assert_eq!(ids.len(), 1200);
        assert!(driver.claim(START).await.is_empty());
        assert_eq!(spread_all(&*store, 500).await, 1200);
        let sent = deliver_all(&driver).await;
        let sent: HashSet<_> = sent.iter().map(|one| one.id).collect();
        assert_eq!(sent, ids.into_iter().collect());
    });
}

#[test]
fn an_audience_that_cannot_be_read_is_tried_again_and_given_up() {
    on_each_store(async |store| {
        let schedule = Backoff {
            jitter_percent: 0,
            give_up_after: Duration::from_mins(1),
            ..Backoff::default()
        };
        for audience in ["nobody knows it", "stuck"] {
            fan_out(
                &*store,
                audience.split(' ').next().unwrap(),
                None,
                &[],
                audience,
            )
            .await;
        }
        let mut now = START;
        for _ in 0..30 {
            let expansion = store.expand(10, schedule, now).await.unwrap();
            assert_eq!(expansion.queued, 0);
            if !expansion.worked {
                let Some(next) = store.next_due(now).await.unwrap().fan_out else {
                    break;
                };
                assert!(next > now);
                now = next;
            }
        }
        assert_eq!(store.queue_stats().await.unwrap().fan_outs, 0);
        assert!(now >= after(60), "{now}");
    });
}

#[test]
fn a_deletion_stops_what_is_not_spread() {
    on_each_store(async |store| {
        let driver = Driver::new(Arc::clone(&store));
        fan_out(&*store, "1", Some("room"), &[], "0:100").await;
        driver.queue("2", Some("room"), &["h1.example"]).await;
        assert_eq!(step(&*store, 10).await.queued, 10);
        let object = url("https://here.example/notes/1");
        let withdrawn = store.cancel_for_object(object, START).await.unwrap();
        assert_eq!(withdrawn, 10);
        assert_eq!(spread_all(&*store, 10).await, 1);
        assert_eq!(names(&deliver_all(&driver).await), ["2@h1.example"]);
        // The body of what is spread later is not forgotten before.
        fan_out(&*store, "3", None, &[], "0:5").await;
        store.prune(after(100), 100).await.unwrap();
        assert_eq!(spread_all(&*store, 10).await, 5);
    });
}

/// A process that is killed leaves what it has committed; the next one goes on from there.
#[test]
#[expect(non_snake_case, reason = "named after the invariant")]
fn I1_spreading_goes_on_where_a_killed_process_stopped() {
    on_each_backend(async |test| {
        let first = test.open(federation_migrations()).await;
        let store = sql_store(first.clone());
        fan_out(&store, "1", Some("room"), &[], "0:300").await;
        for _ in 0..3 {
            step(&store, 40).await;
        }
        // In the middle of a page.
        let unfinished = first
            .write(|c| -> Result<(), crate::store::sql::DatabaseError> {
                let schedule = exact().backoff;
                crate::outbox::sql::expand_for_tests(c, &Numbers, 40, &schedule, START)?;
                Err(crate::store::sql::DatabaseError::Closed)
            })
            .await;
        assert!(unfinished.is_err());
        first.close().await;
        let second = Database::open(DatabaseOptions::new(test.url().clone()))
            .await
            .unwrap();
        let store = Arc::new(sql_store(second.clone()));
        assert_eq!(spread_all(&*store, 40).await, 300 - 3 * 40);
        let driver = Driver::new(store);
        let sent = deliver_all(&driver).await;
        assert_eq!(sent.len(), 300);
        assert!(each_once(&sent));
        second.close().await;
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_spread_one_audience_and_queue_behind_it() {
    let test = TestDatabase::create(crate::store::sql::Backend::Postgres);
    let first = test.open(federation_migrations()).await;
    let second = Database::open(DatabaseOptions::new(test.url().clone()))
        .await
        .unwrap();
    let stores = [sql_store(first), sql_store(second)];
    let mut tasks = Vec::new();
    for (n, store) in stores.iter().cloned().enumerate() {
        tasks.push(tokio::spawn(async move {
            for round in 0..10 {
                let name = format!("{n}-{round}");
                fan_out(&store, &name, Some("room"), &[], "0:30").await;
                let hosts = ["h1.example", "h2.example"];
                let direct = outgoing(&format!("{name}-direct"), Some("room"), &hosts);
                store.enqueue(direct, START).await.unwrap();
                step(&store, 20).await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let (one, other) = tokio::join!(spread_all(&stores[0], 7), spread_all(&stores[1], 7));
    let [store, _] = stores;
    assert!(one + other <= 2 * 10 * 32);
    while spread_all(&store, 50).await > 0 {}
    let sent = deliver_all(&Driver::new(Arc::new(store))).await;
    assert_eq!(sent.len(), 2 * 10 * 32);
    assert!(each_once(&sent));
    // What one process queued in order arrives in order, at every peer.
    for host in ["h1.example", "h2.example"] {
        for n in 0..2 {
            let of_process: Vec<String> = sent
                .iter()
                .filter(|one| one.peer == host)
                .map(|one| one.activity_id.path().replace("/activities/", ""))
                .filter(|name| name.starts_with(&format!("{n}-")))
                .collect();
            let expected: Vec<String> = (0..10)
                .flat_map(|round| [format!("{n}-{round}"), format!("{n}-{round}-direct")])
                .collect();
            assert_eq!(of_process, expected, "{host}");
        }
    }
}

#[test]
fn a_worker_spreads_and_delivers_in_order() {
    on_each_store(async |store| {
        let running = Running::start(Arc::clone(&store), exact());
        for round in 0..3 {
            let name = format!("all{round}");
            fan_out(&*store, &name, Some("room"), &[], "0:300").await;
            let direct = outgoing(&format!("one{round}"), Some("room"), &["h7.example"]);
            store.enqueue(direct, START).await.unwrap();
        }
        until("everything is delivered", async || {
            let stats = store.queue_stats().await.unwrap();
            (stats.fan_outs, stats.queued) == (0, 0)
        })
        .await;
        let expected: Vec<String> = (0..3)
            .flat_map(|round| ["all", "one"].map(|what| format!("{{\"id\":\"{what}{round}\"}}")))
            .collect();
        assert_eq!(running.network.bodies("h7.example"), expected);
        assert_eq!(running.network.seen().len(), 3 * 301);
        running.stop().await;
    });
}
