//! What it costs to sign and deliver, beside what the cryptography in it costs on the same cores.
//!
//! `cargo bench -p federation-core --bench delivery --all-features [-- open|new|dead|ours]`; `ours`
//! leaves out what others need. A bar that is missed ends with MISSED.
//!
//! The receiver is another process on loopback: 1,000 names that resolve to 127.0.x.y, each with
//! HTTPS, all answered by one server. Only the CPU time of this process is counted, as the kernel
//! keeps it (`utime` and `stime` of `/proc/self/stat`, in steps of 10 ms): the guarded client, the
//! worker, the SQLite store, the signatures, and the kernel's work in its system calls, which on
//! loopback holds the receiving end of the network stack too. The signatures and handshakes they
//! are held against are counted the same way, before and after, in the same run.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark prints its table and stops at the first failure"
)]

mod certificate;
mod cpu;
mod dead_peers;
mod network;
mod ours;
mod receiver;
#[cfg(feature = "activitypub-federation")]
mod theirs;

use std::time::Duration;

use network::Network;

/// Hosts that are delivered to.
const HOSTS: usize = 1000;
/// Activities that each of them gets.
const ROUNDS: usize = 10;
/// Runs of which the median is shown.
const RUNS: usize = 3;
/// Of the signatures per second, in percent; what is missing is the subject of this benchmark.
const OPEN_BAR: f64 = 85.0;
/// Of one signature and one connection, how much a delivery over a new one may take.
const NEW_BAR: f64 = 1.5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, directory, ..] = arguments.as_slice()
        && first == receiver::ARGUMENT
    {
        receiver::run(directory.as_ref());
        return;
    }
    let selected = |name: &str| {
        let mut chosen = arguments
            .iter()
            .filter(|text| !text.starts_with("--") && *text != "ours")
            .peekable();
        chosen.peek().is_none() || chosen.any(|text| text == name)
    };
    let alone = arguments.iter().any(|text| text == "ours");
    let mut is_met = true;
    if selected("open") || selected("new") {
        let network = Network::start();
        if selected("open") {
            open_connections(&network, alone);
        }
        if selected("new") {
            is_met &= new_connections(&network, alone);
        }
    }
    if selected("dead") {
        is_met &= dead_peers::run();
    }
    assert!(is_met, "a figure is over its bar");
}

/// Deliveries over connections that are open already.
fn open_connections(network: &Network, alone: bool) {
    let key = ours::rsa_key();
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let before = cpu::per_signature(&key);
        let ours = ours::deliver(network, "/inbox", HOSTS, ROUNDS, &key);
        let signature = (before + cpu::per_signature(&key)) / 2;
        runs.push((share(signature, ours.deliver), signature, ours));
    }
    runs.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (reached, signature, ours) = runs.get(RUNS / 2).unwrap();
    let signature = *signature;
    println!(
        "\n## {HOSTS} hosts, connections open, {ROUNDS} activities each, median of {RUNS} runs"
    );
    println!("| | CPU per delivery | of the signatures per second that the same CPU does |");
    println!("|---|---|---|");
    println!("| one RSA-2048 signature | {signature:.1?} | 100% |");
    row(
        "this queue, from rows to settled rows",
        ours.deliver,
        signature,
    );
    row(
        "this queue, with queueing and spreading",
        ours.deliver + ours.queue,
        signature,
    );
    #[cfg(not(feature = "activitypub-federation"))]
    let _nobody_else = alone;
    #[cfg(feature = "activitypub-federation")]
    if !alone {
        row(
            "activitypub_federation, in memory",
            theirs::deliver(network, "/inbox", HOSTS, ROUNDS),
            signature,
        );
    }
    let verdict = if *reached < OPEN_BAR { "MISSED" } else { "ok" };
    println!(
        "deliveries per second of wall time: {:.0}; bar: at least {OPEN_BAR}% of the signatures: {verdict}",
        ours.per_second
    );
}

/// Deliveries over a connection each.
fn new_connections(network: &Network, alone: bool) -> bool {
    let key = ours::rsa_key();
    let signature = cpu::per_signature(&key);
    let handshake = cpu::per_handshake(network);
    let ours = ours::deliver(network, "/close", HOSTS, 4, &key);
    let handshake = (handshake + cpu::per_handshake(network)) / 2;
    let signature = (signature + cpu::per_signature(&key)) / 2;
    let floor = signature + handshake;
    println!("\n## {HOSTS} hosts, a new TLS 1.3 connection for each delivery");
    println!("| | CPU | of one signature and one connection |");
    println!("|---|---|---|");
    println!("| one RSA-2048 signature | {signature:.1?} | |");
    println!("| one TLS 1.3 connection as client | {handshake:.1?} | |");
    let ratio = ours.deliver.as_secs_f64() / floor.as_secs_f64();
    println!(
        "| this queue, per delivery | {:.1?} | {ratio:.2}x |",
        ours.deliver
    );
    #[cfg(not(feature = "activitypub-federation"))]
    let _nobody_else = alone;
    #[cfg(feature = "activitypub-federation")]
    if !alone {
        let theirs = theirs::deliver(network, "/close", HOSTS, 2);
        println!(
            "| activitypub_federation, per delivery | {theirs:.1?} | {:.2}x |",
            theirs.as_secs_f64() / floor.as_secs_f64()
        );
    }
    let verdict = if ratio > NEW_BAR { "MISSED" } else { "ok" };
    println!("bar: at most {NEW_BAR}x: {verdict}");
    ratio <= NEW_BAR
}

fn row(name: &str, cost: Duration, signature: Duration) {
    let share = share(signature, cost);
    println!("| {name} | {cost:.1?} | {share:.0}% |");
}

/// How many percent of `cost` the signature is.
fn share(signature: Duration, cost: Duration) -> f64 {
    100.0 * signature.as_secs_f64() / cost.as_secs_f64()
}
