//! What one peer may send, and what a body may be; numbers are those of the attack checklist.

use federation_core::testing::{TestDatabase, on_each_backend};
use http::Method;
use serde_json::{Value, json};

use super::pair::{actor, key, open, pair, post};
use crate::chat::world::{Answer, World};

fn follow(from: &World, to: &World, number: usize) -> Value {
    let alice = actor(from, "alice");
    json!({
        "id": format!("{alice}#follow-{number}"), "type": "Follow", "actor": alice,
        "object": actor(to, "bob"),
    })
}

#[test]
fn attack_64_a_peer_that_sends_too_much_is_asked_to_wait() {
    on_each_backend(async |database: TestDatabase| {
        let (a, other, _) = pair(&database).await;
        other.stop().await;
        let second = TestDatabase::create(federation_core::store::sql::Backend::Sqlite);
        let b = World::start_with(&second, |config| {
            open(config);
            config.limits.inbox_per_second_per_peer = 1;
        })
        .await;
        b.member("bob").await;
        a.member("alice").await;
        let alice = key(&a, "alice").await;
        let mut waiting = None;
        for number in 0..100 {
            let answer = post(&b, "/inbox", &alice, &follow(&a, &b, number)).await;
            if answer.status != 202 {
                waiting = Some((number, answer));
                break;
            }
        }
        let (number, answer) = waiting.expect("the peer is bounded");
        assert!(number >= 30, "{number}");
        let seconds = answer.headers["retry-after"].to_str().unwrap().to_owned();
        assert!(seconds.parse::<u64>().unwrap() >= 1, "{seconds}");
        answer.expect_problem(429, "too_many_requests");
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn attack_55_bodies_without_length_or_in_disguise_are_bounded() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        // Chunked, without a length that could be refused.
        let endless = futures_util::stream::iter(
            (0..64).map(|_| Ok::<_, std::io::Error>(vec![b' '; 65_536])),
        );
        let body = reqwest::Body::wrap_stream(endless);
        let sent = b.http.request(Method::POST, b.url("/inbox")).body(body);
        Answer::of(sent).await.expect_problem(413, "body_too_large");
        // Compressed: read as the bytes that it is, which are no activity, and never unpacked.
        a.member("alice").await;
        let alice = key(&a, "alice").await;
        let packed = String::from("\u{1f}\u{8b}\u{8}not unpacked");
        let url: url::Url = b.url("/inbox").parse().unwrap();
        let now = federation_core::Clock::now(&federation_core::SystemClock);
        let headers = federation_core::signature::sign_request(
            federation_core::signature::Scheme::Cavage,
            &alice,
            &Method::POST,
            &url,
            Some(packed.as_bytes()),
            now,
        );
        let sent = b.http.post(url).headers(headers.unwrap());
        let sent = sent.header("content-encoding", "gzip").body(packed);
        Answer::of(sent)
            .await
            .expect_problem(400, "not_an_activity");
        a.stop().await;
        b.stop().await;
    });
}
