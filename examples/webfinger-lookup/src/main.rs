//! Prints the actor behind a handle: `webfinger-lookup @alice@example.org`.
#![expect(
    clippy::print_stdout,
    reason = "a command-line program talks to its terminal"
)]

use anyhow::Context as _;
use anyhow::Result;
use webfinger::Handle;
use webfinger::Scheme;
use webfinger::client::HttpsClient;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    // Plain HTTP is for servers on the same machine.
    let insecure = arguments
        .first()
        .is_some_and(|argument| argument == "--http");
    let scheme = if insecure {
        Scheme::Http
    } else {
        Scheme::Https
    };
    let handle: Handle = arguments
        .pop()
        .context("usage: webfinger-lookup [--http] @name@host")?
        .parse()?;

    let client = HttpsClient::new("webfinger-lookup")?;
    let found = webfinger::resolve(&client, &handle, scheme).await?;
    println!("handle {}", found.handle);
    println!("actor  {}", found.actor);
    for alias in &found.document.aliases {
        println!("alias  {alias}");
    }
    Ok(())
}
