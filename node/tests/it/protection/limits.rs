//! How much is too much, and what follows.

use std::time::Duration;

use federation_core::SystemClock;
use federation_core::testing::{ManualClock, on_each_backend};
use http::Method;
use serde_json::json;
use std::sync::Arc;

use super::{BLOCKS, LIMITS, block, clock, from, proxied, set};
use crate::app::{PASSWORD, TestApp};

const LOGIN: &str = "/api/v1/auth/login";
const INFO: &str = "/api/v1/info";
const CLIENT: &str = "203.0.113.9";

#[test]
fn limits_are_told_and_hold() {
    on_each_backend(async |database| {
        let time = clock();
        let app = proxied(database, Arc::<ManualClock>::clone(&time)).await;
        let owner = app.signup("owner").await;
        set(&app, &owner, &json!({"read": 3, "window_seconds": 30})).await;
        let ask = async || from(&app, Method::GET, INFO, CLIENT).send().await;
        for left in [2, 1, 0] {
            let reply = ask().await;
            assert_eq!(reply.status.as_u16(), 200);
            assert_eq!(reply.headers["ratelimit-policy"], "\"read\";q=3;w=30");
            let told = reply.headers["ratelimit"].to_str().unwrap();
            let full_in = 10 * (3 - left);
            assert_eq!(told, format!("\"read\";r={left};t={full_in}"));
        }
        let refused = ask().await;
        refused.assert_problem(429, "too_many_requests");
        assert_eq!(refused.headers["retry-after"], "30");
        assert_eq!(refused.headers["ratelimit"], "\"read\";r=0;t=30");
        // Another client, and another class, have buckets of their own.
        let other = from(&app, Method::GET, INFO, "203.0.113.10").send().await;
        assert_eq!(other.status.as_u16(), 200);
        time.advance(Duration::from_secs(30));
        assert_eq!(ask().await.status.as_u16(), 200);
        // A member has a bucket wherever they ask from.
        set(&app, &owner, &json!({"read": 2})).await;
        let me = "/api/v1/users/@me";
        for address in ["203.0.113.20", "203.0.113.21"] {
            let call = from(&app, Method::GET, me, address).bearer(&owner.access);
            let told = call.send().await.headers["ratelimit"].clone();
            assert!(told.to_str().unwrap().contains("\"read-account\";r="));
        }
        let call = from(&app, Method::GET, me, "203.0.113.22").bearer(&owner.access);
        call.send().await.assert_problem(429, "too_many_requests");
        app.stop().await;
    });
}

#[test]
fn attack_64_invented_addresses_buy_nothing() {
    on_each_backend(async |database| {
        // Nobody stands in front: what a client writes about itself is not read.
        let app = TestApp::start(database).await;
        let owner = app.signup("owner").await;
        set(&app, &owner, &json!({"auth": 4, "exempt": []})).await;
        let body = json!({"username": "nobody", "password": PASSWORD});
        let mut passed = 0;
        for number in 0..20 {
            let address = format!("198.51.100.{number}");
            let mut call = app.call(Method::POST, LOGIN).json(&body);
            for name in ["x-forwarded-for", "x-real-ip", "cf-connecting-ip"] {
                call = call.header(name, &address);
            }
            call = call.header("forwarded", &format!("for={address}"));
            passed += usize::from(call.send().await.status.as_u16() != 429);
        }
        assert_eq!(passed, 4);
        app.stop().await;
    });
}

#[test]
fn attack_64_what_a_client_writes_before_the_proxy_is_not_read() {
    on_each_backend(async |database| {
        let app = proxied(database, Arc::new(SystemClock)).await;
        let owner = app.signup("owner").await;
        set(&app, &owner, &json!({"read": 10, "warnings": 1000})).await;
        let mut passed = 0;
        for number in 0..40_u32 {
            let call = app.call(Method::GET, INFO);
            // What the proxy adds stands last, in the last field, in any writing.
            let call = match number % 5 {
                0 => call.header("x-forwarded-for", &format!("8.8.8.{number}, {CLIENT}")),
                1 => call
                    .header("x-forwarded-for", &format!("8.8.4.{number}"))
                    .header("x-forwarded-for", CLIENT),
                2 => call.header(
                    "x-forwarded-for",
                    &format!("127.0.0.{number},::ffff:{CLIENT}"),
                ),
                3 => call.header(
                    "x-forwarded-for",
                    &format!("rubbish{number}, {CLIENT}:40{number}"),
                ),
                _ => call
                    .header("forwarded", &format!("for=8.8.8.{number}"))
                    .header("x-forwarded-for", CLIENT),
            };
            passed += usize::from(call.send().await.status.as_u16() == 200);
        }
        assert_eq!(passed, 10);
        app.stop().await;
    });
}

