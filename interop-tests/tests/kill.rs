//! I1, I2, I7: whatever is killed and whenever, each acknowledged message arrives once, in order.
#![cfg(test)]

use std::time::Duration;

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
const PACE: Duration = Duration::from_millis(60);
const LIFE: Duration = Duration::from_millis(400);
const DEATH: Duration = Duration::from_millis(100);

/// Sends numbered messages, each until it is acknowledged.
async fn send_all(alice: &Member, channel: &str, sends: u64, mut chance: Chance) -> Result<()> {
    for number in 0..sends {
        let (content, key) = (
            format!("message {number}"),
            format!("key-{channel}-{number}"),
        );
        wait::until("an acknowledgement", || {
            alice.try_send(channel, &content, &key)
        })
        .await?;
        tokio::time::sleep(chance.below(PACE)).await;
    }
    Ok(())
}

/// Kills a server at random moments and starts it again.
async fn kill_often(victim: &mut Subject, kills: u64, mut chance: Chance) -> Result<()> {
    for _ in 0..kills {
        tokio::time::sleep(chance.below(LIFE)).await;
        victim.kill().await?;
        tokio::time::sleep(chance.below(DEATH)).await;
        victim.resume().await?;
    }
    Ok(())
}

/// Waits until bob has as many messages as were sent, then looks at each.
async fn hold(bob: &Member, sends: u64) -> Result<()> {
    let mut seen = 0;
    let arrived = wait::until_within(SETTLE, "all messages", || async {
        let conversations = bob.conversations().await?;
        let Some(channel) = conversations.first().and_then(|c| c["id"].as_str()) else {
            return Ok(None);
        };
        let messages = bob.messages(channel).await?;
        Ok((u64::try_from(messages.len())? >= sends).then_some((conversations.len(), messages)))
    })
    .await;
    let (conversations, messages) = arrived?;
    ensure!(
        conversations == 1,
        "the messages are spread over {conversations} conversations"
    );
    for message in &messages {
        let expected = format!("message {seen}");
        ensure!(
            message["content"] == expected,
            "{expected} is due, but there is {message}"
        );
        seen += 1;
    }
    ensure!(seen == sends, "{seen} messages arrived, {sends} were sent");
    Ok(())
}

async fn survive(kill_sender: bool, sender: Store, receiver: Store) -> Result<()> {
    let kills = place::number("FOLKMOOT_TEST_KILLS", 10);
    let sends = place::number("FOLKMOOT_TEST_SENDS", 100);
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
    let victim = if kill_sender { &mut a } else { &mut b };
    let (sent, killed) = tokio::join!(
        send_all(&alice, &channel, sends, senders),
        kill_often(victim, kills, killers),
    );
    killed?;
    sent?;
    hold(&bob, sends).await?;
    a.stop().await?;
    b.stop().await
}

#[tokio::test]
async fn i1_a_sender_on_sqlite_may_be_killed_at_any_moment() -> Result<()> {
    survive(true, Store::Sqlite, Store::Postgres).await
}

#[tokio::test]
async fn i1_a_sender_on_postgres_may_be_killed_at_any_moment() -> Result<()> {
    survive(true, Store::Postgres, Store::Sqlite).await
}

#[tokio::test]
async fn i1_a_receiver_on_postgres_may_be_killed_at_any_moment() -> Result<()> {
    survive(false, Store::Sqlite, Store::Postgres).await
}

#[tokio::test]
async fn i1_a_receiver_on_sqlite_may_be_killed_at_any_moment() -> Result<()> {
    survive(false, Store::Postgres, Store::Sqlite).await
}
