//! An application registers, asks, fetches tokens, keeps them fresh and is let go.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use federation_core::testing::on_each_backend;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::*;

#[test]
fn application_acts_for_its_member_until_let_go() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let (alice, club, tokens) = granted(&app).await;
        assert_eq!(tokens.headers["cache-control"], "no-store");
        assert_eq!(tokens.json["token_type"], "Bearer");
        assert_eq!(tokens.json["scope"], "read write");
        let access = tokens.text("/access_token");
        let me = app.get("/api/v1/users/@me", &access).await;
        assert_eq!(me.status, StatusCode::OK);
        assert_eq!(me.json["username"], "alice");
        // Never what belongs to the member alone.
        app.get("/api/v1/auth/sessions", &access)
            .await
            .assert_problem(403, "first_party_only");
        // The list of sessions shows it by name.
        let list = app.get("/api/v1/auth/sessions", &alice.access).await;
        let items = list.json["items"].as_array().unwrap();
        let shown = items.iter().find(|it| it["kind"] == "application").unwrap();
        assert_eq!(shown["application_id"], club.id);
        assert_eq!(shown["user_agent"], "Knitting <b>club</b>");
        assert_eq!(shown["scopes"], json!(["read", "write"]));
        let next = refresh(&app, &club, &tokens.text("/refresh_token"), "").await;
        assert_eq!(next.status, StatusCode::OK, "{:?}", next.json);
        let access = next.text("/access_token");
        // Ended from the list, it is out at once.
        let path = format!("/api/v1/auth/sessions/{}", shown["id"].as_str().unwrap());
        let ended = app.call(Method::DELETE, &path).bearer(&alice.access);
        assert_eq!(ended.send().await.status, StatusCode::NO_CONTENT);
        app.get("/api/v1/users/@me", &access)
            .await
            .assert_problem(401, "session_ended");
        let late = refresh(&app, &club, &next.text("/refresh_token"), "").await;
        assert_error(&late, 400, "invalid_grant");
        app.stop().await;
    });
}

#[test]
fn page_names_the_application_and_goes_back_with_code_state_and_issuer() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        app.signup("alice").await;
        let club = application(&app, json!({})).await;
        let (_, headers, html) = page(&app, &query(&club, &[])).await;
        assert!(html.contains("Knitting &lt;b&gt;club&lt;/b&gt;"), "{html}");
        assert!(!html.contains("<script"), "{html}");
        assert!(!headers.contains_key("set-cookie"));
        let request = hidden_request(&html);
        let form = |password: &'static str, decision: &'static str| {
            [
                ("request", request.clone()),
                ("username", "alice".to_owned()),
                ("password", password.to_owned()),
                ("decision", decision.to_owned()),
            ]
        };
        let answer_with = async |form: [(&'static str, String); 4]| {
            let sent: Vec<(&str, &str)> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
            submit(&app, &sent, &[("origin", &app.origin())]).await
        };
        let wrong = answer_with(form("not the password", "agree")).await;
        assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
        let html = wrong.text().await.unwrap();
        assert!(html.contains("role=\"alert\""), "{html}");
        assert!(!html.contains("not the password"), "{html}");
        let denied = answer_with(form("", "deny")).await;
        let (url, pairs) = answer(denied.headers());
        assert!(url.as_str().starts_with(REDIRECT));
        assert_eq!(value(&pairs, "error"), Some("access_denied"));
        assert_eq!(value(&pairs, "state"), Some("st&te"));
        let agreed = answer_with(form(PASSWORD, "agree")).await;
        assert_eq!(agreed.status(), StatusCode::SEE_OTHER);
        assert!(!agreed.headers().contains_key("set-cookie"));
        let (url, pairs) = answer(agreed.headers());
        assert!(url.as_str().starts_with(REDIRECT));
        assert_eq!(value(&pairs, "state"), Some("st&te"));
        assert_eq!(value(&pairs, "iss"), Some(app.origin().as_str()));
        assert_eq!(value(&pairs, "code").unwrap().len(), 43);
        app.stop().await;
    });
}

