//! Blocks and reports.

use serde_json::json;

use super::Theme;
use super::scenario;
use crate::case::Case;
use crate::outcome::Outcome;
use crate::outcome::Stop;

pub(super) const THEME: Theme = Theme {
    name: "Blocks and reports",
    scenarios: &[
        scenario!(
            "block-out",
            block_out,
            "what a blocked actor sends is not shown",
            "ActivityPub s6.9"
        ),
        scenario!(
            "unblock-out",
            unblock_out,
            "after the block is lifted it is shown again",
            "ActivityPub s6.10"
        ),
        scenario!(
            "block-in",
            block_in,
            "a Block that comes in is taken without effect on others",
            "ActivityPub s7"
        ),
        scenario!(
            "report-out",
            report_out,
            "a report reaches the peer as a Flag that names actor and object",
            "Mastodon documentation, ActivityPub, Flag"
        ),
        scenario!(
            "report-in",
            report_in,
            "a Flag of the peer's is shown to moderators",
            "Mastodon documentation, ActivityPub, Flag"
        ),
    ],
};

async fn block_out(case: &Case<'_>) -> Outcome {
    blocked(case, false).await
}

async fn unblock_out(case: &Case<'_>) -> Outcome {
    blocked(case, true).await
}

async fn blocked(case: &Case<'_>, lift: bool) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    alice.needs("block")?;
    if case.pair.subject.description.log {
        let reason = "it shows activities as they came, whoever is blocked (docs/interop.md, log)";
        return Err(Stop::lacks(case.pair.subject.name(), reason));
    }
    let (text, later) = (case.text("words"), case.text("something later"));
    let whom = json!({ "target": bob.id, "target_handle": bob.handle, "to": [bob.id] });
    let done = alice.act("block", whom.clone()).await?;
    let create = bob.create(&text, &[&alice.actor], json!({}));
    bob.offer(&create, &[&alice.actor]).await?;
    alice.lacks("inbox", &[&text]).await?;
    if lift {
        alice.with(done).act("undo_block", whom).await?;
        bob.note(&later, &[&alice.actor]).await?;
        alice.finds("inbox", &[&later]).await?;
    }
    Ok(())
}

async fn block_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let block = json!({
        "type": "Block", "actor": bob.id, "object": alice.actor, "to": [alice.actor],
    });
    bob.send(&block, &[&alice.actor]).await?;
    let text = case.text("words");
    let eve = case.remote("e").await?;
    eve.note(&text, &[&alice.actor]).await?;
    alice.finds("inbox", &[&text]).await?;
    Ok(())
}

async fn report_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    alice.needs("report")?;
    let text = case.text("words");
    let note = bob.note(&text, &[&alice.actor]).await?;
    let entry = alice.finds("inbox", &[&text]).await?;
    let with = json!({
        "target": bob.id, "target_handle": bob.handle, "object": note, "entry": entry,
        "content": case.text("reason"), "to": [bob.id],
    });
    alice.act("report", with).await?;
    bob.gets("Flag", &[&bob.id, &note, &case.text("reason")])
        .await?;
    Ok(())
}

async fn report_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    alice.needs("reports")?;
    let (_, object) = alice.dm(&case.text("words"), &[&bob.id]).await?;
    let flag = json!({
        "type": "Flag", "actor": bob.id, "object": [alice.actor, object],
        "content": case.text("reason"), "to": [alice.actor],
    });
    bob.send(&flag, &[&alice.actor]).await?;
    alice.finds("reports", &[&case.text("reason")]).await?;
    Ok(())
}
