//! Following, being followed, refusing, and taking it back.

use serde_json::json;

use super::Theme;
use super::scenario;
use crate::case::Case;
use crate::fail;
use crate::outcome::Outcome;
use crate::outcome::Stop;
use crate::require;

pub(super) const THEME: Theme = Theme {
    name: "Follows",
    scenarios: &[
        scenario!(short "follow-out", follow_out,
            "a Follow of the subject's is signed, taken, and its Accept has an effect",
            "ActivityPub s7.5, s7.6"),
        scenario!(short "follow-in", follow_in,
            "a Follow of the peer's is answered with an Accept that names it",
            "ActivityPub s7.5"),
        scenario!(
            "follow-listed",
            follow_listed,
            "the peer is among the followers afterwards, once",
            "ActivityPub s5.3"
        ),
        scenario!(
            "unfollow-out",
            unfollow_out,
            "an Undo of the subject's names its Follow",
            "ActivityPub s7.10"
        ),
        scenario!(
            "unfollow-in",
            unfollow_in,
            "an Undo of the peer's Follow takes it off the followers",
            "ActivityPub s7.10"
        ),
        scenario!(
            alone "follow-rejected",
            follow_rejected,
            "a Reject of the peer's ends the request",
            "ActivityPub s7.7"
        ),
        scenario!(
            alone "follow-refuse",
            follow_reject,
            "the subject can refuse a Follow, and the peer learns of it",
            "ActivityPub s7.7"
        ),
        scenario!(
            "follow-ended-by-peer",
            follow_ended,
            "a Reject after the Accept ends the following",
            "ActivityPub s7.7"
        ),
    ],
};

async fn follow_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let whom = json!({ "target": bob.id, "target_handle": bob.handle, "to": [bob.id] });
    alice.act("follow", whom).await?;
    let follow = bob.gets("Follow", &[&alice.actor]).await?;
    require!(
        follow["object"] == bob.id || follow["object"]["id"] == bob.id,
        "the Follow names {} as its object",
        follow["object"]
    );
    require!(
        follow["id"].is_string(),
        "the Follow has no id, so nobody can undo it"
    );
    alice.finds("following", &[&bob.id]).await?;
    Ok(())
}

async fn follow_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let follow = bob.follows(&alice).await?;
    let accept = bob.gets("Accept", &[&follow]).await?;
    let by = accept["actor"]
        .as_str()
        .or_else(|| accept["actor"]["id"].as_str());
    require!(
        by == Some(alice.actor.as_str()),
        "the Accept is from {}",
        accept["actor"]
    );
    Ok(())
}

async fn follow_listed(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    bob.follows(&alice).await?;
    alice.finds("followers", &[&bob.id]).await?;
    // A second Follow with another id changes nothing but is answered again.
    bob.follows(&alice).await?;
    let all = alice.list("followers").await?;
    let own = all
        .iter()
        .filter(|item| item.to_string().contains(&bob.id))
        .count();
    require!(own == 1, "the peer is {own} times among the followers");
    Ok(())
}

async fn unfollow_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let whom = json!({ "target": bob.id, "target_handle": bob.handle, "to": [bob.id] });
    let done = alice.act("follow", whom.clone()).await?;
    let alice = alice.with(done);
    let follow = bob.gets("Follow", &[&alice.actor]).await?;
    alice.finds("following", &[&bob.id]).await?;
    alice.act("undo_follow", whom).await?;
    let undo = bob.gets("Undo", &[&alice.actor]).await?;
    let Some(id) = follow["id"].as_str() else {
        fail!("the Follow has no id");
    };
    require!(
        undo["object"].to_string().contains(id),
        "the Undo names {}",
        undo["object"]
    );
    Ok(())
}

async fn unfollow_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let follow = bob.follows(&alice).await?;
    alice.finds("followers", &[&bob.id]).await?;
    let undo = json!({
        "type": "Undo", "actor": bob.id, "to": [alice.actor],
        "object": { "type": "Follow", "id": follow, "actor": bob.id, "object": alice.actor },
    });
    bob.send(&undo, &[&alice.actor]).await?;
    alice.loses("followers", &[&bob.id]).await
}

async fn follow_rejected(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let control = &case.pair.control;
    control
        .post("mode", &json!({ "accept_follows": "reject" }))
        .await?;
    let whom = json!({ "target": bob.id, "target_handle": bob.handle, "to": [bob.id] });
    let asked = alice.act("follow", whom).await;
    let arrived = bob.gets("Follow", &[&alice.actor]).await;
    control
        .post("mode", &json!({ "accept_follows": "auto" }))
        .await?;
    asked?;
    arrived?;
    case.subject_takes("Reject", &[&bob.id, &alice.actor])
        .await?;
    alice.lacks("following", &[&bob.id]).await?;
    match alice.loses("follow_requests", &[&bob.id]).await {
        // Then that it is not among those followed is all there is to see.
        Err(Stop::NotApplicable(_)) => Ok(()),
        other => other,
    }
}

async fn follow_reject(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    alice.act("set_manual_follows", json!({})).await?;
    let follow = json!({
        "type": "Follow", "actor": bob.id, "object": alice.actor, "to": [alice.actor],
    });
    let sent = bob.send(&follow, &[&alice.actor]).await;
    let refused = async {
        let follow = sent?.activity;
        let whom = json!({
            "target": bob.id, "target_handle": bob.handle, "follow": follow, "to": [bob.id],
        });
        alice.act("reject_follow", whom).await?;
        bob.gets("Reject", &[&alice.actor, &follow]).await
    }
    .await;
    alice.act("set_automatic_follows", json!({})).await?;
    refused?;
    alice.lacks("followers", &[&bob.id]).await
}

async fn follow_ended(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let whom = json!({ "target": bob.id, "target_handle": bob.handle, "to": [bob.id] });
    alice.act("follow", whom).await?;
    let follow = bob.gets("Follow", &[&alice.actor]).await?;
    alice.finds("following", &[&bob.id]).await?;
    let reject = json!({
        "type": "Reject", "actor": bob.id, "to": [alice.actor],
        "object": {
            "type": "Follow", "id": follow["id"], "actor": alice.actor, "object": bob.id,
        },
    });
    bob.send(&reject, &[&alice.actor]).await?;
    alice.loses("following", &[&bob.id]).await
}
