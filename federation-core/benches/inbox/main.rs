//! What it costs to take one signed activity, from the request to the committed row.
//!
//! `cargo bench -p federation-core --bench inbox --features axum,diesel,testing`. PostgreSQL is
//! measured when `FOLKMOOT_TEST_POSTGRES` names a server. Figures are CPU time of this process
//! (user and system, all threads, from `/proc/self/stat`) per activity: with SQLite that is all
//! there is, with PostgreSQL the server's own is left out. The floor is what no inbox can do
//! without, measured in the same run: one RSA-2048 verification with a parsed key and the SHA-256
//! of the body. A row whose figure is over its bar ends with MISSED, and so does the run.
//!
//! `FOLKMOOT_BENCH_STORED` sets how many activities the large stores hold (10^6).
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a benchmark prints its table and stops at the first failure"
)]

mod cost;
mod ours;
mod theirs;
mod world;

use federation_core::store::sql::Backend;
use federation_core::testing::TEST_POSTGRES;

use self::cost::Cost;
use self::world::World;

/// Activities of one measurement.
const ACTIVITIES: usize = 6000;
/// Cost over the floor that is allowed (the figure to beat is 0.06 ms where the floor is 0.02).
const BAR: f64 = 3.0;
/// How much more an activity may cost with a thousand times the state.
const GROWTH_BAR: f64 = 1.25;

fn main() {
    let world = World::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let large = std::env::var_os("FOLKMOOT_BENCH_STORED");
    let large = large.map_or(1_000_000, |text| text.to_str().unwrap().parse().unwrap());
    let floor = world.floor(ACTIVITIES);
    println!("floor: RSA-2048 verification and SHA-256, {floor}");
    println!("| inbox | stored | peers | CPU per activity | of the floor | bar | |");
    println!("|---|---|---|---|---|---|---|");
    let mut missed = 0;
    for backend in [Backend::Sqlite, Backend::Postgres] {
        if backend == Backend::Postgres && std::env::var_os(TEST_POSTGRES).is_none() {
            println!("| {backend} | set {TEST_POSTGRES} to measure it | | | | | |");
            continue;
        }
        let mut small = None;
        for (stored, peers) in [(1000, 10), (1000, 10_000), (large, 10), (large, 10_000)] {
            let cost = runtime.block_on(ours::measure(&world, backend, stored, peers));
            let small: &Cost = small.get_or_insert(cost);
            let name = format!("this crate, {backend}");
            let ratio = cost.over(floor);
            missed += row(&name, stored, peers, cost, ratio, BAR);
            if cost != *small {
                let growth = cost.over(*small);
                let name = format!("{name}, against 1000 and 10");
                missed += row(&name, stored, peers, cost, growth, GROWTH_BAR);
            }
        }
    }
    for peers in [10, 10_000] {
        let cost = runtime.block_on(theirs::measure(&world, peers));
        let ratio = cost.over(floor);
        let name = "activitypub_federation, in memory";
        println!("| {name} | - | {peers} | {cost} | {ratio:.2} | - | |");
    }
    let again = world.floor(ACTIVITIES);
    println!("floor once more: {again}");
    assert!(missed == 0, "{missed} figures are over their bars");
}

/// Prints a row; 1 when the bar is missed.
fn row(name: &str, stored: i64, peers: usize, cost: Cost, ratio: f64, bar: f64) -> usize {
    let is_missed = ratio > bar;
    let verdict = if is_missed { "MISSED" } else { "ok" };
    println!("| {name} | {stored} | {peers} | {cost} | {ratio:.2} | {bar} | {verdict} |");
    usize::from(is_missed)
}
