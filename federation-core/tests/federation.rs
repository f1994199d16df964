//! A federation as an embedder uses it: over memory, SQLite and PostgreSQL, through its routes.
#![cfg(test)]

use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use federation_core::federation::{
    BuildError, Federation, FederationStore, FixedKeys, HandlerError, MemoryStore, Message,
    Profile, Queue, QueueError,
};
use federation_core::inbox::{Applied, InboundRequest, InboxService as _, Verified};
use federation_core::outbox::{DeliveryFilter, DeliveryState};
use federation_core::signature::{Algorithm, PrivateKey, Scheme, SigningKey, sign_request};
use federation_core::testing::{
    ManualClock, ScriptedTransport, TestDatabase, on_each_backend, verified,
};
use federation_core::vocab::{Activity, ActivityKind, Actor, ActorKind, Value};
use federation_core::{Clock as _, SystemClock, Timestamp};
use http::Method;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use url::Url;

const NOW: Timestamp = Timestamp::from_millis(1_795_190_734_000);

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

async fn federation<S: FederationStore>(
    store: S,
    handler: impl federation_core::federation::Handler<S>,
) -> Federation<S> {
    Federation::builder(url("https://here.example"), store)
        .transport(Arc::new(ScriptedTransport::new()))
        .clock(Arc::new(ManualClock::new(NOW)))
        .keys(FixedKeys::default())
        .actor(Profile::service("echo").unwrap())
        .handler(handler)
        .build()
        .await
        .unwrap()
}

fn follow(number: u32) -> Verified {
    let follow = json!({
        "id": format!("https://there.example/follows/{number}"), "type": "Follow",
        "actor": "https://there.example/users/bob", "object": "https://here.example/users/echo",
    });
    verified(&url("https://here.example"), &follow, NOW).unwrap()
}

async fn queued<S: FederationStore>(federation: &Federation<S>) -> usize {
    let filter = DeliveryFilter {
        limit: 100,
        ..DeliveryFilter::default()
    };
    federation.deliveries().list(filter).await.unwrap().len()
}

fn accept<T>(_: &mut T, verified: &Verified, queue: &mut Queue) -> Result<(), HandlerError> {
    Ok(queue.accept(verified)?)
}

fn fail_late<T>(_: &mut T, verified: &Verified, queue: &mut Queue) -> Result<(), HandlerError> {
    queue.accept(verified)?;
    Err(HandlerError::refused("not_here", "no followers, please"))
}

/// The effect of an activity and its answer are one with the record of it.
async fn holds_one_effect<S: FederationStore>(store: S) {
    let refusing = federation(store.clone(), fail_late::<S::Transaction>).await;
    assert!(refusing.apply(follow(1)).await.is_err());
    assert_eq!(
        queued(&refusing).await,
        0,
        "a failed handler leaves nothing"
    );

    let accepting = federation(store, accept::<S::Transaction>).await;
    assert_eq!(accepting.apply(follow(1)).await.unwrap(), Applied::New(()));
    assert_eq!(
        accepting.apply(follow(1)).await.unwrap(),
        Applied::Duplicate
    );
    assert_eq!(
        queued(&accepting).await,
        1,
        "one answer, however often it came"
    );
    accepting.apply(follow(2)).await.unwrap();
    assert_eq!(queued(&accepting).await, 2);
}

#[test]
fn i2_effect_answer_and_record_are_one_in_a_database() {
    on_each_backend(async |test: TestDatabase| {
        let migrations = federation_core::store::sql::federation_migrations();
        let database = test.open(migrations).await;
        holds_one_effect(database.clone()).await;
        database.close().await;
    });
}

#[tokio::test]
async fn i2_effect_answer_and_record_are_one_in_memory() {
    holds_one_effect(MemoryStore::new()).await;
}

