//! `folkmoot lab`: two nodes on this machine that talk, with every hop and its time.

mod hops;
mod node;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use federation_core::fetch::client::ClientConfig;
use federation_core::fetch::{GuardPolicy, GuardedClient, Transport};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use self::hops::{Hop, Hops, is_wanted};
use self::node::LabNode;
use super::output::{Output, line};

/// How the lab runs.
#[derive(Debug, Args)]
pub(super) struct LabArgs {
    /// End after the messages instead of leaving the nodes running
    #[arg(long)]
    exit: bool,
}

/// One message on its way, as it is printed.
#[derive(Debug, Serialize)]
struct Journey {
    from: String,
    to: String,
    content: String,
    /// From the request to the other member's socket, in milliseconds.
    arrived_after_ms: f64,
    hops: Vec<HopView>,
}

#[derive(Debug, Serialize)]
struct HopView {
    /// Milliseconds since the request was sent.
    ms: f64,
    node: String,
    what: String,
}

/// Runs the lab.
pub(super) async fn run(args: &LabArgs, output: Output) -> Result<ExitCode> {
    play(args, output)
        .await
        .map_err(|fault| anyhow!("{fault:#}"))
}

async fn play(args: &LabArgs, output: Output) -> Result<ExitCode> {
    let hops = watch();
    let folder = tempfile::Builder::new()
        .prefix("folkmoot-lab-")
        .tempdir()
        .context("cannot make a directory for the data of the lab")?;
    let policy = GuardPolicy::with_private_ranges(vec!["127.0.0.0/8".parse()?], true);
    let client: Arc<dyn Transport> = Arc::new(GuardedClient::new(ClientConfig::new(
        "Folkmoot-lab",
        policy,
    ))?);
    let start = |name, username| {
        LabNode::start(
            name,
            username,
            folder.path().join(name),
            Arc::clone(&client),
        )
    };
    let mut a = start("a", "alice").await?;
    let mut b = start("b", "bob").await?;
    if !output.json {
        for node in [&a, &b] {
            let LabNode {
                name,
                handle,
                origin,
                ..
            } = node;
            line(&format!("node {name} at {origin} with {handle}"))?;
        }
    }

    // The first message each way makes and fetches keys; the second shows what others cost.
    let mut journeys = Vec::new();
    for round in ["first", "second"] {
        for back in [false, true] {
            let (from, to) = if back {
                (&mut b, &mut a)
            } else {
                (&mut a, &mut b)
            };
            let content = format!("{round} hello from {}", from.username);
            let journey = send(from, to, &content, &hops).await?;
            if !output.json {
                line(&text(&journey))?;
            }
            journeys.push(journey);
        }
    }
    if output.json {
        let nodes = [&a, &b].map(|node| json!({ "origin": node.origin, "member": node.handle }));
        let lab = json!({ "nodes": nodes, "messages": journeys });
        output.print(&lab, |_lab| String::new())?;
    }

    if !args.exit {
        if !output.json {
            explain(&a, &b)?;
        }
        until_told_to_stop().await?;
    }
    let ended = (a.stop().await?, b.stop().await?);
    Ok(if ended == (true, true) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Collects the trace records of this process; warnings still go to standard error.
fn watch() -> Hops {
    let hops = Hops::default();
    let warnings = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_filter(LevelFilter::WARN);
    let collected = hops.clone().with_filter(filter_fn(is_wanted));
    // Refused only when something else listens already, as in a test; then there are no hops.
    let _already_watched = tracing_subscriber::registry()
        .with(warnings)
        .with(collected)
        .try_init();
    hops
}

/// Sends one message and waits until both members know of it.
async fn send(from: &mut LabNode, to: &mut LabNode, content: &str, hops: &Hops) -> Result<Journey> {
    let recipients = json!({ "recipients": [to.handle] });
    let channel = from.post("/api/v1/dms", &recipients).await?;
    let channel = channel.get("id").and_then(Value::as_str);
    let path = channel.map(|id| format!("/api/v1/channels/{id}/messages"));
    let path = path.context("the conversation has no id")?;

    hops.take();
    let start = Instant::now();
    hops.note("", format!("{} sends POST {path}", from.username));
    let body = json!({ "content": content });
    let reader = to.username;
    let arriving = to.event("message.created", |message| {
        message.get("content").and_then(Value::as_str) == Some(content)
    });
    let arrival = async {
        arriving.await?;
        hops.note("", format!("{reader} has it on the socket"));
        Ok(Instant::now())
    };
    let (arrived, sent) = tokio::try_join!(arrival, from.post(&path, &body))?;
    from.event("delivery.updated", |update| {
        let of_it = update.get("message_id") == sent.get("id");
        of_it && update.get("state").and_then(Value::as_str) == Some("delivered")
    })
    .await?;
    hops.note(
        "",
        format!("{} is told that it was delivered", from.username),
    );

    let view = |hop: Hop| HopView {
        ms: millis(hop.since(start)),
        node: hop.node,
        what: hop.what,
    };
    Ok(Journey {
        from: from.handle.clone(),
        to: to.handle.clone(),
        content: content.to_owned(),
        arrived_after_ms: millis(arrived.saturating_duration_since(start)),
        hops: hops.take().into_iter().map(view).collect(),
    })
}

fn millis(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

fn text(journey: &Journey) -> String {
    let Journey {
        from, to, content, ..
    } = journey;
    let mut lines = vec![format!("\n{from} to {to}: {content}")];
    for hop in &journey.hops {
        let line = format!("{:>9.3} ms  {:<2} {}", hop.ms, hop.node, hop.what);
        lines.push(line);
    }
    let after = journey.arrived_after_ms;
    lines.push(format!("arrived after {after:.3} ms"));
    lines.join("\n")
}

/// Says what can be done with the nodes.
fn explain(a: &LabNode, b: &LabNode) -> Result<()> {
    line("\nBoth nodes stay up. Sign in with")?;
    for node in [a, b] {
        let LabNode {
            username,
            password,
            origin,
            ..
        } = node;
        line(&format!(
            "  curl {origin}/api/v1/auth/login -H 'content-type: application/json' \
             -d '{{\"username\":\"{username}\",\"password\":\"{password}\"}}'"
        ))?;
    }
    line("Ctrl-C ends them and removes their data.")
}

async fn until_told_to_stop() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot watch for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot watch for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
