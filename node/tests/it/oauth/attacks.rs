//! Ways around OAuth that must not work.

use std::sync::Arc;
use std::time::Duration;

use federation_core::Timestamp;
use federation_core::testing::{ManualClock, on_each_backend};
use reqwest::StatusCode;
use serde_json::json;

use super::*;

#[test]
fn attack_redirect_uri_tricks_lead_nowhere() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let uris = json!({"redirect_uris": [REDIRECT, "http://127.0.0.1/cb"]});
        let club = application(&app, uris).await;
        for trick in [
            "https://app.example/cb/",
            "https://app.example/cb/more",
            "https://app.example/cbx",
            "https://app.example/cb?x=1",
            "https://app.example/cb#x",
            "https://app.example:8443/cb",
            "https://app.example.evil.example/cb",
            "https://app.example@evil.example/cb",
            "http://app.example/cb",
            "http://127.0.0.1:9/other",
            "http://localhost/cb",
            "//app.example/cb",
            "javascript:alert(1)",
        ] {
            let (status, headers, _) = page(&app, &query(&club, &[("redirect_uri", trick)])).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{trick}");
            assert!(!headers.contains_key("location"), "{trick}");
        }
        let any_port = ("redirect_uri", "http://127.0.0.1:61234/cb");
        let (status, _, _) = page(&app, &query(&club, &[any_port])).await;
        assert_eq!(status, StatusCode::OK);
        let twice = format!(
            "{}&redirect_uri=https%3A%2F%2Fevil.example",
            query(&club, &[])
        );
        let (status, headers, _) = page(&app, &twice).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(!headers.contains_key("location"));
        for bad in [
            "http://app.example/cb",
            "javascript:alert(1)",
            "https://a.example/#x",
        ] {
            let reply = register(&app, json!({"redirect_uris": [bad]})).await;
            assert_error(&reply, 400, "invalid_redirect_uri");
        }
        app.stop().await;
    });
}

#[test]
fn attack_a_code_counts_once_and_its_replay_ends_what_it_gave() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let alice = app.signup("alice").await;
        let club = application(&app, json!({})).await;
        let code = agree(&app, &query(&club, &[]), "alice").await;
        let first = redeem(&app, &club, &code).await;
        assert_eq!(first.status, StatusCode::OK, "{:?}", first.json);
        let access = first.text("/access_token");
        assert_eq!(
            app.get("/api/v1/users/@me", &access).await.status,
            StatusCode::OK
        );
        assert_error(&redeem(&app, &club, &code).await, 400, "invalid_grant");
        app.get("/api/v1/users/@me", &access)
            .await
            .assert_problem(401, "session_ended");
        let late = refresh(&app, &club, &first.text("/refresh_token"), "").await;
        assert_error(&late, 400, "invalid_grant");
        // The member's own sign-in is not touched.
        assert_eq!(
            app.get("/api/v1/users/@me", &alice.access).await.status,
            StatusCode::OK
        );
        app.stop().await;
    });
}

#[test]
fn attack_parallel_use_of_a_code_gives_at_most_one_pair() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        app.signup("alice").await;
        let club = application(&app, json!({})).await;
        let code = agree(&app, &query(&club, &[]), "alice").await;
        let calls = (0..8).map(|_| redeem(&app, &club, &code));
        let replies = futures_util::future::join_all(calls).await;
        let good = replies.iter().filter(|it| it.status == StatusCode::OK);
        assert_eq!(good.count(), 1);
        app.stop().await;
    });
}

