//! Push streams between two servers: what travels by them, and what ends them.

use std::time::{Duration, Instant};

use federation_core::handshake::SessionFilter;
use federation_core::stream::ClientCounts;
use federation_core::testing::{TestDatabase, on_each_backend};
use reqwest::StatusCode;
use url::Url;

use crate::chat::world::{Member, World};
use crate::federation::pair::{contents, conversation, handle, pair, until};

fn counts(world: &World) -> ClientCounts {
    world.app.parts().streams.transport().counts()
}

async fn say_all(member: &Member<'_>, channel: &str, numbers: std::ops::Range<usize>) {
    for number in numbers {
        member.say(channel, &format!("message {number}")).await;
    }
}

/// Waits until `bob` has the messages up to this number, in order and each once.
async fn arrived(bob: &Member<'_>, there: &str, count: usize) {
    let newest = format!("message {}", count - 1);
    let got = until("messages", async || {
        let got = contents(bob, there).await;
        (got.first() == Some(&newest)).then_some(got)
    })
    .await;
    let expected = (0..count).rev().map(|number| format!("message {number}"));
    assert!(got.iter().cloned().eq(expected.take(got.len())), "{got:?}");
}

/// Two servers with a stream from the first to the second; gives the conversation on each.
async fn streaming(a: &World, alice: &Member<'_>, bob: &Member<'_>) -> (String, String) {
    let channel = alice.dm(&[&handle(bob.world, "bob")]).await;
    say_all(alice, &channel, 0..2).await;
    until("stream", async || (counts(a).open == 1).then_some(())).await;
    let there = conversation(bob).await;
    arrived(bob, &there, 2).await;
    (channel, there)
}

async fn closed_within_a_second(world: &World) {
    let started = Instant::now();
    until("end of the stream", async || {
        (counts(world).open == 0).then_some(())
    })
    .await;
    let took = started.elapsed();
    println!("the stream was closed after {took:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn i7_messages_travel_by_stream_in_order() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (channel, there) = streaming(&a, &alice, &bob).await;
        let posted = counts(&a).posted;
        say_all(&alice, &channel, 2..40).await;
        arrived(&bob, &there, 40).await;
        let after = counts(&a);
        assert_eq!(
            (after.acknowledged, after.posted),
            (38, posted),
            "{after:?}"
        );
        let at_b = b.app.parts().streams.server().counts();
        assert_eq!((at_b.open, at_b.activities, at_b.accepted), (1, 38, 38));

        // The other direction has a stream of its own.
        say_all(&bob, &there, 40..43).await;
        until("stream back", async || (counts(&b).open == 1).then_some(())).await;
        arrived(&alice, &channel, 43).await;
        a.stop().await;
        b.stop().await;
    });
}

/// I9: the stream ends at once, and what is sent meanwhile goes by POST.
#[test]
fn i9_a_revoked_session_ends_its_stream_and_deliveries_go_on() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (channel, there) = streaming(&a, &alice, &bob).await;
        say_all(&alice, &channel, 2..5).await;
        arrived(&bob, &there, 5).await;
        let before = counts(&a);
        let holder: Url = a.url("/actor").parse().unwrap();
        let sessions = b.app.parts().nodes.sessions();
        let now = b.app.ctx().now();
        let ended = sessions
            .revoke_all(SessionFilter::Holder(holder), now)
            .await;
        assert_eq!(ended.unwrap(), 1);
        closed_within_a_second(&a).await;
        say_all(&alice, &channel, 5..8).await;
        arrived(&bob, &there, 8).await;
        assert!(counts(&a).posted > before.posted);
        // A new session is another handshake, and then there is a stream again.
        until("new stream", async || {
            alice.say(&channel, "again").await;
            (counts(&a).opened == 2).then_some(())
        })
        .await;
        a.stop().await;
        b.stop().await;
    });
}

