//! Servers that are broken on purpose: the run finds each fault, and finds none without it.
#![cfg(test)]
#![expect(
    clippy::future_not_send,
    reason = "scenarios run beside each other on one thread; the servers have processes of their own"
)]

use anyhow::Context as _;
use anyhow::Result;
use interop_tests::adapter::Description;
use interop_tests::pair::Options;
use interop_tests::pair::Pair;
use interop_tests::proxy::rule::Fault;
use interop_tests::proxy::rule::Rule;
use interop_tests::results::Line;
use interop_tests::results::Verdict;
use interop_tests::run;
use interop_tests::scenarios;

const CHECKED: [&str; 3] = ["hostile-key-other", "hostile-body-changed", "order-out"];

/// Fedify under test, with or without a fault, with bovine as its peer.
async fn lines(broken: &str) -> Result<Vec<Line>> {
    let (subject, peer) = (Description::find("fedify")?, Description::find("bovine")?);
    let options = Options {
        subject: vec![("PEER_BROKEN".to_owned(), broken.to_owned())],
        ..Options::default()
    };
    let pair = Pair::start(&subject, &peer, &options).await?;
    let mut lines = Vec::new();
    for name in CHECKED {
        let scenario = scenarios::named(name).context(name)?;
        lines.push(run::one(&pair, &peer, scenario).await);
    }
    Ok(lines)
}

fn outcomes(lines: &[Line]) -> Vec<Verdict> {
    lines.iter().map(|line| line.outcome).collect()
}

#[tokio::test]
async fn without_a_fault_nothing_is_found() -> Result<()> {
    let lines = lines("").await?;
    assert_eq!(outcomes(&lines), [Verdict::Passed; 3], "{lines:#?}");
    Ok(())
}

#[tokio::test]
async fn a_removed_signature_check_is_found() -> Result<()> {
    let lines = lines("signature").await?;
    let found = [Verdict::Failed, Verdict::Failed, Verdict::Passed];
    assert_eq!(outcomes(&lines), found, "{lines:#?}");
    assert!(
        lines[0].reason.contains("it had an effect"),
        "{}",
        lines[0].reason
    );
    assert!(!lines[0].evidence.is_empty(), "{:?}", lines[0]);
    Ok(())
}

#[tokio::test]
async fn a_lost_delivery_is_found() -> Result<()> {
    let lines = lines("delivery").await?;
    assert_eq!(lines[2].outcome, Verdict::Failed, "{lines:#?}");
    assert!(
        lines[2].reason.contains("not all arrived"),
        "{}",
        lines[2].reason
    );
    Ok(())
}

#[tokio::test]
async fn a_swapped_order_is_found() -> Result<()> {
    let lines = lines("order").await?;
    assert_eq!(lines[2].outcome, Verdict::Failed, "{lines:#?}");
    assert!(
        lines[2].reason.contains("in this order"),
        "{}",
        lines[2].reason
    );
    Ok(())
}

/// The same two faults, made by the proxy in front of the peer.
#[tokio::test]
async fn what_a_proxy_loses_or_swaps_is_found() -> Result<()> {
    let (subject, peer) = (
        Description::find("folkmoot-sqlite")?,
        Description::find("bovine")?,
    );
    let scenario = scenarios::named("order-out").context("order-out")?;
    for (fault, part) in [
        (Fault::Swallow, "not all arrived"),
        (Fault::Swap, "in this order"),
    ] {
        let pair = Pair::start(&subject, &peer, &Options::default()).await?;
        let rule = Rule::post("words 05 of order-out", fault);
        pair.peer.proxy.spoil(rule);
        let line = run::one(&pair, &peer, scenario).await;
        assert_eq!(line.outcome, Verdict::Failed, "{line:#?}");
        assert!(line.reason.contains(part), "{}", line.reason);
    }
    Ok(())
}
