//! What processes tell each other over Redis, and that a notice alone does nothing.

use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::*;
use federation_core::store::sql::{Backend, Connection, DatabaseError};
use federation_core::testing::{TestDatabase, on_each_backend};
use folkmoot::base::ids::{SessionId, UserId};
use folkmoot::config::Secret;
use folkmoot::platform::cluster::{Cluster, Notice, Standing};
use folkmoot::platform::db::schema::users;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::time::timeout;

use super::redis::Redis;
use crate::app::TestApp;

const PATIENCE: Duration = Duration::from_secs(10);

async fn start(redis: &Redis) -> TestApp {
    let database = TestDatabase::create(Backend::Sqlite);
    let url = redis.url();
    TestApp::start_with(database, Arc::new(federation_core::SystemClock), |config| {
        config.cache.url = Some(Secret::new(url));
        // The channel is named after it.
        config.server.public_url = Some("http://moot.example".to_owned());
    })
    .await
}

async fn until(cluster: &Cluster, standing: Standing) {
    let reached = async {
        while cluster.standing() != standing {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, reached).await.expect("Redis in time");
}

async fn readiness(app: &TestApp) -> String {
    let reply = app.call(Method::GET, "/readyz").send().await;
    assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.json);
    reply.text("/status")
}

/// The next notice of `heard` that is not of the connection itself, nor of who is there.
async fn next(heard: &mut tokio::sync::broadcast::Receiver<Notice>) -> Notice {
    let told = async {
        loop {
            match Cluster::next(heard).await {
                Notice::Missed | Notice::WhoIsHere => {}
                notice => return notice,
            }
        }
    };
    timeout(PATIENCE, told).await.expect("a notice in time")
}

#[tokio::test]
async fn notices_reach_other_processes_and_not_the_sender() {
    let redis = Redis::start();
    let (here, there) = (start(&redis).await, start(&redis).await);
    let (ours, theirs) = (here.app().ctx().cluster(), there.app().ctx().cluster());
    for cluster in [ours, theirs] {
        until(cluster, Standing::Connected).await;
    }
    let (mut at_home, mut abroad) = (ours.listen(), theirs.listen());
    let user = UserId::new(here.app().ctx().now());
    ours.tell(Notice::AccountChanged { user });
    assert_eq!(next(&mut abroad).await, Notice::AccountChanged { user });
    theirs.tell(Notice::RolesChanged);
    // The first that comes home is theirs, so ours did not.
    assert_eq!(next(&mut at_home).await, Notice::RolesChanged);
    here.stop().await;
    there.stop().await;
}

#[tokio::test]
async fn the_server_goes_on_without_redis_and_says_so() {
    let mut redis = Redis::start();
    let (here, there) = (start(&redis).await, start(&redis).await);
    let (ours, theirs) = (here.app().ctx().cluster(), there.app().ctx().cluster());
    for cluster in [ours, theirs] {
        until(cluster, Standing::Connected).await;
    }
    assert_eq!(readiness(&here).await, "ok");
    redis.kill();
    until(ours, Standing::Away).await;
    until(theirs, Standing::Away).await;
    assert_eq!(readiness(&here).await, "degraded");
    here.signup("alice").await;
    let mut abroad = theirs.listen();
    // More than any queue holds: telling never waits and takes no memory.
    for _ in 0..100_000 {
        ours.tell(Notice::LimitsChanged);
    }
    redis.start_again();
    until(ours, Standing::Connected).await;
    until(theirs, Standing::Connected).await;
    assert_eq!(readiness(&here).await, "ok");
    // What was lost is made good by forgetting everything.
    let told = async { while Cluster::next(&mut abroad).await != Notice::Missed {} };
    timeout(PATIENCE, told).await.expect("a notice in time");
    ours.tell(Notice::BlocksChanged);
    assert_eq!(next(&mut abroad).await, Notice::BlocksChanged);
    here.stop().await;
    there.stop().await;
}

#[tokio::test]
async fn a_server_that_starts_before_redis_finds_it_later() {
    let mut redis = Redis::start();
    redis.kill();
    let app = start(&redis).await;
    app.signup("alice").await;
    assert_eq!(readiness(&app).await, "degraded");
    redis.start_again();
    until(app.app().ctx().cluster(), Standing::Connected).await;
    assert_eq!(readiness(&app).await, "ok");
    app.stop().await;
}

#[tokio::test]
async fn attack_forged_notices_sign_nobody_out() {
    let redis = Redis::start();
    let app = start(&redis).await;
    let ctx = app.app().ctx();
    until(ctx.cluster(), Standing::Connected).await;
    let member = app.signup("alice").await;
    let me = ctx.authenticator().authenticate(&member.access).await;
    let me = me.unwrap();
    let end = ctx.authenticator().ended(&me);
    let mut heard = ctx.cluster().listen();
    let client = ::redis::Client::open(redis.url()).unwrap();
    let mut thief = client.get_multiplexed_async_connection().await.unwrap();
    let from = SessionId::new(ctx.now());
    let channel = "folkmoot/notices/http://moot.example";
    let long = "x".repeat(2 * 1024 * 1024);
    for forged in [
        json!({"from": from, "notice": "sessions_revoked", "ids": [me.session]}).to_string(),
        json!({"from": from, "notice": "account_changed", "user": me.id}).to_string(),
        json!({"from": from, "notice": "nonsense"}).to_string(),
        "not json".to_owned(),
        long,
        json!({"from": from, "notice": "domain_changed"}).to_string(),
    ] {
        let mut publish = ::redis::cmd("PUBLISH");
        publish.arg(channel).arg(forged);
        let listeners: i64 = publish.query_async(&mut thief).await.unwrap();
        assert_eq!(listeners, 1);
    }
    // The last one has come, so the others have been heard before it.
    while next(&mut heard).await != Notice::DomainChanged {}
    let reply = app.get("/api/v1/users/@me", &member.access).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert!(!end.has_ended());
    app.stop().await;
}

#[test]
fn I9_a_suspended_account_loses_its_connections_whoever_suspends_it() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let ctx = app.app().ctx();
        let gate = &app.app().parts().auth.gate;
        let suspend = async |user: UserId| {
            let now = ctx.now().as_millis();
            let change = move |connection: &mut Connection| {
                diesel::update(users::table.find(user))
                    .set(users::suspended_at.eq(now))
                    .execute(connection)
                    .map_err(DatabaseError::from)
            };
            assert_eq!(ctx.db().write(change).await.unwrap(), 1);
        };
        for is_told in [true, false] {
            let name = if is_told { "alice" } else { "bob" };
            let member = app.signup(name).await;
            let other = app.login(name).await;
            let mut ends = Vec::new();
            for access in [&member.access, &other.access] {
                let me = ctx.authenticator().authenticate(access).await.unwrap();
                ends.push((me.id, ctx.authenticator().ended(&me)));
            }
            // Straight into the table, as another process would.
            suspend(ends[0].0).await;
            if is_told {
                gate.account_changed(ends[0].0).await.unwrap();
                assert!(ends.iter().all(|(_, end)| end.has_ended()));
            }
            for (_, end) in &ends {
                timeout(Duration::from_secs(1), end.wait()).await.unwrap();
            }
            for access in [&member.access, &other.access] {
                app.get("/api/v1/users/@me", access)
                    .await
                    .assert_problem(401, "session_ended");
            }
        }
        app.stop().await;
    });
}