#[tokio::test]
async fn a_memory_transaction_that_fails_leaves_its_rows_as_they_were() {
    let store = MemoryStore::new();
    let write = |fails: bool| {
        store.transact(move |rows| {
            assert_eq!(rows.rows("a").count(), usize::from(fails));
            rows.put("a1", "one");
            rows.remove("a1");
            rows.put("a1", if fails { "two" } else { "one" });
            if fails {
                return Err(HandlerError::refused("no", ""));
            }
            Ok(())
        })
    };
    write(false).await.unwrap();
    assert!(write(true).await.is_err());
    let panics = store.transact(|rows| -> Result<(), _> {
        rows.put("a1", "three");
        panic!("a handler with a fault")
    });
    assert!(panics.await.is_err());
    let row = store.transact(|rows| Ok(rows.row("a1").cloned())).await;
    assert_eq!(row.unwrap(), Some(Bytes::from("one")));
}

#[tokio::test]
async fn only_local_actors_send_and_only_under_local_ids() {
    let federation = federation(MemoryStore::new(), accept).await;
    let mut bob = url("https://there.example/users/bob");
    let to = Actor::new(bob.clone(), ActorKind::Person, bob.clone());
    let send = |id: &str, actor: Url| {
        let activity = Activity::new(url(id), ActivityKind::Like, actor);
        federation.send(Message::new(activity).to(&to))
    };
    let echo = federation.actor_id("echo");
    let local = "https://here.example/likes/1";
    let refused = send(local, bob.clone()).await.unwrap_err();
    assert!(matches!(
        refused,
        HandlerError::Queue(QueueError::ForeignSender { .. })
    ));
    bob.set_path("/users/echo");
    assert!(send(local, bob).await.is_err());
    let refused = send("https://there.example/likes/1", echo.clone()).await;
    let refused = refused.unwrap_err();
    assert!(matches!(
        refused,
        HandlerError::Queue(QueueError::ForeignId { .. })
    ));
    send(local, echo).await.unwrap();
    assert_eq!(queued(&federation).await, 1);
}

#[tokio::test]
async fn hidden_recipients_do_not_leave() {
    let web = Arc::new(ScriptedTransport::new());
    let federation = Federation::builder(url("https://here.example"), MemoryStore::new())
        .transport(Arc::<ScriptedTransport>::clone(&web))
        .keys(FixedKeys::default())
        .actor(Profile::person("alice").unwrap())
        .handler(accept)
        .build()
        .await
        .unwrap();
    let bob = url("https://there.example/users/bob");
    let mut create = Activity::from_value(json!({
        "id": "https://here.example/notes/1/create", "type": "Create",
        "actor": "https://here.example/users/alice", "bto": [bob.as_str()],
        "object": {"id": "https://here.example/notes/1", "type": "Note", "bcc": [bob.as_str()]},
    }))
    .unwrap();
    create.bcc.push(bob.clone());
    let bob = Actor::new(bob.clone(), ActorKind::Person, bob);
    federation
        .send(Message::new(create).to(&bob))
        .await
        .unwrap();
    let shutdown = CancellationToken::new();
    let posted = async {
        while web.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        shutdown.cancel();
    };
    tokio::join!(federation.run(shutdown.clone()), posted);
    let sent: Value = serde_json::from_slice(&web.requests()[0].body).unwrap();
    let text = sent.to_string();
    assert!(!text.contains("bto") && !text.contains("bcc"), "{text}");
}

#[tokio::test]
async fn a_plain_http_origin_has_to_be_asked_for() {
    let builder = |origin: &str| {
        Federation::builder(url(origin), MemoryStore::new())
            .transport(Arc::new(ScriptedTransport::new()))
            .keys(FixedKeys::default())
            .handler(accept)
    };
    let refused = builder("http://127.0.0.1:8080").build().await;
    assert!(matches!(refused, Err(BuildError::Origin { .. })));
    assert!(
        builder("http://127.0.0.1:8080")
            .on_loopback()
            .build()
            .await
            .is_ok()
    );
    assert!(
        builder("ftp://here.example")
            .on_loopback()
            .build()
            .await
            .is_err()
    );
    for name in ["", "Alice", "a/b", "instance.actor", "ä"] {
        assert!(Profile::person(name).is_err(), "{name}");
    }
}

