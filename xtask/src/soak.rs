//! `cargo xtask soak`: the long proofs.

use anyhow::Result;

use crate::fuzz;
use crate::place;
use crate::postgres::Durability;
use crate::steps::Steps;
use crate::test;

/// Tests of one target that are built for release.
struct Proof {
    name: &'static str,
    package: &'static str,
    target: &'static str,
    /// Those that `test` leaves out, whose names begin like this; all of the others when absent.
    left_out: Option<&'static str>,
}

/// Those that need the built server.
const OF_THE_SERVER: [Proof; 3] = [
    Proof {
        name: "kills",
        package: "interop-tests",
        target: "kill",
        left_out: None,
    },
    // Hundreds of random cases for each operation of the API; `FOLKMOOT_TEST_SEED` brings a run back.
    Proof {
        name: "the document of the API",
        package: "interop-tests",
        target: "openapi",
        left_out: None,
    },
    // Two servers and Fedify cut off from each other for ten minutes while all write on in one channel.
    // It may take half an hour: what waits is tried again at growing intervals.
    Proof {
        name: "a partition",
        package: "interop-tests",
        target: "partition",
        left_out: Some(""),
    },
];

const OTHERS: [Proof; 5] = [
    // A hundred sessions ended by one process and refused by another, with Redis, without, and again.
    Proof {
        name: "revocations",
        package: "node",
        target: "it",
        left_out: Some("soak_two_processes"),
    },
    // A hundred of each: tokens revoked, people banned, roles taken away, sight denied, while the
    // channel is written in 200 times a second; on one process, and on two.
    Proof {
        name: "sockets that fall silent",
        package: "node",
        target: "it",
        left_out: Some("soak_sockets"),
    },
    // A thousand clients of the gateway cut off at random for three minutes, while one of two processes
    // is killed; `FOLKMOOT_TEST_CLIENTS` and `FOLKMOOT_TEST_SECONDS` say otherwise. It takes some
    // thousand open files.
    Proof {
        name: "clients that come back",
        package: "node",
        target: "it",
        left_out: Some("soak_clients"),
    },
    // Fifty servers of the real parts, 10^5 activities, 200 seeds; `FOLKMOOT_SIMULATION_NODES`,
    // `_ACTIVITIES`, `_SEEDS` and `_FIRST_SEED` say otherwise.
    Proof {
        name: "simulation",
        package: "federation-core",
        target: "simulation",
        left_out: Some("soak"),
    },
    Proof {
        name: "kills of the minimal inbox",
        package: "minimal-inbox",
        target: "runs",
        left_out: None,
    },
];

/// Runs the long proofs, and the fuzz targets last.
///
/// # Errors
/// When something is missing and cannot be installed, or a server does not start.
pub(crate) fn run() -> Result<bool> {
    let mut steps = Steps::default();
    let _servers = test::provide(&mut steps, Durability::On)?;
    steps.set("FOLKMOOT_TEST_KILLS", "200");
    steps.set("FOLKMOOT_TEST_SENDS", "2000");
    steps.set("FOLKMOOT_TEST_EXAMPLES", "300");
    if steps.cargo("build of the server", &["build", "--release", "-p", "node"])? {
        let built = place::target().join("release/folkmoot");
        steps.set("FOLKMOOT_BIN", built.display().to_string());
        for proof in &OF_THE_SERVER {
            show(&mut steps, proof)?;
        }
    }
    for proof in &OTHERS {
        show(&mut steps, proof)?;
    }
    hostile(&mut steps)?;
    fuzz::run(&mut steps)?;
    Ok(steps.report())
}

fn show(steps: &mut Steps, proof: &Proof) -> Result<bool> {
    let mut arguments = vec!["test", "--release", "-p", proof.package];
    arguments.extend(["--test", proof.target, "--", "--nocapture"]);
    if let Some(beginning) = proof.left_out {
        arguments.extend(["--ignored", beginning]);
    }
    steps.cargo(proof.name, &arguments)
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