#[test]
fn attack_64_tricks_with_paths_and_methods_buy_nothing() {
    on_each_backend(async |database| {
        let app = proxied(database, Arc::new(SystemClock)).await;
        let owner = app.signup("owner").await;
        set(
            &app,
            &owner,
            &json!({"auth": 2, "read": 6, "write": 6, "warnings": 1000}),
        )
        .await;
        let body = json!({"username": "owner", "password": PASSWORD});
        let mut signed_in = 0;
        let paths = [
            LOGIN,
            "/api/v1/auth/login?again=1",
            "/api/v1/auth/login/",
            "/api/v1/auth//login",
            "/API/v1/auth/login",
            "/api/v1/auth/%6cogin",
            "/api/v1/auth/login;x=1",
        ];
        for round in 0..4 {
            for path in paths {
                // Each kind of trick from an address of its own, so that no wait hides it.
                let address = format!("203.0.113.{}", 1 + path.len() % 50);
                let call = from(&app, Method::POST, path, &address).json(&body);
                let status = call.send().await.status.as_u16();
                assert_ne!(status, 500, "{path}");
                if path.split('?').next() != Some(LOGIN) {
                    assert_ne!(status, 200, "{path} is served in round {round}");
                }
            }
            let call = from(&app, Method::POST, LOGIN, CLIENT).json(&body);
            signed_in += usize::from(call.send().await.status.as_u16() == 200);
        }
        assert_eq!(signed_in, 2);
        // HEAD, paths that nothing serves and methods that are not served are paid for as well.
        let mut passed = 0;
        for number in 0..8 {
            for (method, path) in [
                (Method::HEAD, INFO),
                (Method::GET, "/nothing"),
                (Method::GET, INFO),
            ] {
                let address = "203.0.113.77";
                let call = from(&app, method, &format!("{path}?{number}"), address);
                passed += usize::from(call.send().await.status.as_u16() != 429);
            }
        }
        assert_eq!(passed, 6);
        app.stop().await;
    });
}

#[test]
fn attack_64_who_goes_on_is_held_off_and_then_blocked() {
    on_each_backend(async |database| {
        let time = clock();
        let app = proxied(database, Arc::<ManualClock>::clone(&time)).await;
        let owner = app.signup("owner").await;
        let few = json!({
            "auth": 1, "warnings": 3, "cool_down_seconds": 10, "window_seconds": 10,
            "cool_down_most_seconds": 20, "block_seconds": 600,
        });
        set(&app, &owner, &few).await;
        let spray = async |number: usize| {
            let body = json!({"username": format!("user{number}"), "password": PASSWORD});
            from(&app, Method::POST, LOGIN, CLIENT)
                .json(&body)
                .send()
                .await
        };
        // One warning for each time that the wait was kept and the limit was not.
        for wait in ["10", "20", "20"] {
            spray(0).await;
            let refused = spray(1).await;
            refused.assert_problem(429, "too_many_requests");
            assert_eq!(refused.headers["retry-after"], wait);
            // The wait is for everything.
            let reading = from(&app, Method::GET, INFO, CLIENT).send().await;
            reading.assert_problem(429, "too_many_requests");
            time.advance(Duration::from_secs(wait.parse().unwrap()));
        }
        spray(0).await;
        spray(1).await.assert_problem(403, "address_blocked");
        let reading = from(&app, Method::GET, INFO, CLIENT).send().await;
        reading.assert_problem(403, "address_blocked");
        let other = from(&app, Method::GET, INFO, "203.0.113.10").send().await;
        assert_eq!(other.status.as_u16(), 200);
        // The row follows, with the act in the log.
        let listed = loop {
            let listed = app.get(BLOCKS, &owner.access).await.json;
            if listed["items"] != json!([]) {
                break listed["items"][0].clone();
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(listed["network"], format!("{CLIENT}/32"));
        assert_eq!(listed["automatic"], true);
        let path = "/api/v1/admin/audit-log?action=address.block";
        let log = app.get(path, &owner.access).await.json;
        assert_eq!(log["items"][0]["actor_kind"], "system");
        assert_eq!(log["items"][0]["target_id"], format!("{CLIENT}/32"));
        time.advance(Duration::from_mins(10));
        let again = from(&app, Method::GET, INFO, CLIENT).send().await;
        assert_eq!(again.status.as_u16(), 200);
        app.stop().await;
    });
}

#[test]
fn settings_are_checked_audited_and_stay() {
    on_each_backend(async |database| {
        let app = proxied(database, Arc::new(SystemClock)).await;
        let owner = app.signup("owner").await;
        let limits = app.get(LIMITS, &owner.access).await.json;
        for (name, value) in [
            ("read", 6000),
            ("auth", 1200),
            ("search", 600),
            ("upload", 900),
            ("write", 3000),
        ] {
            assert_eq!(limits[name], value);
        }
        let put = async |body: &serde_json::Value| {
            let call = app.call(Method::PUT, LIMITS).bearer(&owner.access);
            call.json(body).send().await
        };
        for (name, value) in [
            ("read", json!(0)),
            ("window_seconds", json!(86_400)),
            ("cool_down_most_seconds", json!(1)),
        ] {
            let mut wrong = limits.clone();
            wrong[name] = value;
            put(&wrong).await.assert_problem(422, "invalid_limits");
        }
        let mut wrong = limits.clone();
        wrong["exempt"] = json!(["not a network"]);
        put(&wrong).await.assert_problem(422, "invalid_body");
        assert_eq!(app.get(LIMITS, &owner.access).await.json, limits);
        set(&app, &owner, &json!({"read": 1234})).await;
        let path = "/api/v1/admin/audit-log?action=rate_limits.update";
        let log = app.get(path, &owner.access).await.json;
        assert_eq!(log["items"][0]["before"]["read"], 6000);
        assert_eq!(log["items"][0]["after"]["read"], 1234);
        assert_eq!(log["items"][0]["actor_id"], owner.id);
        assert_eq!(log["items"][0]["address"], "127.0.0.1");
        block(&app, &owner, CLIENT).await;
        let (database, data_dir) = app.stop().await;
        let clock = Arc::new(SystemClock);
        let app = TestApp::start_in(database, data_dir, clock, super::behind_proxy).await;
        assert_eq!(app.app().ctx().limits().settings().read, 1234);
        let refused = from(&app, Method::GET, INFO, CLIENT).send().await;
        refused.assert_problem(403, "address_blocked");
        app.stop().await;
    });
}