#[tokio::test]
async fn takes_a_request_like_any_other_inbox() {
    let origin = url("https://here.example");
    let federation = federation(MemoryStore::new(), fail_late).await;
    let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    let key = SigningKey::new(url("https://there.example/users/bob#key"), key);
    let body = json!({"id": "https://there.example/1", "type": "Follow",
        "actor": "https://there.example/users/bob", "object": "https://here.example/users/echo"})
    .to_string();
    let inbox = url("https://here.example/inbox");
    let headers = sign_request(
        Scheme::Rfc9421,
        &key,
        &Method::POST,
        &inbox,
        Some(body.as_bytes()),
        NOW,
    );
    let request = |headers| {
        InboundRequest::new(
            Method::POST,
            &origin,
            "/inbox",
            headers,
            body.clone().into(),
        )
        .unwrap()
    };
    let unsigned = federation.receive(request(http::HeaderMap::new())).await;
    assert_eq!(
        (unsigned.status.as_u16(), unsigned.code),
        (401, "signature_missing")
    );
    // The web is empty, so the key cannot be had.
    let unknown = federation.receive(request(headers.unwrap())).await;
    assert_eq!(unknown.status.as_u16(), 401);
}

struct Server {
    federation: Federation<MemoryStore>,
    stop: CancellationToken,
}

/// Serves a federation with one actor on a port of its own.
async fn serve(name: &str) -> Server {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = url(&format!("http://{}", listener.local_addr().unwrap()));
    let note = |rows: &mut federation_core::federation::MemoryTransaction,
                verified: &Verified,
                queue: &mut Queue|
     -> Result<(), HandlerError> {
        let kind = verified.activity().kind.as_str().to_owned();
        rows.put(&format!("{kind} {}", verified.actor().id), "");
        if verified.activity().kind == ActivityKind::Follow {
            queue.accept(verified)?;
        }
        Ok(())
    };
    let federation = Federation::builder(origin, MemoryStore::new())
        .keys(FixedKeys::default())
        .actor(Profile::person(name).unwrap())
        .handler(note)
        .on_loopback()
        .build()
        .await
        .unwrap();
    let stop = CancellationToken::new();
    let routes: Router = federation.router();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let (worker, stopped) = (federation.clone(), stop.clone());
    tokio::spawn(async move { worker.run(stopped).await });
    Server { federation, stop }
}

/// Two servers that know nothing of each other find each other, ask and answer.
#[tokio::test]
async fn two_servers_find_each_other_and_answer() {
    let (here, there) = (serve("alice").await, serve("bob").await);
    let handle = format!("@bob@{}", there.federation.actor_id("bob").authority());
    let bob = here
        .federation
        .directory()
        .resolve_handle(&handle)
        .await
        .unwrap();
    let alice = here.federation.actor_id("alice");
    let id = url(&format!("{alice}#follows/1"));
    let follow = Activity::follow(id, alice.clone(), bob.id.clone());
    here.federation
        .send(Message::new(follow).to(&bob))
        .await
        .unwrap();

    let accepted = format!("Accept {}", bob.id);
    let deadline = SystemClock.now().plus(std::time::Duration::from_secs(20));
    loop {
        let mut changes = here.federation.deliveries().changes();
        let key = accepted.clone();
        let there = here
            .federation
            .store()
            .transact(move |rows| Ok(rows.row(&key).is_some()));
        if there.await.unwrap() {
            break;
        }
        assert!(SystemClock.now() < deadline, "no answer came");
        let soon = SystemClock.now().plus(std::time::Duration::from_millis(20));
        tokio::select! { _ = changes.changed() => {}, () = SystemClock.sleep_until(soon) => {} }
    }
    let filter = DeliveryFilter {
        state: Some(DeliveryState::Dead),
        limit: 9,
        ..DeliveryFilter::default()
    };
    assert!(
        there
            .federation
            .deliveries()
            .list(filter)
            .await
            .unwrap()
            .is_empty()
    );
    here.stop.cancel();
    there.stop.cancel();
}
