//! Refresh tokens: one use each, and what a second use means.

use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::testing::{ManualClock, TestDatabase, on_each_backend};
use folkmoot::auth::model::hash_of;
use folkmoot::platform::db::schema::{audit_log, refresh_tokens};
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::json;

use crate::app::{Member, Reply, TestApp};

async fn start(database: TestDatabase) -> (TestApp, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_032)));
    let time = Arc::clone(&clock);
    (TestApp::start_with(database, clock, |_| {}).await, time)
}

async fn refresh(app: &TestApp, token: &str) -> Reply {
    app.post("/api/v1/auth/refresh", &json!({"refresh_token": token}))
        .await
}

async fn assert_over(app: &TestApp, member: &Member) {
    app.get("/api/v1/users/@me", &member.access)
        .await
        .assert_problem(401, "session_ended");
    refresh(app, &member.refresh)
        .await
        .assert_problem(401, "invalid_refresh_token");
}

async fn assert_lives(app: &TestApp, member: &Member) {
    let me = app.get("/api/v1/users/@me", &member.access).await;
    assert_eq!(me.status, StatusCode::OK, "{:?}", me.json);
}

/// Action, outcome and address of every act that was recorded.
async fn audited(app: &TestApp) -> Vec<(String, String, String)> {
    let read = |connection: &mut Connection| {
        let rows = audit_log::table
            .filter(audit_log::action.like("session.%"))
            .order(audit_log::id)
            .select((
                audit_log::action,
                audit_log::after.assume_not_null(),
                audit_log::address.assume_not_null(),
            ));
        Ok::<_, DatabaseError>(rows.load(connection)?)
    };
    app.app().ctx().db().read(read).await.unwrap()
}

#[test]
fn attack_a_token_replayed_once_its_successor_was_used_ends_the_family() {
    on_each_backend(async |database| {
        let (app, _time) = start(database).await;
        let first = app.signup("alice").await;
        let other = app.login("alice").await;
        let second = refresh(&app, &first.refresh).await.member();
        let third = refresh(&app, &second.refresh).await.member();
        assert_lives(&app, &third).await;
        // No time has passed, so only the use of the successor tells.
        refresh(&app, &first.refresh)
            .await
            .assert_problem(401, "invalid_refresh_token");
        for member in [&first, &second, &third] {
            assert_over(&app, member).await;
        }
        let recorded = audited(&app).await;
        assert_eq!(recorded.len(), 1, "{recorded:?}");
        let (action, after, address) = &recorded[0];
        assert_eq!(action, "session.reuse");
        assert!(after.contains(&first.id), "{after}");
        assert_eq!(address, "127.0.0.1");
        assert_lives(&app, &other).await;
        app.stop().await;
    });
}

#[test]
fn attack_a_token_replayed_after_the_grace_ends_the_family() {
    on_each_backend(async |database| {
        let (app, time) = start(database).await;
        let first = app.signup("alice").await;
        let second = refresh(&app, &first.refresh).await.member();
        time.advance(Duration::from_secs(10));
        refresh(&app, &first.refresh)
            .await
            .assert_problem(401, "invalid_refresh_token");
        assert_over(&app, &second).await;
        app.stop().await;
    });
}

#[test]
fn a_second_tab_is_told_and_goes_on() {
    on_each_backend(async |database| {
        let (app, time) = start(database).await;
        let first = app.signup("alice").await;
        let second = refresh(&app, &first.refresh).await.member();
        time.advance(Duration::from_millis(9_999));
        let raced = refresh(&app, &first.refresh).await;
        raced.assert_problem(409, "refresh_raced");
        assert_eq!(raced.headers["retry-after"], "1");
        assert!(raced.json.get("access_token").is_none());
        assert_lives(&app, &second).await;
        let third = refresh(&app, &second.refresh).await.member();
        assert_lives(&app, &third).await;
        app.stop().await;
    });
}

#[test]
fn attack_twenty_refreshes_at_once_give_one_pair() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let member = app.signup("alice").await;
        let calls = (0..20).map(|_| refresh(&app, &member.refresh));
        let replies = join_all(calls).await;
        let (won, lost): (Vec<_>, Vec<_>) = replies
            .iter()
            .partition(|reply| reply.status == StatusCode::OK);
        assert_eq!((won.len(), lost.len()), (1, 19));
        for reply in lost {
            reply.assert_problem(409, "refresh_raced");
        }
        let winner = won[0].member();
        assert_lives(&app, &winner).await;
        let next = refresh(&app, &winner.refresh).await.member();
        assert_lives(&app, &next).await;
        app.stop().await;
    });
}

#[test]
fn lifetimes_follow_the_settings() {
    on_each_backend(async |database| {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_032)));
        let time = Arc::clone(&clock);
        let app = TestApp::start_with(database, clock, |config| {
            config.auth.access_token_minutes = 5;
            config.auth.session_days = 2;
        })
        .await;
        app.signup("alice").await;
        let body = json!({"username": "alice", "password": crate::app::PASSWORD});
        let login = app.post("/api/v1/auth/login", &body).await;
        assert_eq!(login.json["expires_in"], 300);
        let member = login.member();
        time.advance(Duration::from_mins(5));
        app.get("/api/v1/users/@me", &member.access)
            .await
            .assert_problem(401, "token_expired");
        time.advance(Duration::from_hours(47));
        let next = refresh(&app, &member.refresh).await.member();
        assert_lives(&app, &next).await;
        time.advance(Duration::from_hours(48));
        refresh(&app, &next.refresh)
            .await
            .assert_problem(401, "invalid_refresh_token");
        app.stop().await;
    });
}

/// Whoever reads the database gets no token that opens anything.
#[test]
fn tokens_are_kept_as_hashes_alone() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let first = app.signup("alice").await;
        let second = refresh(&app, &first.refresh).await.member();
        let read = |connection: &mut Connection| {
            let rows = refresh_tokens::table
                .order(refresh_tokens::created_at)
                .select(refresh_tokens::token_hash);
            Ok::<Vec<Vec<u8>>, DatabaseError>(rows.load(connection)?)
        };
        let mut kept = app.app().ctx().db().read(read).await.unwrap();
        let mut hashes = [&first, &second].map(|member| hash_of(&member.refresh));
        kept.sort();
        hashes.sort();
        assert_eq!(kept, hashes);
        // What is kept is no token.
        for hash in &kept {
            let text = hash.iter().map(|byte| format!("{byte:02x}"));
            refresh(&app, &text.collect::<String>())
                .await
                .assert_problem(401, "invalid_refresh_token");
        }
        assert_lives(&app, &second).await;
        app.stop().await;
    });
}
