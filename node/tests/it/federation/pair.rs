//! Two servers on one machine that may reach each other, and signed requests in anybody's name.

use std::time::{Duration, Instant};

use federation_core::SystemClock;
use federation_core::clock::Clock as _;
use federation_core::signature::{Scheme, SigningKey, sign_request};
use federation_core::store::sql::Backend;
use federation_core::testing::TestDatabase;
use folkmoot::config::Config;
use http::Method;
use serde_json::Value;
use url::Url;

use crate::chat::world::{Answer, Member, World};

/// Lets a server speak to others on this machine.
pub(crate) fn open(config: &mut Config) {
    config.federation.allow_http = true;
    config.federation.allowed_private_ranges = vec!["127.0.0.0/8".parse().unwrap()];
}

/// One server on the given database, another on SQLite.
pub(crate) async fn pair(database: &TestDatabase) -> (World, World, TestDatabase) {
    let other = TestDatabase::create(Backend::Sqlite);
    let a = World::start_with(database, open).await;
    let b = World::start_with(&other, open).await;
    (a, b, other)
}

/// The handle of an account as other servers know it.
pub(crate) fn handle(world: &World, name: &str) -> String {
    format!("@{name}@{}", world.app.address())
}

pub(crate) fn actor(world: &World, name: &str) -> Url {
    world.url(&format!("/users/{name}")).parse().unwrap()
}

/// The key of an account, taken from the server itself.
pub(crate) async fn key(world: &World, name: &str) -> SigningKey {
    let edge = &world.app.parts().edge;
    let keys = edge.keys().of(&actor(world, name)).await;
    keys.unwrap().rsa().clone()
}

/// Posts `body` signed with `key`.
pub(crate) async fn post(target: &World, path: &str, key: &SigningKey, body: &Value) -> Answer {
    post_as(target, path, key, body, &body.to_string()).await
}

/// Posts `sent` with a signature over `signed`.
pub(crate) async fn post_as(
    target: &World,
    path: &str,
    key: &SigningKey,
    signed: &Value,
    sent: &str,
) -> Answer {
    let url: Url = target.url(path).parse().unwrap();
    let signed = signed.to_string();
    let headers = sign_request(
        Scheme::Cavage,
        key,
        &Method::POST,
        &url,
        Some(signed.as_bytes()),
        SystemClock.now(),
    );
    let request = target.http.post(url).headers(headers.unwrap());
    Answer::of(request.body(sent.to_owned())).await
}

/// Fetches a document, signed when a key is given.
pub(crate) async fn fetch(target: &World, path: &str, key: Option<&SigningKey>) -> Answer {
    let url: Url = target.url(path).parse().unwrap();
    let mut request = target.http.get(url.clone());
    if let Some(key) = key {
        let now = SystemClock.now();
        let headers = sign_request(Scheme::Cavage, key, &Method::GET, &url, None, now);
        request = request.headers(headers.unwrap());
    }
    Answer::of(request.header("accept", "application/activity+json")).await
}

/// Asks again until `found` answers something, for at most 20 seconds.
pub(crate) async fn until<T>(what: &str, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = found().await {
            return value;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "no {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The contents of a conversation, newest first.
pub(crate) async fn contents(member: &Member<'_>, channel: &str) -> Vec<String> {
    let path = format!("/api/v1/channels/{channel}/messages");
    let page = member.get(&path).await.expect(200);
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| item["content"].as_str().unwrap().to_owned())
        .collect()
}

/// The newest conversation of a member, once there is one.
pub(crate) async fn conversation(member: &Member<'_>) -> String {
    until("conversation", async || {
        let page = member.get("/api/v1/dms").await.expect(200);
        page["items"][0]["id"].as_str().map(str::to_owned)
    })
    .await
}
