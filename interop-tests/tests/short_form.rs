//! The short form of the interoperation run: nothing is worse than in `results/`.
#![cfg(test)]
#![expect(
    clippy::future_not_send,
    reason = "scenarios run beside each other on one thread; the servers have processes of their own"
)]

use anyhow::Result;
use interop_tests::adapter::Description;
use interop_tests::pair::Options;
use interop_tests::place;
use interop_tests::results;
use interop_tests::results::Verdict;
use interop_tests::run::Plan;

async fn nothing_is_worse(subject: &str, peer: &str) -> Result<()> {
    let plan = Plan {
        subjects: vec![Description::find(subject)?],
        peers: vec![Description::find(peer)?],
        scenarios: Vec::new(),
        short: true,
        record: None,
        leave_out_itself: false,
        pairs_at_once: 1,
        options: Options::default(),
    };
    let mut found = plan.run().await?;
    assert!(found.faults.is_empty(), "{:#?}", found.faults);
    let (_, now) = found.lines.remove(0);
    let passed = now
        .values()
        .filter(|line| line.outcome == Verdict::Passed)
        .count();
    assert!(passed > 8, "only {passed} of {} passed", now.len());
    let before = results::read(&place::package().join("results"), subject)?;
    let worse = results::regressions(&before, &now);
    assert!(worse.is_empty(), "{worse:#?}");
    Ok(())
}

#[tokio::test]
async fn folkmoot_on_sqlite_with_fedify() -> Result<()> {
    nothing_is_worse("folkmoot-sqlite", "fedify").await
}

#[tokio::test]
async fn folkmoot_on_postgres_with_bovine() -> Result<()> {
    nothing_is_worse("folkmoot-postgres", "bovine").await
}
