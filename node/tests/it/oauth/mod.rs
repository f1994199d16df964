//! Applications that act for members: OAuth 2.1 end to end, and the ways around it.

mod attacks;
mod flow;
mod personal;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use openssl::sha::sha256;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::app::{Member, PASSWORD, Reply, TestApp};

/// Where the application of the tests is.
const REDIRECT: &str = "https://app.example/cb";
/// The secret behind every challenge of the tests.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// An application that registered itself.
struct Application {
    id: String,
    secret: Option<String>,
}

fn challenge() -> String {
    BASE64URL.encode(sha256(VERIFIER.as_bytes()))
}

async fn register(app: &TestApp, more: Value) -> Reply {
    let mut body = json!({"client_name": "Knitting <b>club</b>", "redirect_uris": [REDIRECT]});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    app.post("/oauth/register", &body).await
}

async fn application(app: &TestApp, more: Value) -> Application {
    let reply = register(app, more).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{:?}", reply.json);
    Application {
        id: reply.text("/client_id"),
        secret: reply.json["client_secret"].as_str().map(str::to_owned),
    }
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

async fn form(app: &TestApp, path: &str, pairs: &[(&str, &str)]) -> Reply {
    app.call(Method::POST, path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(encoded(pairs))
        .send()
        .await
}

/// What an application asks for, with some of it replaced; an empty value leaves it out.
fn query(application: &Application, other: &[(&str, &str)]) -> String {
    let challenge = challenge();
    let mut pairs = vec![
        ("client_id", application.id.as_str()),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "read write"),
        ("state", "st&te"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in other {
        pairs.retain(|(known, _)| known != name);
        if !value.is_empty() {
            pairs.push((name, value));
        }
    }
    encoded(&pairs)
}

/// The page that a browser gets, as text.
async fn page(app: &TestApp, query: &str) -> (StatusCode, reqwest::header::HeaderMap, String) {
    let url = format!("{}/oauth/authorize?{query}", app.origin());
    let response = browser().get(url).send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    (status, headers, response.text().await.unwrap())
}

fn browser() -> reqwest::Client {
    let never = reqwest::redirect::Policy::none();
    let builder = reqwest::Client::builder().no_proxy().redirect(never);
    builder.build().unwrap()
}

fn hidden_request(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"request\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// Where the answer leads, with its query.
fn answer(headers: &reqwest::header::HeaderMap) -> (Url, Vec<(String, String)>) {
    let url: Url = headers["location"].to_str().unwrap().parse().unwrap();
    let pairs = url.query_pairs().into_owned().collect();
    (url, pairs)
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = pairs.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// The member agrees on the page; the code.
async fn agree(app: &TestApp, query: &str, username: &str) -> String {
    let (status, _, page) = page(app, query).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let request = hidden_request(&page);
    let sent = [
        ("request", request.as_str()),
        ("username", username),
        ("password", PASSWORD),
        ("decision", "agree"),
    ];
    let reply = submit(app, &sent, &[]).await;
    assert_eq!(reply.status(), StatusCode::SEE_OTHER);
    let (_, pairs) = answer(reply.headers());
    value(&pairs, "code").unwrap().to_owned()
}

/// Sends the form as a browser does.
async fn submit(
    app: &TestApp,
    sent: &[(&str, &str)],
    headers: &[(&str, &str)],
) -> reqwest::Response {
    let url = format!("{}/oauth/authorize", app.origin());
    let mut request = browser()
        .post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(encoded(sent));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

/// Fetches tokens for a code.
async fn redeem(app: &TestApp, application: &Application, code: &str) -> Reply {
    let mut sent = vec![
        ("grant_type", "authorization_code"),
        ("client_id", application.id.as_str()),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    if let Some(secret) = &application.secret {
        sent.push(("client_secret", secret));
    }
    form(app, "/oauth/token", &sent).await
}

async fn refresh(app: &TestApp, application: &Application, token: &str, scope: &str) -> Reply {
    let mut sent = vec![
        ("grant_type", "refresh_token"),
        ("client_id", application.id.as_str()),
        ("refresh_token", token),
    ];
    if !scope.is_empty() {
        sent.push(("scope", scope));
    }
    form(app, "/oauth/token", &sent).await
}

/// A member, an application, and the tokens that one gave to the other.
async fn granted(app: &TestApp) -> (Member, Application, Reply) {
    let alice = app.signup("alice").await;
    let club = application(app, json!({"scope": "read write admin"})).await;
    let code = agree(app, &query(&club, &[]), "alice").await;
    let tokens = redeem(app, &club, &code).await;
    assert_eq!(tokens.status, StatusCode::OK, "{:?}", tokens.json);
    (alice, club, tokens)
}

#[track_caller]
fn assert_error(reply: &Reply, status: u16, error: &str) {
    assert_eq!(reply.status.as_u16(), status, "{:?}", reply.json);
    assert_eq!(reply.json["error"], error, "{:?}", reply.json);
    assert!(reply.json["error_description"].is_string());
}