#[test]
fn attack_codes_without_their_verifier_or_of_another_application_are_worthless() {
    on_each_backend(async |database| {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_032)));
        let time = Arc::clone(&clock);
        let app = TestApp::start_with(database, clock, |_| {}).await;
        app.signup("alice").await;
        let club = application(&app, json!({})).await;
        let thief = application(&app, json!({})).await;
        let code = agree(&app, &query(&club, &[]), "alice").await;
        let challenge = challenge();
        let other = "another-verifier-another-verifier-another-verifier";
        for (client, verifier, redirect, error) in [
            (&thief, VERIFIER, REDIRECT, "invalid_grant"),
            (&club, other, REDIRECT, "invalid_grant"),
            (&club, challenge.as_str(), REDIRECT, "invalid_grant"),
            (&club, "", REDIRECT, "invalid_request"),
            (
                &club,
                VERIFIER,
                "https://app.example/other",
                "invalid_grant",
            ),
        ] {
            let sent = [
                ("grant_type", "authorization_code"),
                ("client_id", client.id.as_str()),
                ("code", code.as_str()),
                ("redirect_uri", redirect),
                ("code_verifier", verifier),
            ];
            assert_error(&form(&app, "/oauth/token", &sent).await, 400, error);
        }
        // None of that used it up; a minute does.
        time.advance(Duration::from_secs(61));
        assert_error(&redeem(&app, &club, &code).await, 400, "invalid_grant");
        let bots = [
            ("grant_type", "client_credentials"),
            ("client_id", &club.id),
        ];
        let reply = form(&app, "/oauth/token", &bots).await;
        assert_error(&reply, 400, "unsupported_grant_type");
        app.stop().await;
    });
}

#[test]
fn attack_weak_requests_are_sent_back() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let club = application(&app, json!({"scope": "read"})).await;
        for (name, text, error) in [
            ("code_challenge_method", "plain", "invalid_request"),
            ("code_challenge_method", "", "invalid_request"),
            ("code_challenge", "", "invalid_request"),
            ("code_challenge", "short", "invalid_request"),
            ("response_type", "token", "unsupported_response_type"),
            ("scope", "read admin", "invalid_scope"),
            ("scope", "everything", "invalid_scope"),
        ] {
            let asked = query(&club, &[("scope", "read"), (name, text)]);
            let (status, headers, html) = page(&app, &asked).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{name}={text}");
            // The member is asked before they are led to where nobody has looked.
            assert!(!headers.contains_key("location"), "{name}={text}");
            let (_, link) = html.split_once("href=\"").unwrap();
            let link = link.split('"').next().unwrap().replace("&amp;", "&");
            let url: Url = link.parse().unwrap();
            let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            assert!(url.as_str().starts_with(REDIRECT));
            assert_eq!(value(&pairs, "error"), Some(error), "{name}={text}");
            assert_eq!(value(&pairs, "iss"), Some(app.origin().as_str()));
            assert_eq!(value(&pairs, "code"), None);
        }
        app.stop().await;
    });
}

#[test]
fn attack_scopes_never_grow() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let (_, club, tokens) = granted(&app).await;
        let mut token = tokens.text("/refresh_token");
        // Refused before the token is used up, so the honest application goes on.
        for wider in ["read write admin", "admin", "root"] {
            let reply = refresh(&app, &club, &token, wider).await;
            assert_error(&reply, 400, "invalid_scope");
        }
        let narrow = refresh(&app, &club, &token, "read").await;
        assert_eq!(narrow.json["scope"], "read");
        token = narrow.text("/refresh_token");
        let patch = app
            .call(Method::PATCH, "/api/v1/users/@me")
            .bearer(&narrow.text("/access_token"))
            .json(&json!({"bio": "x"}));
        patch.send().await.assert_problem(403, "insufficient_scope");
        let full = refresh(&app, &club, &token, "").await;
        assert_eq!(full.json["scope"], "read write");
        // A member without powers has none to give.
        app.signup("bob").await;
        let asked = query(&club, &[("scope", "read admin")]);
        let code = agree(&app, &asked, "bob").await;
        assert_eq!(redeem(&app, &club, &code).await.json["scope"], "read");
        app.stop().await;
    });
}

