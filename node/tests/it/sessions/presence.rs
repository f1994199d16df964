//! Two servers of one node on one PostgreSQL and one Redis: who is there at one is seen at both.

use std::sync::Arc;
use std::time::Duration;

use federation_core::store::sql::Backend;
use federation_core::testing::{ManualClock, TestDatabase};
use federation_core::{Clock, SystemClock};
use folkmoot::config::{Config, Secret};
use folkmoot::platform::cluster::{Cluster, Notice, Standing};
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::time::timeout;

use super::redis::Redis;
use crate::chat::world::{Member, World};

const PATIENCE: Duration = Duration::from_secs(10);

/// Two servers of one node, which hear each other.
async fn two_processes(
    database: &TestDatabase,
    redis: &Redis,
    time: &Arc<ManualClock>,
) -> (World, World) {
    let change = |config: &mut Config| {
        config.cache.url = Some(Secret::new(redis.url()));
        config.server.public_url = Some("http://moot.example".to_owned());
    };
    let here = World::start_by(database, time.clone(), change).await;
    let data = tempfile::tempdir().unwrap();
    std::fs::copy(here.data().join("keyring"), data.path().join("keyring")).unwrap();
    let clock: Arc<dyn Clock> = time.clone();
    let there = World::start_on(database, data, (0, clock), change).await;
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

/// Waits until the other process tells who is there.
async fn announced(heard: &mut Receiver<Notice>) {
    let told = async { while !matches!(Cluster::next(heard).await, Notice::MembersHere { .. }) {} };
    timeout(PATIENCE, told).await.expect("a notice in time");
}

async fn is_there(viewer: &Member<'_>, other: &Member<'_>) -> bool {
    let path = format!("/api/v1/users/{}", other.id);
    viewer.get(&path).await.expect(200)["presence"] != "offline"
}

#[tokio::test]
async fn two_processes_show_the_members_of_both() {
    let database = TestDatabase::create(Backend::Postgres);
    let redis = Redis::start();
    let time = Arc::new(ManualClock::new(SystemClock.now()));
    let (here, there) = two_processes(&database, &redis, &time).await;

    let (alice, bob) = (here.member("alice").await, here.member("bob").await);
    alice.dm(&["bob"]).await;
    let (mut a, _) = alice.socket(None).await;
    let abroad = there.returning(bob.token.clone(), bob.id.clone());
    let (mut b, ready) = abroad.socket(None).await;
    assert_eq!(ready["user"]["presence"], "online");
    let online = json!({"user_id": bob.id, "status": "online"});
    assert_eq!(a.presence(&bob).await, online);
    let (_second, ready) = alice.socket(None).await;
    assert_eq!(ready["online"], json!({"count": 1, "members": [online]}));

    // Chosen at one process, told at the other, to him too.
    time.advance(Duration::from_secs(2));
    bob.put("/api/v1/users/@me/presence", &json!({"status": "idle"}))
        .await
        .expect(200);
    let idle = json!({"user_id": bob.id, "status": "idle"});
    assert_eq!(a.presence(&bob).await, idle);
    assert_eq!(b.presence(&bob).await, idle);

    // What he has there is announced again and again: time alone takes nobody away.
    let mut heard = here.app.ctx().cluster().listen();
    for _ in 0..12 {
        time.advance(Duration::from_secs(10));
        announced(&mut heard).await;
    }
    assert!(is_there(&alice, &bob).await);

    // A process that ends is forgotten.
    there.stop().await;
    let mut seconds = 0;
    while is_there(&alice, &bob).await {
        time.advance(Duration::from_secs(1));
        seconds += 1;
        assert!(seconds < 120, "he stays there");
    }
    assert!(seconds >= 5, "after {seconds} s");
    let offline = json!({"user_id": bob.id, "status": "offline"});
    assert_eq!(a.presence(&bob).await, offline);
    drop(redis);
    here.stop().await;
}

#[tokio::test]
async fn attack_who_hides_while_redis_is_away_is_hidden_everywhere() {
    let database = TestDatabase::create(Backend::Postgres);
    let mut redis = Redis::start();
    let time = Arc::new(ManualClock::new(SystemClock.now()));
    let (here, there) = two_processes(&database, &redis, &time).await;
    let (alice, bob) = (here.member("alice").await, here.member("bob").await);
    alice.dm(&["bob"]).await;
    let (mut a, _) = alice.socket(None).await;
    let abroad = there.returning(bob.token.clone(), bob.id.clone());
    let (mut b, _) = abroad.socket(None).await;
    let online = json!({"user_id": bob.id, "status": "online"});
    assert_eq!(a.presence(&bob).await, online);

    redis.kill();
    until(&here, Standing::Away).await;
    until(&there, Standing::Away).await;
    time.advance(Duration::from_secs(2));
    let hidden = json!({"status": "invisible"});
    let path = "/api/v1/users/@me/presence";
    abroad.put(path, &hidden).await.expect(200);
    assert_eq!(b.presence(&bob).await["status"], "invisible");
    assert!(is_there(&alice, &bob).await, "nobody has told this process");

    redis.start_again();
    until(&here, Standing::Connected).await;
    until(&there, Standing::Connected).await;
    // Well within the lease of what was told before, which is renewed besides.
    let mut seconds = 0;
    while !is_gone_soon(&alice, &bob).await {
        time.advance(Duration::from_secs(1));
        seconds += 1;
        assert!(seconds < 8, "he is still shown");
    }
    let offline = json!({"user_id": bob.id, "status": "offline"});
    assert_eq!(a.presence(&bob).await, offline);
    drop(redis);
    there.stop().await;
    here.stop().await;
}

/// Whether `viewer` sees `other` as offline within a second.
async fn is_gone_soon(viewer: &Member<'_>, other: &Member<'_>) -> bool {
    for _ in 0..50 {
        if !is_there(viewer, other).await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}
