//! The keys of access tokens: listed for others, and changed while the server runs.

use std::sync::Arc;
use std::time::Duration;

use federation_core::Timestamp;
use federation_core::testing::{ManualClock, on_each_backend};
use folkmoot::auth::token::{KeySet, Tokens};
use reqwest::Method;
use serde_json::Value;

use super::forge::{self, Signer, shown};
use crate::app::TestApp;

fn kid(token: &str) -> String {
    forge::parts(token).0["kid"].as_str().unwrap().to_owned()
}

async fn listed(app: &TestApp) -> Vec<Value> {
    let reply = app.call(Method::GET, "/.well-known/jwks.json").send().await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["content-type"], "application/jwk-set+json");
    assert_eq!(reply.headers["cache-control"], "public, max-age=300");
    reply.json["keys"].as_array().unwrap().clone()
}

#[test]
fn the_key_set_lists_public_halves_alone() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let member = app.signup("alice").await;
        let keys = listed(&app).await;
        assert_eq!(keys.len(), 1);
        let signer = Signer::of(&app).await;
        assert_eq!(keys[0], signer.jwk(&Value::from(kid(&member.access))));
        app.stop().await;
    });
}

#[test]
fn keys_rotate_while_the_server_runs_and_overlap() {
    on_each_backend(async |database| {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_032)));
        let time = Arc::clone(&clock);
        let app = TestApp::start_with(database, clock, |config| {
            config.auth.access_token_minutes = 60;
            config.auth.session_days = 365;
        })
        .await;
        let tokens: &Tokens = &app.app().parts().auth.tokens;
        app.signup("alice").await;
        let first = listed(&app).await;
        time.advance(Duration::from_hours(90 * 24) - Duration::from_mins(5));
        let old = app.login("alice").await;
        // The worker that keeps the keys wakes up by the clock of the server.
        let until = async |count: usize| -> KeySet {
            let reached = async {
                loop {
                    let keys = tokens.key_set();
                    if keys.keys.len() == count {
                        return keys;
                    }
                    tokio::task::yield_now().await;
                }
            };
            let reached = tokio::time::timeout(Duration::from_secs(10), reached).await;
            reached.expect("the keys change")
        };
        until(1).await;
        time.advance(Duration::from_mins(6));
        until(2).await;
        // Listed, and silent at first.
        let both = listed(&app).await;
        assert_eq!(both[1], first[0]);
        let before = app.login("alice").await;
        assert_eq!(kid(&before.access), kid(&old.access));
        time.advance(Duration::from_mins(11));
        let newer = kid_changes(&app, &kid(&old.access)).await;
        assert_eq!(both[0]["kid"], kid(&newer));
        for token in [&old.access, &before.access, &newer] {
            assert_eq!(shown(&app, token).await, "ok");
        }
        // Once no token of the old key can be alive, it is gone, and what it signs is refused.
        let thief = Signer::of_oldest(&app).await;
        let (header, mut claims, _) = forge::parts(&old.access);
        time.advance(Duration::from_mins(72));
        until(1).await;
        assert_eq!(listed(&app).await, [both[0].clone()]);
        let now = app.app().ctx().now().as_seconds();
        claims["iat"] = now.into();
        claims["exp"] = (now + 600).into();
        let token = thief.sign(&header, &claims);
        assert_eq!(shown(&app, &token).await, "invalid_token");
        app.stop().await;
    });
}

/// An access token, once sign-ins get them from another key.
async fn kid_changes(app: &TestApp, old: &str) -> String {
    for _ in 0..100 {
        let member = app.login("alice").await;
        if kid(&member.access) != old {
            return member.access;
        }
    }
    panic!("the new key does not sign");
}
