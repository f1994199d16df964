//! Replies and the conversations that they make.

use serde_json::json;

use super::Theme;
use super::scenario;
use crate::case::Case;
use crate::case::said;
use crate::outcome::Outcome;
use crate::require;

pub(super) const THEME: Theme = Theme {
    name: "Replies and conversations",
    scenarios: &[
        scenario!(short "reply-out", reply_out,
            "a reply names what it answers", "ActivityStreams inReplyTo"),
        scenario!(
            "reply-in",
            reply_in,
            "a reply of the peer's is shown, and to whom it was meant",
            "ActivityStreams inReplyTo"
        ),
        scenario!(
            "reply-chain",
            reply_chain,
            "ten replies to and fro all arrive",
            "ActivityPub s7.1.2"
        ),
        scenario!(
            "reply-unknown-in",
            reply_unknown,
            "a reply to something that cannot be fetched is taken all the same",
            "ActivityPub s7.2"
        ),
        scenario!(
            "context-out",
            context_out,
            "replies share the context of what they answer",
            "FEP-7888"
        ),
    ],
};

async fn reply_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let (question, answer) = (case.text("question"), case.text("answer"));
    let note = bob.note(&question, &[&alice.actor]).await?;
    let entry = alice.finds("inbox", &[&question]).await?;
    let mut with = said(&answer, &[&bob.id]);
    with["entry"] = entry;
    with["in_reply_to"] = json!(note);
    alice.act("reply", with).await?;
    let create = bob.gets("Create", &[&answer]).await?;
    require!(
        create["object"]["inReplyTo"] == note,
        "it answers {}",
        create["object"]["inReplyTo"]
    );
    Ok(())
}

async fn reply_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let (question, answer) = (case.text("question"), case.text("answer"));
    let (_, object) = alice.dm(&question, &[&bob.id]).await?;
    bob.gets("Create", &[&question]).await?;
    bob.note_with(&answer, &[&alice.actor], json!({ "inReplyTo": object }))
        .await?;
    alice.finds("inbox", &[&answer]).await?;
    Ok(())
}

async fn reply_chain(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let first = case.text("words 0");
    let mut last = bob.note(&first, &[&alice.actor]).await?;
    let mut entry = alice.finds("inbox", &[&first]).await?;
    for turn in 1..=5 {
        let mine = case.text(&format!("mine {turn}."));
        let mut with = said(&mine, &[&bob.id]);
        with["entry"] = entry;
        with["in_reply_to"] = json!(last);
        alice.act("reply", with).await?;
        let create = bob.gets("Create", &[&mine]).await?;
        let theirs = case.text(&format!("theirs {turn}."));
        let more = json!({ "inReplyTo": create["object"]["id"] });
        last = bob.note_with(&theirs, &[&alice.actor], more).await?;
        entry = alice.finds("inbox", &[&theirs]).await?;
    }
    Ok(())
}

async fn reply_unknown(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    let gone = format!("{}/there/is/nothing", case.pair.peer.origin());
    bob.note_with(&text, &[&alice.actor], json!({ "inReplyTo": gone }))
        .await?;
    alice.finds("inbox", &[&text]).await?;
    Ok(())
}

async fn context_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let (one, two) = (case.text("one"), case.text("two"));
    alice.dm(&one, &[&bob.id]).await?;
    let first = bob.gets("Create", &[&one]).await?;
    let context = &first["object"]["context"];
    if !context.is_string() {
        let reason = "what it sends has no context (FEP-7888 is optional)";
        return Err(crate::outcome::Stop::lacks(
            case.pair.subject.name(),
            reason,
        ));
    }
    alice.dm(&two, &[&bob.id]).await?;
    let second = bob.gets("Create", &[&two]).await?;
    require!(
        second["object"]["context"] == *context,
        "the contexts are {context} and {}",
        second["object"]["context"]
    );
    Ok(())
}
