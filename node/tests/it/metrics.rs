//! What the server tells Prometheus, on a listener of its own.

use std::collections::HashMap;
use std::sync::Arc;

use federation_core::SystemClock;
use federation_core::testing::on_each_backend;
use reqwest::Method;

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
    let text = answer.text().await.unwrap();
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