#[test]
fn attack_refresh_tokens_stay_with_their_application() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let (alice, club, tokens) = granted(&app).await;
        let thief = application(&app, json!({})).await;
        let token = tokens.text("/refresh_token");
        assert_error(
            &refresh(&app, &thief, &token, "").await,
            400,
            "invalid_grant",
        );
        // Nor does an application become a sign-in of the member, or the other way round.
        app.post("/api/v1/auth/refresh", &json!({"refresh_token": token}))
            .await
            .assert_problem(401, "invalid_refresh_token");
        let stolen = refresh(&app, &club, &alice.refresh, "").await;
        assert_error(&stolen, 400, "invalid_grant");
        let access = tokens.text("/access_token");
        for path in ["/oauth/introspect", "/oauth/revoke"] {
            for token in [&access, &token] {
                let sent = [("client_id", thief.id.as_str()), ("token", token)];
                let reply = form(&app, path, &sent).await;
                if path.ends_with("revoke") {
                    assert_error(&reply, 400, "unauthorized_client");
                } else {
                    assert_eq!(reply.json, json!({"active": false}));
                }
            }
        }
        let next = refresh(&app, &club, &token, "").await;
        assert_eq!(next.status, StatusCode::OK, "{:?}", next.json);
        app.stop().await;
    });
}

#[test]
fn attack_the_page_takes_no_foreign_forms_frames_or_repeats() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        app.signup("alice").await;
        let club = application(&app, json!({})).await;
        let (_, headers, html) = page(&app, &query(&club, &[])).await;
        assert_eq!(headers["x-frame-options"], "DENY");
        assert_eq!(headers["cache-control"], "no-store");
        let policy = headers["content-security-policy"].to_str().unwrap();
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self' https://app.example;",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(
            !policy.contains("script-src") && !policy.contains("unsafe"),
            "{policy}"
        );
        // The password goes into the body, never into a URL.
        assert!(html.contains("<form method=\"post\" action=\"/oauth/authorize\">"));
        let request = hidden_request(&html);
        let mut sent = [
            ("request", request.as_str()),
            ("username", "alice"),
            ("password", PASSWORD),
            ("decision", "agree"),
        ];
        for origin in ["https://evil.example", "null"] {
            let foreign = submit(&app, &sent, &[("origin", origin)]).await;
            assert_eq!(foreign.status(), StatusCode::BAD_REQUEST, "{origin}");
        }
        let origin = app.origin();
        let own = submit(&app, &sent, &[("origin", &origin)]).await;
        assert_eq!(own.status(), StatusCode::SEE_OTHER);
        let again = submit(&app, &sent, &[("origin", &origin)]).await;
        assert_eq!(again.status(), StatusCode::BAD_REQUEST);
        let forged: String = request.chars().rev().collect();
        sent[0].1 = &forged;
        let forged = submit(&app, &sent, &[]).await;
        assert_eq!(forged.status(), StatusCode::BAD_REQUEST);
        // A password in a query is not read.
        let by_query = format!("/oauth/authorize?{}", encoded(&sent));
        let reply = app.call(Method::POST, &by_query).send().await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        app.stop().await;
    });
}

/// A code that waits is no way back in for whoever was just signed out everywhere.
#[test]
fn attack_a_code_does_not_outlive_signing_out_everywhere() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let alice = app.signup("alice").await;
        let club = application(&app, json!({})).await;
        let code = agree(&app, &query(&club, &[]), "alice").await;
        let everywhere = app.call(Method::POST, "/api/v1/auth/logout-everywhere");
        let ended = everywhere.bearer(&alice.access).send().await;
        assert!(ended.status.is_success(), "{:?}", ended.json);
        assert_error(&redeem(&app, &club, &code).await, 400, "invalid_grant");
        app.stop().await;
    });
}

#[test]
fn redirect_uri_without_a_path_is_the_same_twice() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        app.signup("alice").await;
        let bare = "https://app.example";
        let club = application(&app, json!({"redirect_uris": [bare]})).await;
        let code = agree(&app, &query(&club, &[("redirect_uri", bare)]), "alice").await;
        let sent = [
            ("grant_type", "authorization_code"),
            ("client_id", club.id.as_str()),
            ("code", code.as_str()),
            ("redirect_uri", bare),
            ("code_verifier", VERIFIER),
        ];
        let tokens = form(&app, "/oauth/token", &sent).await;
        assert_eq!(tokens.status, StatusCode::OK, "{:?}", tokens.json);
        app.stop().await;
    });
}
