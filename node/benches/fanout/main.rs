//! What it costs to tell many sockets the same: frames per second beside a bare loop that writes the same
//! bytes to as many sockets, and beside the npm package ws; memory of an idle socket; the time from a
//! request to the last socket.
//!
//! `cargo bench -p node --bench fanout`. `FOLKMOOT_TEST_SOCKETS` says other numbers than `1000,10000`;
//! `FOLKMOOT_TEST_WS` names the folder where the package ws is installed (`cargo xtask bench` does).
//! Each server is a process of its own; the clients are in this one. Ratios hold; absolute figures
//! are those of the machine.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a benchmark prints its table, works out figures, and stops at a failure"
)]

mod bare;
mod crowd;
mod figures;
mod gateway;
mod plain;
mod server;
mod wire;
mod ws_peer;

use crate::figures::Figures;

/// The gateway's share of what the bare loop does.
const SHARE_BAR: f64 = 0.7;
/// KiB of memory for an idle socket.
const MEMORY_BAR: f64 = 12.0;

fn main() {
    let mut arguments = std::env::args();
    if arguments.any(|argument| argument == "--bare") {
        return bare::run();
    }
    let sockets = std::env::var_os("FOLKMOOT_TEST_SOCKETS");
    let sockets = sockets.map_or("1000,10000".to_owned(), |text| text.into_string().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for count in sockets.split(',') {
        runtime.block_on(measure(count.trim().parse().unwrap()));
    }
}

async fn measure(sockets: usize) {
    let (ours, text) = gateway::measure(sockets).await;
    let bare = plain::measure(&mut bare::command(), sockets, &text).await;
    let ws = match ws_peer::command() {
        Some(mut command) => Some(plain::measure(&mut command, sockets, &text).await),
        None => None,
    };
    let times = |figures: &Figures| format!("{:.1?} / {:.1?}", figures.p50, figures.p99);
    println!(
        "| {sockets} sockets, {} bytes each | frames/s | of the bare loop | to the last socket, p50 / p99 | KiB per idle socket |",
        text.len()
    );
    println!("|---|---|---|---|---|");
    let row = |name: &str, figures: &Figures| {
        println!(
            "| {name} | {:.0} | {:.2} | {} | {:.1} |",
            figures.per_second,
            figures.per_second / bare.per_second,
            times(figures),
            figures.kib
        );
    };
    row("a bare loop", &bare);
    row("the gateway, from the request", &ours);
    match &ws {
        Some(ws) => row("npm ws", ws),
        None => println!("| npm ws | not installed: `cargo xtask bench` does it | | | |"),
    }
    let share = ours.per_second / bare.per_second;
    let held = |is_held| if is_held { "held" } else { "BROKEN" };
    println!(
        "bar: {SHARE_BAR} of the bare loop: {}",
        held(share >= SHARE_BAR)
    );
    println!(
        "bar: {MEMORY_BAR} KiB for an idle socket: {}",
        held(ours.kib < MEMORY_BAR)
    );
    println!();
    assert!(share >= SHARE_BAR, "{share}");
    assert!(ours.kib < MEMORY_BAR, "{}", ours.kib);
}
