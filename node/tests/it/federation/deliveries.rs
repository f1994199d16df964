//! Deliveries to servers that are down, and to those that refuse.

use axum::Router;
use federation_core::testing::{TestDatabase, on_each_backend};
use http::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;

use super::pair::{contents, conversation, handle, open, pair, until};
use crate::chat::world::World;

#[test]
fn messages_wait_in_order_for_a_server_that_is_down() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, other) = pair(&database).await;
        let alice = a.member("alice").await;
        let bob = b.member("bob").await;
        let channel = alice.dm(&[&handle(&b, "bob")]).await;
        let (login, id) = (bob.token.clone(), bob.id.clone());
        drop(bob);
        let (port, data) = b.stop().await;
        for content in ["1", "2", "3"] {
            alice.say(&channel, content).await;
        }
        until("failed attempt", async || {
            let path = "/api/v1/federation/deliveries?state=queued";
            let page = alice.get(path).await.expect(200);
            let items = page["items"].as_array().unwrap();
            items.iter().any(|item| item["attempts"] == 1).then_some(())
        })
        .await;
        let b = World::start_at(&other, data, port, open).await;
        let bob = b.returning(login, id);
        let channel = conversation(&bob).await;
        let arrived = until("all messages", async || {
            let arrived = contents(&bob, &channel).await;
            (arrived.len() == 3).then_some(arrived)
        })
        .await;
        assert_eq!(arrived, ["3", "2", "1"]);
        drop(bob);
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn a_dead_letter_is_shown_and_sent_again() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, other) = pair(&database).await;
        let alice = a.member("alice").await;
        let bob = b.member("bob").await;
        let channel = alice.dm(&[&handle(&b, "bob")]).await;
        let (login, id) = (bob.token.clone(), bob.id.clone());
        drop(bob);
        let (port, data) = b.stop().await;

        // In its place stands a server that knows nobody.
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let refuses = Router::new().fallback(async || StatusCode::NOT_FOUND);
        let server = tokio::spawn(axum::serve(listener, refuses).into_future());
        let sent = alice.say(&channel, "once more").await;
        let dead: Value = until("dead letter", async || {
            let path = "/api/v1/federation/deliveries?state=dead";
            let page = alice.get(path).await.expect(200);
            page["items"].get(0).cloned()
        })
        .await;
        assert_eq!(dead["last_status"], 404, "{dead:#}");
        let path = format!(
            "/api/v1/channels/{channel}/messages/{}",
            sent["id"].as_str().unwrap()
        );
        let shown = alice.get(&path).await.expect(200);
        assert_eq!(shown["delivery"][0]["state"], "failed", "{shown:#}");
        assert!(shown["delivery"][0]["reason"].is_string());
        server.abort();
        assert!(server.await.unwrap_err().is_cancelled());

        let b = World::start_at(&other, data, port, open).await;
        let retry = format!(
            "/api/v1/federation/deliveries/{}/retry",
            dead["id"].as_str().unwrap()
        );
        let answer = alice.post(&retry, &Value::Null).await;
        assert!((200..300).contains(&answer.status), "{answer:#?}");
        let bob = b.returning(login, id);
        let channel = conversation(&bob).await;
        assert_eq!(contents(&bob, &channel).await, ["once more"]);
        drop(bob);
        a.stop().await;
        b.stop().await;
    });
}
