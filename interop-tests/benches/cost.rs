//! What a node costs and how fast a direct message is, each figure beside its bar.
//!
//! Memory and start of an idle process, and the time from a request at one node to the socket at
//! another, alone and while a third server never answers. Run by `cargo xtask bench`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use interop_tests::hostile::Hostile;
use interop_tests::hostile::serve::Reply;
use interop_tests::member::Member;
use interop_tests::network::Network;
use interop_tests::place;
use interop_tests::socket::Socket;
use interop_tests::subject::{Store, Subject};
use serde_json::json;

const STARTS: usize = 11;
const RESIDENT_BAR_KIB: u64 = 30 * 1024;
const START_BAR: Duration = Duration::from_millis(60);
const P50_BAR: Duration = Duration::from_millis(5);
const P99_BAR: Duration = Duration::from_millis(25);
/// How long a process is left alone before its memory is read.
const REST: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> Result<()> {
    let network = Network::start().await?;
    println!("folkmoot: {}", place::subject()?.display());
    for store in [Store::Sqlite, Store::Postgres] {
        idle(&network, store).await?;
    }
    messages(&network).await
}

/// Start on a fresh and on an existing database, and what the process holds when idle.
async fn idle(network: &Network, store: Store) -> Result<()> {
    let name = format!("idle-{store:?}").to_lowercase();
    let fresh = Instant::now();
    let mut subject = Subject::start_direct(network, &name, store).await?;
    let fresh = fresh.elapsed();
    Member::sign_up(&subject, "alice").await?;
    subject.stop().await?;
    let mut starts = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        starts.push(subject.time_start().await?);
        subject.stop().await?;
    }
    starts.sort();
    subject.resume().await?;
    tokio::time::sleep(REST).await;
    let resident = resident_kib(subject.id().context("it does not run")?)?;
    subject.stop().await?;
    let median = quantile(&starts, 50)?;
    println!("{store:?}: fresh database to ready {fresh:.1?} (polled every 20 ms)");
    println!(
        "{store:?}: existing database to ready, median of {STARTS}: {median:.1?} (bar {START_BAR:?}) {}",
        verdict(median <= START_BAR)
    );
    println!(
        "{store:?}: resident when idle {:.1} MB (bar {} MB) {}",
        f64::from(u32::try_from(resident)?) / 1024.0,
        RESIDENT_BAR_KIB / 1024,
        verdict(resident <= RESIDENT_BAR_KIB)
    );
    Ok(())
}

/// Direct messages from a node on SQLite to one on PostgreSQL, alone and beside a dead server.
async fn messages(network: &Network) -> Result<()> {
    let sends = usize::try_from(place::number("FOLKMOOT_TEST_SENDS", 500))?;
    let a = Subject::start_direct(network, "a", Store::Sqlite).await?;
    let b = Subject::start_direct(network, "b", Store::Postgres).await?;
    let alice = Member::sign_up(&a, "alice").await?;
    let carol = Member::sign_up(&a, "carol").await?;
    let bob = Member::sign_up(&b, "bob").await?;
    let (mut to_carol, mut to_bob) = (carol.socket(None).await?, bob.socket(None).await?);
    let remote = alice.dm(&[&bob.handle]).await?;
    let local = alice.dm(&[&carol.handle]).await?;
    measure(&alice, &remote, &mut to_bob, 20, "warm").await?;

    let across = measure(&alice, &remote, &mut to_bob, sends, "across").await?;
    let within = measure(&alice, &local, &mut to_carol, sends, "within").await?;
    report("two nodes, SQLite to PostgreSQL", &across, true)?;
    report("one node", &within, false)?;

    let silent = Hostile::start(network, "silent").await?;
    silent.put_actor("mallory", Reply::Hang);
    let stuck = alice.dm(&[&silent.actor("mallory")]).await?;
    for number in 0..sends {
        alice.send(&stuck, &format!("stuck {number}")).await?;
    }
    let across = measure(&alice, &remote, &mut to_bob, sends, "beside").await?;
    let within = measure(&alice, &local, &mut to_carol, sends, "inside").await?;
    let beside = format!("beside {sends} deliveries to a server that never answers");
    report(&format!("two nodes, {beside}"), &across, true)?;
    report(&format!("one node, {beside}"), &within, false)?;
    let tries = silent.requests("/users/mallory/inbox");
    println!("requests to the silent server meanwhile: {tries}");
    Ok(())
}

/// Sends one message at a time; gives the sorted times until each stood at the socket.
async fn measure(
    sender: &Member,
    channel: &str,
    socket: &mut Socket,
    sends: usize,
    label: &str,
) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(sends);
    for number in 0..sends {
        let content = format!("{label} {number}");
        let start = Instant::now();
        sender.send(channel, &content).await?;
        while socket.event("message.created").await?.get("content") != Some(&json!(content)) {}
        times.push(start.elapsed());
    }
    times.sort();
    Ok(times)
}

fn report(what: &str, times: &[Duration], barred: bool) -> Result<()> {
    let (p50, p99) = (quantile(times, 50)?, quantile(times, 99)?);
    let bars = if barred {
        format!(
            " (bars {P50_BAR:?}, {P99_BAR:?}) {}",
            verdict(p50 <= P50_BAR && p99 <= P99_BAR)
        )
    } else {
        String::new()
    };
    println!("message to socket, {what}: p50 {p50:.2?}, p99 {p99:.2?}{bars}");
    Ok(())
}

fn verdict(held: bool) -> &'static str {
    if held { "held" } else { "MISSED" }
}

fn quantile(sorted: &[Duration], per_hundred: usize) -> Result<Duration> {
    let index = (sorted.len() * per_hundred / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().context("nothing was measured")
}

/// Resident memory of a process, in KiB.
fn resident_kib(id: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let value = line.and_then(|line| line.split_whitespace().next());
    Ok(value.context("no VmRSS")?.parse()?)
}