#[test]
fn confidential_applications_show_their_secret() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        app.signup("alice").await;
        let more = json!({"token_endpoint_auth_method": "client_secret_basic"});
        let mut club = application(&app, more).await;
        let code = agree(&app, &query(&club, &[]), "alice").await;
        let secret = club.secret.take();
        assert_error(&redeem(&app, &club, &code).await, 401, "invalid_client");
        club.secret = Some("guessed".to_owned());
        let guessed = redeem(&app, &club, &code).await;
        assert_error(&guessed, 401, "invalid_client");
        assert_eq!(guessed.headers["www-authenticate"], "Basic realm=\"oauth\"");
        let basic = STANDARD.encode(format!("{}:{}", club.id, secret.as_deref().unwrap()));
        let sent = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("code_verifier", VERIFIER),
        ];
        let call = app
            .call(Method::POST, "/oauth/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", &format!("Basic {basic}"));
        let tokens = call.body(encoded(&sent)).send().await;
        assert_eq!(tokens.status, StatusCode::OK, "{:?}", tokens.json);
        app.stop().await;
    });
}

#[test]
fn signed_in_client_agrees_without_the_page() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let (alice, club, tokens) = granted(&app).await;
        let body = json!({"query": query(&club, &[]), "agree": true});
        let consent = async |access: &str| {
            let call = app.call(Method::POST, "/api/v1/oauth/consents");
            call.bearer(access).json(&body).send().await
        };
        // An application cannot let in another one, or widen its own grant.
        consent(&tokens.text("/access_token"))
            .await
            .assert_problem(403, "first_party_only");
        let reply = consent(&alice.access).await;
        assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.json);
        let url: Url = reply.text("/redirect_to").parse().unwrap();
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let tokens = redeem(&app, &club, value(&pairs, "code").unwrap()).await;
        assert_eq!(tokens.status, StatusCode::OK, "{:?}", tokens.json);
        let path = format!("/api/v1/oauth/applications/{}", club.id);
        let shown = app.get(&path, &alice.access).await;
        assert_eq!(shown.json["name"], "Knitting <b>club</b>");
        app.stop().await;
    });
}

#[test]
fn tokens_are_introspected_and_revoked_by_their_own_application() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let (alice, club, tokens) = granted(&app).await;
        let introspect = async |token: &str| {
            let sent = [("client_id", club.id.as_str()), ("token", token)];
            form(&app, "/oauth/introspect", &sent).await.json
        };
        let (access, renew) = (tokens.text("/access_token"), tokens.text("/refresh_token"));
        let told = introspect(&access).await;
        assert_eq!(told["active"], true);
        assert_eq!(told["scope"], "read write");
        assert_eq!(told["client_id"], club.id);
        assert_eq!(told["sub"], alice.id);
        assert_eq!(introspect(&renew).await["active"], true);
        // A sign-in of the member is none of the application's business.
        let inactive = json!({"active": false});
        assert_eq!(introspect(&alice.access).await, inactive);
        assert_eq!(introspect(&alice.refresh).await, inactive);
        assert_eq!(introspect("unknown").await, inactive);
        let revoke = async |token: &str| {
            let sent = [("client_id", club.id.as_str()), ("token", token)];
            form(&app, "/oauth/revoke", &sent).await
        };
        assert_eq!(revoke("unknown").await.status, StatusCode::OK);
        assert_eq!(revoke(&renew).await.status, StatusCode::OK);
        app.get("/api/v1/users/@me", &access)
            .await
            .assert_problem(401, "session_ended");
        assert_eq!(introspect(&access).await, inactive);
        assert_eq!(introspect(&renew).await, inactive);
        assert_eq!(
            app.get("/api/v1/users/@me", &alice.access).await.status,
            StatusCode::OK
        );
        app.stop().await;
    });
}

#[test]
fn metadata_says_what_the_server_does() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let path = "/.well-known/oauth-authorization-server";
        let told = app.call(Method::GET, path).send().await.json;
        assert_eq!(told["issuer"], app.origin());
        for name in [
            "authorization",
            "token",
            "registration",
            "revocation",
            "introspection",
        ] {
            let endpoint = told[format!("{name}_endpoint")].as_str().unwrap();
            assert!(endpoint.starts_with(&app.origin()), "{endpoint}");
        }
        assert_eq!(told["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(
            told["authorization_response_iss_parameter_supported"],
            Value::Bool(true)
        );
        app.stop().await;
    });
}
