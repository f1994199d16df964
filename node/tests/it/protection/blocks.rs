//! Blocked addresses: refused before anything is read, on open sockets and other processes too.

use std::sync::Arc;
use std::time::{Duration, Instant};

use federation_core::SystemClock;
use federation_core::store::sql::Backend;
use federation_core::testing::{TestDatabase, on_each_backend};
use folkmoot::config::Secret;
use futures_util::StreamExt as _;
use http::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{BLOCKS, behind_proxy, block, from, proxied};
use crate::app::{Member, Reply, TestApp};

const INFO: &str = "/api/v1/info";

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn post(app: &TestApp, owner: &Member, body: &Value) -> Reply {
    let call = app.call(Method::POST, BLOCKS).bearer(&owner.access);
    call.json(body).send().await
}

async fn status(app: &TestApp, address: &str) -> u16 {
    let reply = from(app, Method::GET, INFO, address).send().await;
    reply.status.as_u16()
}

/// A socket of a client at this address.
async fn socket(app: &TestApp, address: &str, token: &str) -> Socket {
    let url = format!("ws://{}/ws", app.app().address());
    let mut request = url.into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("x-forwarded-for", address.parse().unwrap());
    headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    connect_async(request).await.unwrap().0
}

/// Reads until the socket fails or ends.
async fn ended(socket: &mut Socket) {
    while let Some(Ok(_frame)) = socket.next().await {}
}

#[test]
fn networks_are_blocked_listed_and_let_in_again() {
    on_each_backend(async |database| {
        let app = proxied(database, Arc::new(SystemClock)).await;
        let owner = app.signup("owner").await;
        let made = block(&app, &owner, "203.0.113.77/24").await;
        assert_eq!(made["network"], "203.0.113.0/24");
        assert_eq!(made["created_by"], owner.id);
        let v6 = block(&app, &owner, "2001:db8::/32").await;
        for inside in [
            "203.0.113.1",
            "203.0.113.255",
            "2001:db8::1",
            "::ffff:203.0.113.1",
        ] {
            assert_eq!(status(&app, inside).await, 403, "{inside}");
        }
        assert_eq!(status(&app, "203.0.114.1").await, 200);
        // Nothing of the request is read: neither the token nor a body that is no JSON.
        let call = from(&app, Method::POST, "/api/v1/auth/login", "203.0.113.1");
        let reply = call
            .header("content-type", "application/json")
            .body("{")
            .send()
            .await;
        reply.assert_problem(403, "address_blocked");
        let listed = app.get(&format!("{BLOCKS}?limit=1"), &owner.access).await;
        assert_eq!(listed.json["items"][0]["id"], v6["id"]);
        assert_eq!(listed.json["next"], v6["id"]);
        let path = format!("{BLOCKS}/{}", made["id"].as_str().unwrap());
        let call = app.call(Method::DELETE, &path).bearer(&owner.access);
        assert_eq!(call.send().await.status.as_u16(), 204);
        assert_eq!(status(&app, "203.0.113.1").await, 200);
        let call = app.call(Method::DELETE, &path).bearer(&owner.access);
        call.send().await.assert_problem(404, "not_found");
        let log = app
            .get(
                "/api/v1/admin/audit-log?target=203.0.113.0/24",
                &owner.access,
            )
            .await;
        assert_eq!(log.json["items"][0]["action"], "address.unblock");
        assert_eq!(log.json["items"][1]["action"], "address.block");
        assert_eq!(log.json["items"][1]["after"]["reason"], "spam");
        app.stop().await;
    });
}