/// I9: a session that another process of the issuer ends, in the rows alone.
#[test]
fn i9_a_session_revoked_elsewhere_ends_its_stream() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        streaming(&a, &alice, &bob).await;
        let holder: Url = a.url("/actor").parse().unwrap();
        let store = federation_core::store::sql::SqlHandshakeStore::new(b.app.ctx().db().clone());
        let filter = SessionFilter::Holder(holder);
        let ended = federation_core::handshake::HandshakeStore::revoke_matching(
            &store,
            filter,
            b.app.ctx().now(),
        );
        assert_eq!(ended.await.unwrap().len(), 1);
        closed_within_a_second(&a).await;
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn i9_a_blocked_domain_ends_its_stream() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (channel, there) = streaming(&a, &alice, &bob).await;
        b.app.parts().edge.blocked().block("127.0.0.1").unwrap();
        closed_within_a_second(&a).await;
        let applied = b.app.parts().streams.server().counts().accepted;
        alice.say(&channel, "unheard").await;
        until("refusal", async || {
            let page = alice
                .get(&format!("/api/v1/channels/{channel}/messages"))
                .await;
            let delivery = page.expect(200)["items"][0]["delivery"][0].clone();
            (delivery["state"] != "delivered").then_some(())
        })
        .await;
        assert_eq!(b.app.parts().streams.server().counts().accepted, applied);
        assert!(!contents(&bob, &there).await.contains(&"unheard".to_owned()));
        a.stop().await;
        b.stop().await;
    });
}

/// A receiver that stops and comes back: each message arrives once and in order.
#[test]
fn i1_a_receiver_that_starts_again_misses_nothing() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, other) = pair(&database).await;
        let alice = a.member("alice").await;
        let bob = b.member("bob").await;
        let (channel, there) = streaming(&a, &alice, &bob).await;
        let (token, id) = (bob.token.clone(), bob.id.clone());
        say_all(&alice, &channel, 2..10).await;
        let (port, data) = b.stop().await;
        say_all(&alice, &channel, 10..15).await;
        let b = World::start_at(&other, data, port, crate::federation::pair::open).await;
        let bob = b.returning(token, id);
        say_all(&alice, &channel, 15..20).await;
        arrived(&bob, &there, 20).await;
        assert!(counts(&a).acknowledged > 0);
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn a_server_may_neither_open_nor_take_streams() {
    on_each_backend(async |database: TestDatabase| {
        let other = TestDatabase::create(federation_core::store::sql::Backend::Sqlite);
        let closed = |config: &mut folkmoot::config::Config| {
            crate::federation::pair::open(config);
            config.federation.stream.accept = false;
        };
        let silent = |config: &mut folkmoot::config::Config| {
            crate::federation::pair::open(config);
            config.federation.stream.open = false;
        };
        let a = World::start_with(&database, silent).await;
        let b = World::start_with(&other, closed).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let channel = alice.dm(&[&handle(&b, "bob")]).await;
        say_all(&alice, &channel, 0..6).await;
        let there = conversation(&bob).await;
        arrived(&bob, &there, 6).await;
        assert_eq!((counts(&a).attempts, counts(&a).posted), (0, 6));

        // And one that would open finds nothing, and asks once.
        let c_database = TestDatabase::create(federation_core::store::sql::Backend::Sqlite);
        let c = World::start_with(&c_database, crate::federation::pair::open).await;
        let carol = c.member("carol").await;
        let channel = carol.dm(&[&handle(&b, "bob")]).await;
        for number in 0..6 {
            carol.say(&channel, &format!("message {number}")).await;
            until("delivery", async || {
                (counts(&c).posted > number).then_some(())
            })
            .await;
        }
        let after = counts(&c);
        assert_eq!((after.attempts, after.open), (1, 0), "{after:?}");
        let answer = c
            .http
            .get(b.url("/api/v1/node/stream"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        for world in [a, b, c] {
            world.stop().await;
        }
    });
}
