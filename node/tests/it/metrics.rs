//! What the server tells Prometheus, on a listener of its own.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use federation_core::testing::{ManualClock, on_each_backend};
use federation_core::{SystemClock, Timestamp};
use metrics_exporter_prometheus::PrometheusBuilder;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::app::TestApp;

/// The samples of one answer, by name and labels as they are written.
async fn samples(address: &str) -> HashMap<String, f64> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{address}/metrics");
    let answer = client.get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let kind = answer.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    parse(&answer.text().await.unwrap())
}

fn parse(text: &str) -> HashMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

/// How often this was done with a token, with this outcome.
fn operations(samples: &HashMap<String, f64>, operation: &str, outcome: &str) -> f64 {
    let labels = [
        format!("operation=\"{operation}\""),
        format!("outcome=\"{outcome}\""),
    ];
    let is_meant = |name: &str| {
        name.starts_with("folkmoot_token_operations_total{")
            && labels.iter().all(|label| name.contains(label))
    };
    let counted = samples.iter().filter(|(name, _)| is_meant(name));
    counted.map(|(_, count)| *count).sum()
}

/// The code that a token is refused with, if it is, and the outcomes that are counted for it.
///
/// Other tests count at the same time, so this records only what the call itself does.
pub(crate) async fn judged(
    app: &TestApp,
    token: &str,
) -> (Option<&'static str>, Vec<(&'static str, f64)>) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let authenticator = Arc::clone(app.app().ctx().authenticator());
    let mut judging = authenticator.authenticate(token);
    let judged = poll_fn(|context| {
        ::metrics::with_local_recorder(&recorder, || judging.as_mut().poll(context))
    });
    let judged = judged.await;
    let samples = parse(&recorder.handle().render());
    let outcomes = ["ok", "invalid", "expired", "ended", "refused", "failed"];
    let counted = outcomes.map(|outcome| (outcome, operations(&samples, "check", outcome)));
    let counted = counted.into_iter().filter(|(_, count)| *count > 0.0);
    (judged.err().map(|error| error.code()), counted.collect())
}

#[test]
fn a_token_is_counted_once_by_how_it_was_judged() {
    on_each_backend(async |database| {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_032)));
        let time = Arc::clone(&clock);
        let app = TestApp::start_with(database, clock, |_| {}).await;
        let alice = app.signup("alice").await;
        let make = async || {
            let call = app.call(Method::POST, "/api/v1/auth/tokens");
            let body = json!({"name": "bot", "scopes": ["read"], "expires_in_days": 1});
            let made = call.bearer(&alice.access).json(&body).send().await;
            assert_eq!(made.status, StatusCode::CREATED, "{:#}", made.json);
            made
        };
        let (first, second) = (make().await, make().await);
        let (first, id) = (first.text("/token"), first.text("/id"));
        let second = second.text("/token");
        let counted = async |token: &str, code: Option<&'static str>, outcome: &'static str| {
            let expected = (code, vec![(outcome, 1.0)]);
            assert_eq!(judged(&app, token).await, expected, "{outcome}");
        };
        for good in [&alice.access, &first, &second] {
            counted(good, None, "ok").await;
        }
        let unknown = format!("fmpat_{}", "A".repeat(43));
        for forged in ["forged", &unknown] {
            counted(forged, Some("invalid_token"), "invalid").await;
        }
        let path = format!("/api/v1/auth/tokens/{id}");
        let deleted = app.call(Method::DELETE, &path).bearer(&alice.access);
        assert_eq!(deleted.send().await.status, StatusCode::NO_CONTENT);
        counted(&first, Some("session_ended"), "ended").await;
        time.advance(Duration::from_hours(24));
        for old in [&alice.access, &second] {
            counted(old, Some("token_expired"), "expired").await;
        }
        app.stop().await;
    });
}

#[test]
fn metrics_move_with_traffic_on_a_listener_of_their_own() {
    on_each_backend(async |database| {
        let app = TestApp::start_with(database, Arc::new(SystemClock), |config| {
            config.telemetry.metrics_bind = Some("127.0.0.1:0".parse().unwrap());
        })
        .await;
        let address = app.app().metrics_address().unwrap().to_string();
        let before = samples(&address).await;
        let count =
            |samples: &HashMap<String, f64>, name: &str| samples.get(name).copied().unwrap_or(0.0);

        app.signup("alice").await;
        let unsigned = app.call(Method::POST, "/inbox").body("{}").send().await;
        assert!(unsigned.status.is_client_error());
        let forged = app.get("/api/v1/users/@me", "forged").await;
        forged.assert_problem(401, "invalid_token");

        let after = samples(&address).await;
        for name in [
            "federation_database_writes_total",
            "federation_database_commit_seconds_count",
        ] {
            assert!(
                count(&after, name) > count(&before, name),
                "{name}: {after:?}"
            );
        }
        for (operation, outcome) in [("issue", "ok"), ("check", "invalid")] {
            let count = |samples| operations(samples, operation, outcome);
            assert!(
                count(&after) > count(&before),
                "{operation} {outcome}: {after:?}"
            );
        }
        let refused = r#"federation_inbox_requests_total{code="signature_missing"}"#;
        assert!(
            count(&after, refused) > count(&before, refused),
            "{after:?}"
        );
        assert!(count(&after, "folkmoot_connections") >= 1.0);
        assert!(after.contains_key("folkmoot_sockets"));

        // The world reads none of it.
        assert_eq!(app.call(Method::GET, "/metrics").send().await.status, 404);
        app.stop().await;
    });
}

#[test]
fn nothing_is_served_unless_an_address_is_set() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        assert_eq!(app.app().metrics_address(), None);
        app.stop().await;
    });
}
