//! Two servers, one on SQLite and one on PostgreSQL: from a request here to a socket there.
#![cfg(test)]

use std::time::Duration;
use std::time::Instant;

use anyhow::Result;
use interop_tests::member::Member;
use interop_tests::network::Network;
use interop_tests::place;
use interop_tests::socket::Socket;
use interop_tests::subject::Store;
use interop_tests::subject::Subject;

/// Waits for the message with this content; gives the conversation it came in.
async fn arrival(socket: &mut Socket, content: &str) -> Result<String> {
    loop {
        let message = socket.event("message.created").await?;
        if message["content"] == content {
            return Ok(message["channel_id"].as_str().unwrap().to_owned());
        }
    }
}

fn quantile(sorted: &[Duration], per_hundred: usize) -> Duration {
    sorted[(sorted.len() * per_hundred / 100).min(sorted.len() - 1)]
}

#[tokio::test]
async fn messages_cross_two_servers_and_answers_come_back() -> Result<()> {
    // One after the other, so that neither takes the other's time.
    cross("true", "by push stream").await?;
    cross("false", "by POST").await
}

/// Sends one message after another and prints how long each took.
async fn cross(streams: &str, way: &str) -> Result<()> {
    let sends = usize::try_from(place::number("FOLKMOOT_TEST_SENDS", 500))?;
    let network = Network::start().await?;
    let settings = [("FOLKMOOT_FEDERATION__STREAM__OPEN", streams)];
    let a = Subject::start_with(&network, "a", Store::Sqlite, &settings).await?;
    let b = Subject::start_with(&network, "b", Store::Postgres, &settings).await?;
    let (alice, bob) = (
        Member::sign_up(&a, "alice").await?,
        Member::sign_up(&b, "bob").await?,
    );
    let (mut to_alice, mut to_bob) = (alice.socket(None).await?, bob.socket(None).await?);
    let channel = alice.dm(&[&bob.handle]).await?;

    let mut times = Vec::with_capacity(sends);
    let mut there = String::new();
    for number in 0..sends {
        let content = format!("message {number}");
        let start = Instant::now();
        alice.send(&channel, &content).await?;
        there = arrival(&mut to_bob, &content).await?;
        times.push(start.elapsed());
    }
    times.sort();
    let (p50, p99) = (quantile(&times, 50), quantile(&times, 99));
    println!(
        "{sends} messages {way} from request to the other member's socket: p50 {p50:?}, p99 {p99:?}"
    );

    bob.send(&there, "an answer").await?;
    assert_eq!(arrival(&mut to_alice, "an answer").await?, channel);
    let (here, there) = (alice.messages(&channel).await?, bob.messages(&there).await?);
    let contents = |all: &[serde_json::Value]| -> Vec<String> {
        all.iter()
            .map(|message| message["content"].to_string())
            .collect()
    };
    assert_eq!(contents(&here), contents(&there));
    assert_eq!(here.len(), sends + 1);
    Ok(())
}
