//! Headers of every answer, and which pages of other origins may read answers.

use std::sync::Arc;

use federation_core::SystemClock;
use federation_core::testing::on_each_backend;
use http::Method;

use super::{block, from, proxied};
use crate::app::{Reply, TestApp};

const INFO: &str = "/api/v1/info";
const PAGE: &str = "https://app.example";

fn assert_headers(reply: &Reply) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(reply.headers[name], value, "{:?}", reply.json);
    }
    let policy = reply.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(reply.headers.contains_key("permissions-policy"));
    assert!(!reply.headers.contains_key("set-cookie"));
}

#[test]
fn every_answer_carries_the_headers() {
    on_each_backend(async |database| {
        let app = proxied(database, Arc::new(SystemClock)).await;
        let owner = app.signup("owner").await;
        block(&app, &owner, "203.0.113.9").await;
        let get = Method::GET;
        let replies = [
            (200, app.call(get.clone(), INFO)),
            (401, app.call(get.clone(), "/api/v1/users/@me")),
            (404, app.call(get.clone(), "/nothing")),
            (405, app.call(Method::PATCH, "/api/v1/auth/login")),
            (403, from(&app, get, INFO, "203.0.113.9")),
            (
                413,
                app.call(Method::POST, "/inbox").body(vec![b' '; 2 << 20]),
            ),
        ];
        for (status, call) in replies {
            let reply = call.send().await;
            assert_eq!(reply.status.as_u16(), status);
            assert_headers(&reply);
            assert!(!reply.headers.contains_key("strict-transport-security"));
        }
        app.stop().await;
    });
}

#[test]
fn only_nodes_on_https_ask_for_https() {
    on_each_backend(async |database| {
        let app = TestApp::start_with(database, Arc::new(SystemClock), |config| {
            config.server.public_url = Some("https://chat.example".to_owned());
        })
        .await;
        let reply = app.call(Method::GET, INFO).send().await;
        assert_eq!(
            reply.headers["strict-transport-security"],
            "max-age=31536000"
        );
        app.stop().await;
    });
}

#[test]
fn attack_pages_of_other_origins_read_nothing() {
    on_each_backend(async |database| {
        let app = TestApp::start_with(database, Arc::new(SystemClock), |config| {
            config.server.cors_origins = vec![PAGE.to_owned()];
        })
        .await;
        let asked = async |method: Method, path: &str, origin: &str| {
            let call = app.call(method, path).header("origin", origin);
            call.header("access-control-request-method", "POST")
                .send()
                .await
        };
        let login = "/api/v1/auth/login";
        let reply = asked(Method::OPTIONS, login, PAGE).await;
        assert_eq!(reply.status.as_u16(), 204);
        assert_eq!(reply.headers["access-control-allow-origin"], PAGE);
        assert_eq!(reply.headers["vary"], "origin");
        let allowed = reply.headers["access-control-allow-headers"]
            .to_str()
            .unwrap();
        assert!(allowed.contains("authorization"));
        // A refusal is readable to the page as well.
        let reply = asked(Method::GET, "/api/v1/users/@me", PAGE).await;
        assert_eq!(reply.status.as_u16(), 401);
        assert_eq!(reply.headers["access-control-allow-origin"], PAGE);
        for origin in [
            "https://evil.example",
            "https://app.example.evil.example",
            "https://evil-app.example",
            "http://app.example",
            "https://app.example:444",
            "https://APP.example",
            "https://app.example/",
            "https://app.example, https://evil.example",
            "null",
            "*",
        ] {
            for (method, path) in [(Method::OPTIONS, login), (Method::GET, INFO)] {
                let reply = asked(method, path, origin).await;
                let told = reply.headers.get("access-control-allow-origin");
                assert_eq!(told, None, "{origin}");
                assert_eq!(reply.headers["vary"], "origin");
            }
        }
        for path in ["/users/owner", "/inbox", "/nothing"] {
            let reply = asked(Method::GET, path, PAGE).await;
            assert!(
                !reply.headers.contains_key("access-control-allow-origin"),
                "{path}"
            );
        }
        let reply = asked(Method::GET, INFO, PAGE).await;
        {
            assert!(
                !reply
                    .headers
                    .contains_key("access-control-allow-credentials")
            );
        }
        app.stop().await;
    });
}