#[test]
fn nobody_shuts_themselves_out_by_accident() {
    on_each_backend(async |database| {
        let app = proxied(database, Arc::new(SystemClock)).await;
        let owner = app.signup("owner").await;
        let own = "198.51.100.7";
        let ask = async |body: Value| {
            let call = from(&app, Method::POST, BLOCKS, own).bearer(&owner.access);
            call.json(&body).send().await
        };
        for network in [
            own,
            "198.51.100.0/24",
            "0.0.0.0/0",
            "127.0.0.1",
            "::1",
            "127.0.5.0/24",
        ] {
            let reply = ask(json!({"network": network, "reason": "oops"})).await;
            reply.assert_problem(409, "own_address");
        }
        for (body, code) in [
            (
                json!({"network": "nonsense", "reason": "x"}),
                "invalid_network",
            ),
            (
                json!({"network": "192.0.2.1/33", "reason": "x"}),
                "invalid_network",
            ),
            (
                json!({"network": "192.0.2.1", "reason": " "}),
                "invalid_reason",
            ),
            (
                json!({"network": "192.0.2.1", "reason": "a\nb"}),
                "invalid_reason",
            ),
            (
                json!({"network": "192.0.2.1", "reason": "x", "expires_at": "2001-01-01T00:00:00Z"}),
                "invalid_expiry",
            ),
        ] {
            ask(body).await.assert_problem(422, code);
        }
        let forced = json!({"network": own, "reason": "really", "force": true});
        assert_eq!(ask(forced).await.status.as_u16(), 201);
        assert_eq!(status(&app, own).await, 403);
        let again = json!({"network": own, "reason": "again"});
        post(&app, &owner, &again)
            .await
            .assert_problem(409, "already_blocked");
        app.stop().await;
    });
}

#[test]
fn I9_a_block_ends_open_sockets() {
    on_each_backend(async |database| {
        let app = proxied(database, Arc::new(SystemClock)).await;
        let owner = app.signup("owner").await;
        let alice = app.signup("alice").await;
        let mut gone = socket(&app, "203.0.113.9", &alice.access).await;
        let mut stays = socket(&app, "203.0.114.9", &alice.access).await;
        gone.next().await.unwrap().unwrap();
        stays.next().await.unwrap().unwrap();
        let start = Instant::now();
        block(&app, &owner, "203.0.113.0/24").await;
        ended(&mut gone).await;
        let took = start.elapsed();
        assert!(took < Duration::from_secs(1), "{took:?}");
        let quiet = tokio::time::timeout(Duration::from_millis(300), ended(&mut stays));
        assert!(quiet.await.is_err(), "a socket of another address ended");
        drop(stays);
        app.stop().await;
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn I9_a_block_holds_on_other_processes_within_a_second() {
    let database = TestDatabase::create(Backend::Postgres);
    let url = database.url_text();
    let one = proxied(database, Arc::new(SystemClock)).await;
    let owner = one.signup("owner").await;
    let data_dir = one.app().ctx().config().data_dir.clone();
    let origin = one.origin();
    let unused = TestDatabase::create(Backend::Sqlite);
    let two = TestApp::start_with(unused, Arc::new(SystemClock), |config| {
        behind_proxy(config);
        config.database.url = Some(Secret::new(url));
        config.data_dir = data_dir;
        config.server.public_url = Some(origin);
    })
    .await;
    let mut held = socket(&two, "203.0.113.9", &owner.access).await;
    held.next().await.unwrap().unwrap();
    let start = Instant::now();
    let made = block(&one, &owner, "203.0.113.9").await;
    ended(&mut held).await;
    assert_eq!(status(&two, "203.0.113.9").await, 403);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    let path = format!("{BLOCKS}/{}", made["id"].as_str().unwrap());
    let call = one.call(Method::DELETE, &path).bearer(&owner.access);
    assert_eq!(call.send().await.status.as_u16(), 204);
    super::set(&one, &owner, &json!({"read": 4321})).await;
    let followed = async {
        while status(&two, "203.0.113.9").await != 200
            || two.app().ctx().limits().settings().read != 4321
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let followed = tokio::time::timeout(Duration::from_secs(1), followed).await;
    assert!(followed.is_ok(), "the other process goes on as before");
    two.stop().await;
    one.stop().await;
}
