//! What shields the server from those who take too much of it.

mod activity;
mod blocks;
mod headers;
mod limits;
mod linger;

use std::sync::Arc;

use federation_core::testing::{ManualClock, TestDatabase};
use federation_core::{Clock, Timestamp};
use folkmoot::config::Config;
use http::Method;
use serde_json::{Value, json};

use crate::app::{Call, Member, TestApp};

const LIMITS: &str = "/api/v1/admin/rate-limits";
const BLOCKS: &str = "/api/v1/admin/blocked-addresses";

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_032)))
}

/// A node behind a proxy on this machine, which says where requests come from.
async fn proxied(database: TestDatabase, clock: Arc<dyn Clock>) -> TestApp {
    TestApp::start_with(database, clock, behind_proxy).await
}

fn behind_proxy(config: &mut Config) {
    config.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
}

/// A request of a client at this address.
fn from(app: &TestApp, method: Method, path: &str, address: &str) -> Call {
    app.call(method, path).header("x-forwarded-for", address)
}

/// Changes some of the limits.
async fn set(app: &TestApp, owner: &Member, change: &Value) -> Value {
    let mut limits = app.get(LIMITS, &owner.access).await.json;
    for (name, value) in change.as_object().unwrap() {
        limits[name] = value.clone();
    }
    let call = app.call(Method::PUT, LIMITS).bearer(&owner.access);
    let reply = call.json(&limits).send().await;
    assert_eq!(reply.status.as_u16(), 200, "{:?}", reply.json);
    reply.json
}

/// Blocks a network; the block.
async fn block(app: &TestApp, owner: &Member, network: &str) -> Value {
    let call = app.call(Method::POST, BLOCKS).bearer(&owner.access);
    let body = json!({"network": network, "reason": "spam"});
    let reply = call.json(&body).send().await;
    assert_eq!(reply.status.as_u16(), 201, "{:?}", reply.json);
    reply.json
}
