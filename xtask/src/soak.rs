//! `cargo xtask soak`: the long proofs.

use anyhow::Result;

use crate::fuzz;
use crate::place;
use crate::postgres::Durability;
use crate::steps::Steps;
use crate::test;

/// Runs the long proofs, each as the function below says that starts it, and the fuzz targets last.
///
/// # Errors
/// When something is missing and cannot be installed, or a server does not start.
pub(crate) fn run() -> Result<bool> {
    let mut steps = Steps::default();
    let _servers = test::provide(&mut steps, Durability::On)?;
    steps.set("FOLKMOOT_TEST_KILLS", "200");
    steps.set("FOLKMOOT_TEST_SENDS", "2000");
    if steps.cargo("build of the server", &["build", "--release", "-p", "node"])? {
        let built = place::target().join("release/folkmoot");
        steps.set("FOLKMOOT_BIN", built.display().to_string());
        let proofs = [
            "test",
            "--release",
            "-p",
            "interop-tests",
            "--test",
            "kill",
            "--",
            "--nocapture",
        ];
        steps.cargo("kills", &proofs)?;
        document(&mut steps)?;
        part(&mut steps)?;
    }
    revoke(&mut steps)?;
    fall_silent(&mut steps)?;
    come_back(&mut steps)?;
    simulate(&mut steps)?;
    let example = [
        "test",
        "--release",
        "-p",
        "minimal-inbox",
        "--",
        "--nocapture",
    ];
    steps.cargo("kills of the minimal inbox", &example)?;
    hostile(&mut steps)?;
    fuzz::run(&mut steps)?;
    Ok(steps.report())
}

/// The attacks on the library as it is built for release, without checks for overflow and the like.
fn hostile(steps: &mut Steps) -> Result<bool> {
    let attacks = [
        "test",
        "-p",
        "federation-core",
        "--test",
        "hostile",
        "--profile",
        "hostile",
    ];
    steps.cargo("hostile input, built for release", &attacks)
}

/// Hundreds of random cases for each operation of the API; `FOLKMOOT_TEST_SEED` brings a run back.
fn document(steps: &mut Steps) -> Result<bool> {
    steps.set("FOLKMOOT_TEST_EXAMPLES", "300");
    let cases = [
        "test",
        "--release",
        "-p",
        "interop-tests",
        "--test",
        "openapi",
        "--",
        "--nocapture",
    ];
    steps.cargo("the document of the API", &cases)
}

/// Two servers and Fedify cut off from each other for ten minutes while all write on in one channel.
/// It may take half an hour: what waits is tried again at growing intervals.
fn part(steps: &mut Steps) -> Result<bool> {
    let partition = [
        "test",
        "--release",
        "-p",
        "interop-tests",
        "--test",
        "partition",
        "--",
        "--ignored",
        "--nocapture",
    ];
    steps.cargo("a partition", &partition)
}

/// Fifty servers of the real parts, 10^5 activities, 200 seeds; `FOLKMOOT_SIMULATION_NODES`,
/// `_ACTIVITIES`, `_SEEDS` and `_FIRST_SEED` say otherwise.
fn simulate(steps: &mut Steps) -> Result<bool> {
    let simulation = [
        "test",
        "--release",
        "-p",
        "federation-core",
        "--test",
        "simulation",
        "--",
        "--ignored",
        "--nocapture",
        "soak",
    ];
    steps.cargo("simulation", &simulation)
}

/// A hundred sessions ended by one process and refused by another, with Redis, without, and again.
fn revoke(steps: &mut Steps) -> Result<bool> {
    let revocations = [
        "test",
        "--release",
        "-p",
        "node",
        "--test",
        "it",
        "--",
        "--ignored",
        "--nocapture",
        "soak_two_processes",
    ];
    steps.cargo("revocations", &revocations)
}

/// A hundred of each: tokens revoked, people banned, roles taken away, sight denied, while the channel
/// is written in 200 times a second; on one process, and on two.
fn fall_silent(steps: &mut Steps) -> Result<bool> {
    let sockets = [
        "test",
        "--release",
        "-p",
        "node",
        "--test",
        "it",
        "--",
        "--ignored",
        "--nocapture",
        "soak_sockets",
    ];
    steps.cargo("sockets that fall silent", &sockets)
}

/// A thousand clients of the gateway cut off at random for three minutes, while one of two processes
/// is killed; `FOLKMOOT_TEST_CLIENTS` and `FOLKMOOT_TEST_SECONDS` say otherwise. It takes some
/// thousand open files.
fn come_back(steps: &mut Steps) -> Result<bool> {
    let clients = [
        "test",
        "--release",
        "-p",
        "node",
        "--test",
        "it",
        "--",
        "--ignored",
        "--nocapture",
        "soak_clients",
    ];
    steps.cargo("clients that come back", &clients)
}
