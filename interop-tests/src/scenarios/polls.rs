//! Polls: questions, votes, results.

use serde_json::Value;
use serde_json::json;

use super::Theme;
use super::scenario;
use crate::case::Account;
use crate::case::Case;
use crate::case::Remote;
use crate::case::said;
use crate::outcome::Outcome;
use crate::require;

const END: &str = "2099-01-01T00:00:00Z";

pub(super) const THEME: Theme = Theme {
    name: "Polls",
    scenarios: &[
        scenario!(
            "poll-out",
            poll_out,
            "a poll arrives as a Question with its choices",
            "FEP-9967"
        ),
        scenario!(
            "poll-in",
            poll_in,
            "a Question of the peer's is shown",
            "FEP-9967"
        ),
        scenario!(
            "vote-out",
            vote_out,
            "a vote is a Note with the name of the choice, for the author alone",
            "FEP-9967"
        ),
        scenario!(
            "vote-in",
            vote_in,
            "a vote of the peer's is taken",
            "FEP-9967"
        ),
    ],
};

async fn poll_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("question");
    let mut with = said(&text, &[&bob.id]);
    with["end"] = json!(END);
    alice.act("create_poll", with).await?;
    let create = bob.gets("Create", &[&text]).await?;
    require!(
        create["object"]["type"] == "Question",
        "it is a {}",
        create["object"]["type"]
    );
    let choices = create["object"]["oneOf"]
        .as_array()
        .map(Vec::len)
        .unwrap_or_default();
    require!(choices == 2, "it has {choices} choices");
    Ok(())
}

/// A poll of the peer's: its id, and how the account is shown it.
async fn question(
    case: &Case<'_>,
    alice: &Account<'_>,
    bob: &Remote<'_>,
) -> Outcome<(String, Value)> {
    let choice = |name: &str| -> Value {
        let none = json!({ "type": "Collection", "totalItems": 0 });
        json!({ "type": "Note", "name": name, "replies": none })
    };
    let more = json!({
        "type": "Question", "endTime": END, "oneOf": [choice("yes"), choice("no")],
    });
    let text = case.text("question");
    let id = bob.note_with(&text, &[&alice.actor], more).await?;
    let entry = alice.finds("inbox", &[&text]).await?;
    Ok((id, entry))
}

async fn poll_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    alice.needs("vote")?;
    question(case, &alice, &bob).await.map(drop)
}

async fn vote_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    alice.needs("vote")?;
    let (id, entry) = question(case, &alice, &bob).await?;
    let with = json!({ "object": id, "entry": entry, "choice": "yes", "to": [bob.id] });
    alice.act("vote", with).await?;
    let create = bob.gets("Create", &[&id, "\"yes\""]).await?;
    require!(
        !create.to_string().contains("#Public"),
        "the vote is public"
    );
    require!(create["object"]["content"].is_null(), "the vote has a text");
    Ok(())
}

async fn vote_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("question");
    let mut with = said(&text, &[&bob.id]);
    with["end"] = json!(END);
    let (done, id) = alice.make("create_poll", with).await?;
    bob.gets("Create", &[&text]).await?;
    let vote = json!({
        "type": "Create", "actor": bob.id, "to": [alice.actor],
        "object": {
            "type": "Note", "name": "yes", "inReplyTo": id, "attributedTo": bob.id,
            "to": [alice.actor],
        },
    });
    bob.send(&vote, &[&alice.actor]).await?;
    alice
        .with(done)
        .finds("poll_results", &["yes", &id])
        .await?;
    Ok(())
}
