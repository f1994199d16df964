//! The node handshake with a second implementation, written in Python from the specification
//! alone: it computes the vectors anew, and goes through the handshake with a running server.
#![cfg(test)]

use std::time::Duration;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use interop_tests::network::Network;
use interop_tests::place;
use interop_tests::port;
use interop_tests::subject::Store;
use interop_tests::subject::Subject;
use tokio::process::Command;

/// How long the whole of it may take.
const PATIENCE: Duration = Duration::from_mins(3);

/// A script of the second implementation.
fn script(name: &str) -> Result<Command> {
    let python = place::peer("handshake", "bin/python")?.join("bin/python");
    let mut command = Command::new(python);
    command
        .arg("-B")
        .arg(place::package().join("peers/handshake").join(name))
        .env("NO_PROXY", "*")
        .kill_on_drop(true);
    Ok(command)
}

/// Runs a script to its end; gives what it printed.
async fn run(command: &mut Command) -> Result<String> {
    let ended = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = ended.context("the script does not end")??;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let fault = String::from_utf8_lossy(&output.stderr);
        bail!("the script failed after {said:?}:\n{fault}");
    }
    Ok(said)
}

#[tokio::test]
async fn the_vectors_of_the_specification_are_computed_anew() -> Result<()> {
    let document = place::package().join("../docs/node-handshake.md");
    let said = run(script("vectors.py")?.arg(document)).await?;
    assert_eq!(said.trim(), "32 vectors");
    Ok(())
}

async fn a_holder_goes_through_the_handshake(store: Store) -> Result<()> {
    let network = Network::start().await?;
    let issuer = Subject::start(&network, "issuer", store).await?;
    let port = port::free()?;
    let front = network.front("holder", port).await?;
    let mut scenario = script("scenario.py")?;
    scenario
        .env("HOLDER", front.origin())
        .env("PORT", port.to_string())
        .env("ISSUER", issuer.origin())
        .env("SSL_CERT_FILE", network.authority());
    match run(&mut scenario).await {
        Ok(said) => {
            assert_eq!(said.lines().count(), 4, "{said}");
            Ok(())
        }
        Err(error) => Err(error.context(issuer.log_tail())),
    }
}

#[tokio::test]
async fn a_holder_goes_through_the_handshake_on_sqlite() -> Result<()> {
    a_holder_goes_through_the_handshake(Store::Sqlite).await
}

#[tokio::test]
async fn a_holder_goes_through_the_handshake_on_postgres() -> Result<()> {
    a_holder_goes_through_the_handshake(Store::Postgres).await
}
