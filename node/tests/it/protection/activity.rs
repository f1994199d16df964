//! What those who run the node see: activity by the hour, sessions, the audit log.

use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::testing::{ManualClock, on_each_backend};
use folkmoot::config::Config;
use folkmoot::platform::db::schema::audit_log;
use serde_json::{Value, json};

use super::{clock, set};
use crate::app::{Member, TestApp};

const ACTIVITY: &str = "/api/v1/admin/activity";

/// A name that stays over restarts, since tokens count for one origin.
fn named(config: &mut Config) {
    config.server.public_url = Some("http://chat.example".to_owned());
}

async fn counts(app: &TestApp, owner: &Member, query: &str) -> Vec<i64> {
    let reply = app.get(&format!("{ACTIVITY}?{query}"), &owner.access).await;
    assert_eq!(reply.status.as_u16(), 200, "{:?}", reply.json);
    let points = reply.json["points"].as_array().unwrap();
    let count = |point: &Value| point["count"].as_i64().unwrap();
    points.iter().map(count).collect()
}

#[test]
fn activity_is_counted_by_the_hour_and_outlives_the_server() {
    on_each_backend(async |database| {
        let time = clock();
        let app = TestApp::start_with(database, Arc::<ManualClock>::clone(&time), named).await;
        let owner = app.signup("owner").await;
        let bob = app.signup("bob").await;
        app.login("owner").await;
        let body = json!({"recipients": ["bob"]});
        let call = app
            .call(http::Method::POST, "/api/v1/dms")
            .bearer(&owner.access);
        let dm = call.json(&body).send().await;
        let channel = dm.text("/id");
        let path = format!("/api/v1/channels/{channel}/messages");
        for key in ["a", "b", "b"] {
            let call = app.call(http::Method::POST, &path).bearer(&bob.access);
            let call = call.header("idempotency-key", key);
            let sent = call.json(&json!({"content": key})).send().await;
            assert_eq!(sent.status.as_u16(), 201, "{:?}", sent.json);
        }
        time.advance(Duration::from_hours(1));
        let owner = app.login("owner").await;
        let (database, data_dir) = app.stop().await;
        let app =
            TestApp::start_in(database, data_dir, Arc::<ManualClock>::clone(&time), named).await;
        time.advance(Duration::from_secs(1));
        assert_eq!(counts(&app, &owner, "kind=signup").await, [2]);
        assert_eq!(counts(&app, &owner, "kind=sign_in").await, [1, 1]);
        // A repeat is no second message.
        assert_eq!(counts(&app, &owner, "kind=message").await, [2]);
        let of_channel = format!("kind=message&subject={channel}");
        assert_eq!(counts(&app, &owner, &of_channel).await, [2]);
        let of_none = counts(&app, &owner, "kind=message&subject=none").await;
        assert!(of_none.is_empty());
        let sessions = counts(&app, &owner, "kind=sessions_open").await;
        assert!(sessions.iter().all(|count| *count <= 4), "{sessions:?}");
        let shown = app
            .get(&format!("{ACTIVITY}?kind=message"), &owner.access)
            .await;
        assert_eq!(shown.json["top"], json!([{"subject": channel, "count": 2}]));
        let days = "kind=sign_in&by=day&from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z";
        let by_day = counts(&app, &owner, days).await;
        assert_eq!(by_day.iter().sum::<i64>(), 2);
        for wrong in [
            "kind=sign_in&from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z",
            "kind=sign_in&from=2027-01-01T00:00:00Z&to=2026-01-01T00:00:00Z",
        ] {
            let reply = app.get(&format!("{ACTIVITY}?{wrong}"), &owner.access).await;
            reply.assert_problem(422, "invalid_range");
        }
        app.stop().await;
    });
}

#[test]
fn sessions_are_counted() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let owner = app.signup("owner").await;
        let bob = app.signup("bob").await;
        app.login("bob").await;
        let out = json!({"refresh_token": bob.refresh});
        app.post("/api/v1/auth/logout", &out).await;
        let counts = app.get("/api/v1/admin/sessions", &owner.access).await.json;
        let expected = json!({"open": 2, "members": 2, "used_today": 2, "begun_today": 3});
        assert_eq!(counts, expected);
        app.stop().await;
    });
}

#[test]
fn the_audit_log_is_read_page_by_page() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let owner = app.signup("owner").await;
        for read in 5000..5005 {
            set(&app, &owner, &json!({"read": read})).await;
        }
        let start = "/api/v1/admin/audit-log?action=rate_limits.update&limit=2";
        let mut path = start.to_owned();
        let mut seen = Vec::new();
        loop {
            let page = app.get(&path, &owner.access).await.json;
            for entry in page["items"].as_array().unwrap() {
                seen.push(entry["after"]["read"].as_i64().unwrap());
            }
            let Some(next) = page["next"].as_str() else {
                break;
            };
            path = format!("{start}&before={next}");
        }
        assert_eq!(seen, [5004, 5003, 5002, 5001, 5000]);
        let of_nobody = "/api/v1/admin/audit-log?actor=0197a3c2-7b1e-7c55-8f00-6b7d2f6f1a11";
        let none = app.get(of_nobody, &owner.access).await.json;
        assert_eq!(none["items"], json!([]));
        app.stop().await;
    });
}

#[test]
fn old_entries_leave_the_audit_log() {
    on_each_backend(async |database| {
        let time = clock();
        let app = TestApp::start_with(database, Arc::<ManualClock>::clone(&time), |config| {
            config.limits.audit_days = 2;
        })
        .await;
        let owner = app.signup("owner").await;
        set(&app, &owner, &json!({"read": 5000})).await;
        time.advance(Duration::from_hours(47));
        let owner = app.login("owner").await;
        set(&app, &owner, &json!({"read": 5001})).await;
        let kept = async || {
            let read = |connection: &mut Connection| {
                let rows = audit_log::table
                    .filter(audit_log::action.eq("rate_limits.update"))
                    .select(audit_log::after.assume_not_null());
                Ok::<Vec<String>, DatabaseError>(rows.load(connection)?)
            };
            app.app().ctx().db().read(read).await.unwrap()
        };
        assert_eq!(kept().await.len(), 2);
        // The log is looked through every hour, by the clock of the server.
        let mut left = kept().await;
        for _ in 0..100 {
            if left.len() < 2 {
                break;
            }
            time.advance(Duration::from_mins(10));
            tokio::time::sleep(Duration::from_millis(20)).await;
            left = kept().await;
        }
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(left[0].contains("5001"), "{left:?}");
        app.stop().await;
    });
}
