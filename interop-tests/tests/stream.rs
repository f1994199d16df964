//! The push stream under `kill -9`: what a receiver that dies had not acknowledged arrives once.
#![cfg(test)]

use std::time::Duration;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::ensure;
use interop_tests::chance::Chance;
use interop_tests::member::Member;
use interop_tests::network::Network;
use interop_tests::place;
use interop_tests::subject::Store;
use interop_tests::subject::Subject;
use interop_tests::wait;

/// How long deliveries may take to settle after the last start: retries wait longer each time.
const SETTLE: Duration = Duration::from_mins(3);
/// Between two messages, at most.
const PACE: Duration = Duration::from_millis(20);
/// A receiver lives long enough to be streamed to, and dies at some moment of it.
const LIFE: Duration = Duration::from_secs(2);
const OPENED: &str = "a push stream to another node is open";
const ENDED: &str = "a push stream to another node ended";

/// How often a stream was opened, and how many activities were acknowledged over those that ended.
fn streamed(network: &Network, name: &str) -> Result<(usize, u64)> {
    let log = std::fs::read_to_string(network.folder(name)?.join("log"))?;
    let opened = log.matches(OPENED).count();
    let mut acknowledged = 0;
    for line in log.lines().filter(|line| line.contains(ENDED)) {
        let (_, count) = line.split_once("acknowledged=").context("no count")?;
        let digits: String = count.chars().take_while(char::is_ascii_digit).collect();
        acknowledged += digits.parse::<u64>()?;
    }
    Ok((opened, acknowledged))
}

async fn send_all(alice: &Member, channel: &str, sends: u64, mut chance: Chance) -> Result<()> {
    for number in 0..sends {
        let (content, key) = (format!("message {number}"), format!("stream-{number}"));
        wait::until("an acknowledgement", || {
            alice.try_send(channel, &content, &key)
        })
        .await?;
        tokio::time::sleep(chance.below(PACE)).await;
    }
    Ok(())
}

/// Waits for a stream, lets it run for a while, and kills its receiver.
async fn kill_in_midstream(
    network: &Network,
    victim: &mut Subject,
    kills: usize,
    mut chance: Chance,
) -> Result<()> {
    for _ in 0..kills {
        wait::until_within(SETTLE, "a stream", || async {
            let log = std::fs::read_to_string(network.folder("a")?.join("log"))?;
            Ok((log.matches(OPENED).count() > log.matches(ENDED).count()).then_some(()))
        })
        .await?;
        tokio::time::sleep(chance.below(LIFE)).await;
        victim.kill().await?;
        victim.resume().await?;
    }
    Ok(())
}

async fn survive(sender: Store, receiver: Store) -> Result<()> {
    let sends = place::number("FOLKMOOT_TEST_SENDS", 1500);
    let kills = usize::try_from(place::number("FOLKMOOT_TEST_KILLS", 3))?;
    let mut chance = Chance::new();
    let network = Network::start().await?;
    let mut a = Subject::start(&network, "a", sender).await?;
    let mut b = Subject::start(&network, "b", receiver).await?;
    let (alice, bob) = (
        Member::sign_up(&a, "alice").await?,
        Member::sign_up(&b, "bob").await?,
    );
    let channel = alice.dm(&[&bob.handle]).await?;
    let (senders, killers) = (chance.fork(), chance.fork());
    let (sent, killed) = tokio::join!(
        send_all(&alice, &channel, sends, senders),
        kill_in_midstream(&network, &mut b, kills, killers),
    );
    killed?;
    sent?;
    let messages = wait::until_within(SETTLE, "all messages", || async {
        let conversations = bob.conversations().await?;
        let Some(there) = conversations.first().and_then(|c| c["id"].as_str()) else {
            return Ok(None);
        };
        let messages = bob.messages(there).await?;
        Ok((u64::try_from(messages.len())? >= sends).then_some(messages))
    })
    .await?;
    let mut seen = 0;
    for message in &messages {
        let expected = format!("message {seen}");
        ensure!(
            message["content"] == expected,
            "{expected} is due, but there is {message}"
        );
        seen += 1;
    }
    ensure!(seen == sends, "{seen} messages arrived, {sends} were sent");
    a.stop().await?;
    b.stop().await?;
    let (opened, acknowledged) = streamed(&network, "a")?;
    println!("{sends} messages, {opened} streams, {acknowledged} acknowledged by stream");
    ensure!(opened >= kills, "only {opened} streams were opened");
    ensure!(acknowledged > 0, "nothing travelled by stream");
    Ok(())
}

#[tokio::test]
async fn i1_a_stream_to_a_receiver_on_postgres_loses_and_doubles_nothing() -> Result<()> {
    survive(Store::Sqlite, Store::Postgres).await
}

#[tokio::test]
async fn i1_a_stream_to_a_receiver_on_sqlite_loses_and_doubles_nothing() -> Result<()> {
    survive(Store::Postgres, Store::Sqlite).await
}
