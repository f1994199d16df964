//! Two servers of one node on one PostgreSQL and one Redis are one gateway.

use std::time::{Duration, Instant};

use federation_core::store::sql::Backend;
use federation_core::testing::TestDatabase;
use folkmoot::config::{Config, Secret};
use folkmoot::platform::cluster::Standing;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::redis::Redis;
use crate::chat::world::World;

const PATIENCE: Duration = Duration::from_secs(10);
/// Who looks into the database once a second needs more than this for some of these.
const TOLD: Duration = Duration::from_millis(300);
/// And no more than this for any.
const LOOKED: Duration = Duration::from_secs(3);

async fn two(database: &TestDatabase, redis: &Redis) -> (World, World) {
    let change = |config: &mut Config| {
        config.cache.url = Some(Secret::new(redis.url()));
        config.server.public_url = Some("http://moot.example".to_owned());
    };
    let here = World::start_with(database, change).await;
    let data = tempfile::tempdir().unwrap();
    std::fs::copy(here.data().join("keyring"), data.path().join("keyring")).unwrap();
    let there = World::start_at(database, data, 0, change).await;
    until(&here, Standing::Connected).await;
    until(&there, Standing::Connected).await;
    (here, there)
}

async fn until(world: &World, standing: Standing) {
    let reached = async {
        while world.app.ctx().cluster().standing() != standing {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, reached).await.expect("Redis in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_commits_the_other_pushes_at_once() {
    let database = TestDatabase::create(Backend::Postgres);
    let redis = Redis::start();
    let (here, there) = two(&database, &redis).await;
    let (alice, bob) = (here.member("alice").await, here.member("bob").await);
    let dm = alice.dm(&["bob"]).await;
    let abroad = there.returning(bob.token.clone(), bob.id.clone());
    let (mut socket, ready) = abroad.socket(None).await;
    let mut said: Vec<Value> = Vec::new();
    let mut times = Vec::new();
    for index in 0..20 {
        let began = Instant::now();
        said.push(alice.say(&dm, &index.to_string()).await);
        let frame = socket.next_op("message.created").await;
        assert_eq!(Some(&frame["d"]), said.last());
        times.push(began.elapsed());
    }
    times.sort();
    println!(
        "told over Redis: p50 {:?}, at most {:?}",
        times[10], times[19]
    );
    assert!(times[19] < TOLD, "{times:?}");

    // Both write at once: one order for all, the same at both.
    let (mut at_home, _) = alice.socket(None).await;
    let both = async {
        for index in 0..20 {
            let (here, there) = (format!("here {index}"), format!("there {index}"));
            tokio::join!(alice.say(&dm, &here), abroad.say(&dm, &there));
        }
    };
    both.await;
    let mut orders = [Vec::new(), Vec::new()];
    for (socket, order) in [&mut socket, &mut at_home].into_iter().zip(&mut orders) {
        let mut last = ready["seq"].as_i64().unwrap();
        for _ in 0..40 {
            let frame = socket.next_op("message.created").await;
            let seq = frame["seq"].as_i64().unwrap();
            assert!(seq > last, "{seq} after {last}");
            last = seq;
            order.push(frame);
        }
    }
    assert_eq!(orders[0], orders[1]);

    // Lists that one of them remembers are never behind the other.
    let path = format!("/api/v1/channels/{dm}/messages?limit=1");
    for index in 0..20 {
        let said = alice.say(&dm, &format!("listed {index}")).await;
        let page = abroad.get(&path).await.expect(200);
        assert_eq!(page["items"][0], said);
        socket.next_op("message.created").await;
    }

    // Who is writing, at the other process.
    let typing = format!("/api/v1/channels/{dm}/typing");
    alice.post(&typing, &json!({})).await.expect(204);
    let frame = socket.next_op("typing").await;
    let expected = json!({"channel_id": dm, "user_id": alice.id});
    assert_eq!(frame["d"], expected);

    there.stop().await;
    here.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_the_log_is_looked_at_until_it_is_back() {
    let database = TestDatabase::create(Backend::Postgres);
    let mut redis = Redis::start();
    let (here, there) = two(&database, &redis).await;
    let (alice, bob) = (here.member("alice").await, here.member("bob").await);
    let dm = alice.dm(&["bob"]).await;
    let abroad = there.returning(bob.token.clone(), bob.id.clone());
    let (mut socket, _ready) = abroad.socket(None).await;
    redis.kill();
    until(&here, Standing::Away).await;
    until(&there, Standing::Away).await;
    for index in 0..3 {
        let began = Instant::now();
        let said = alice.say(&dm, &format!("away {index}")).await;
        assert_eq!(socket.next_op("message.created").await["d"], said);
        assert!(began.elapsed() < LOOKED, "{:?}", began.elapsed());
    }
    redis.start_again();
    until(&here, Standing::Connected).await;
    until(&there, Standing::Connected).await;
    for index in 0..5 {
        let began = Instant::now();
        let said = alice.say(&dm, &format!("back {index}")).await;
        assert_eq!(socket.next_op("message.created").await["d"], said);
        if index > 0 {
            assert!(began.elapsed() < TOLD, "{:?}", began.elapsed());
        }
    }
    there.stop().await;
    here.stop().await;
}
