//! Likes, emoji reactions, and boosts.

use serde_json::Value;
use serde_json::json;

use super::Theme;
use super::scenario;
use crate::case::Account;
use crate::case::Case;
use crate::case::PUBLIC;
use crate::case::Remote;
use crate::outcome::Outcome;
use crate::require;

pub(super) const THEME: Theme = Theme {
    name: "Reactions and boosts",
    scenarios: &[
        scenario!(short "like-out", like_out,
            "a Like of the subject's names the object", "ActivityPub s6.8"),
        scenario!(
            "like-in",
            like_in,
            "a Like of the peer's is shown to the author",
            "ActivityPub s7.10"
        ),
        scenario!(
            "unlike-out",
            unlike_out,
            "an Undo names the Like that it takes back",
            "ActivityPub s6.10"
        ),
        scenario!(
            "unlike-in",
            unlike_in,
            "an Undo of a Like is taken",
            "ActivityPub s7.10"
        ),
        scenario!(
            "react-out",
            react_out,
            "an emoji reaction is an EmojiReact or a Like with content",
            "FEP-c0e0"
        ),
        scenario!(
            "react-in-emojireact",
            react_in,
            "an EmojiReact is shown with its emoji",
            "FEP-c0e0"
        ),
        scenario!(
            "react-in-like",
            react_like,
            "a Like with content is shown with its emoji",
            "FEP-c0e0"
        ),
        scenario!(
            "boost-out",
            boost_out,
            "an Announce names the post and its author",
            "ActivityPub s7.11"
        ),
        scenario!(
            "boost-in",
            boost_in,
            "an Announce of the subject's own post is shown to its author",
            "ActivityPub s7.11"
        ),
        scenario!(
            "unboost-in",
            unboost_in,
            "an Undo of an Announce is taken",
            "ActivityPub s7.10"
        ),
        scenario!(
            "unknown-activity-in",
            unknown_in,
            "a like or a type nobody knows is answered with 2xx, so that it is not sent again",
            "ActivityPub s7; ActivityStreams s3 (extensions)"
        ),
    ],
};

/// A note of the peer's.
#[derive(Debug)]
struct Theirs {
    /// Its id.
    id: String,
    /// How the account is shown it.
    entry: Value,
}

/// A note of the peer's that mentions the account: a public one, or one for the account alone where
/// the subject has no public posts.
async fn theirs(case: &Case<'_>, alice: &Account<'_>, bob: &Remote<'_>) -> Outcome<Theirs> {
    if alice.needs("post").is_ok() {
        return public(case, alice, bob).await;
    }
    shown(case, alice, bob, json!({})).await
}

/// A public note of the peer's that mentions the account.
async fn public(case: &Case<'_>, alice: &Account<'_>, bob: &Remote<'_>) -> Outcome<Theirs> {
    let more = json!({ "to": [PUBLIC], "cc": [alice.actor] });
    shown(case, alice, bob, more).await
}

async fn shown(
    case: &Case<'_>,
    alice: &Account<'_>,
    bob: &Remote<'_>,
    more: Value,
) -> Outcome<Theirs> {
    let text = case.text("words");
    let id = bob.note_with(&text, &[&alice.actor], more).await?;
    let entry = alice.finds("inbox", &[&text]).await?;
    Ok(Theirs { id, entry })
}

/// Something of the account's that the peer has, public or for the peer alone as in [`theirs`]: its
/// id.
async fn mine(case: &Case<'_>, alice: &Account<'_>, bob: &Remote<'_>) -> Outcome<String> {
    let text = case.text("words");
    let (_, object) = if alice.needs("post").is_ok() {
        alice.post(&text, &[&bob.id]).await?
    } else {
        alice.dm(&text, &[&bob.id]).await?
    };
    bob.gets("Create", &[&text]).await?;
    Ok(object)
}

fn about(note: &Theirs, bob: &Remote<'_>) -> Value {
    json!({ "object": note.id, "entry": note.entry, "to": [bob.id], "emoji": "🎉" })
}

async fn like_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    alice.needs("like")?;
    let note = theirs(case, &alice, &bob).await?;
    alice.act("like", about(&note, &bob)).await?;
    let like = bob.gets("Like", &[&note.id]).await?;
    require!(like["actor"] == alice.actor, "it is by {}", like["actor"]);
    require!(like["object"] == note.id, "it likes {}", like["object"]);
    Ok(())
}

async fn like_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    alice.needs("notifications")?;
    let object = mine(case, &alice, &bob).await?;
    let like = json!({ "type": "Like", "actor": bob.id, "object": object, "to": [alice.actor] });
    bob.send(&like, &[&alice.actor]).await?;
    let like = alice.shown("Like");
    alice.finds("notifications", &[like, &object]).await?;
    Ok(())
}

async fn unlike_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    alice.needs("undo_like")?;
    let note = theirs(case, &alice, &bob).await?;
    let done = alice.act("like", about(&note, &bob)).await?;
    let like = bob.gets("Like", &[&note.id]).await?;
    alice
        .with(done)
        .act("undo_like", about(&note, &bob))
        .await?;
    let id = like["id"].as_str().unwrap_or("a Like without an id");
    bob.gets("Undo", &[id]).await?;
    Ok(())
}

async fn unlike_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    alice.needs("notifications")?;
    let object = mine(case, &alice, &bob).await?;
    let like = json!({ "type": "Like", "actor": bob.id, "object": object, "to": [alice.actor] });
    let sent = bob.send(&like, &[&alice.actor]).await?;
    let like = alice.shown("Like");
    alice.finds("notifications", &[like, &object]).await?;
    undo(case, &alice, &bob, "Like", &sent.activity, &object).await
}

async fn undo(
    case: &Case<'_>,
    alice: &Account<'_>,
    bob: &Remote<'_>,
    kind: &str,
    activity: &str,
    object: &str,
) -> Outcome {
    let undo = json!({
        "type": "Undo", "actor": bob.id, "to": [alice.actor],
        "object": { "type": kind, "id": activity, "actor": bob.id, "object": object },
    });
    bob.send(&undo, &[&alice.actor]).await?;
    if case.pair.subject.description.log {
        return alice
            .finds("notifications", &["Undo", activity])
            .await
            .map(drop);
    }
    alice
        .loses("notifications", &[alice.shown(kind), object])
        .await
}

async fn react_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    alice.needs("react")?;
    let note = theirs(case, &alice, &bob).await?;
    alice.act("react", about(&note, &bob)).await?;
    let reaction = bob.gets_any(&["EmojiReact", "Like"], &[&note.id]).await?;
    require!(
        reaction["content"] == "🎉",
        "its content is {}",
        reaction["content"]
    );
    Ok(())
}

async fn reaction_in(case: &Case<'_>, kind: &str) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    alice.needs("notifications")?;
    let object = mine(case, &alice, &bob).await?;
    let react = json!({
        "@context": [
            "https://www.w3.org/ns/activitystreams",
            { "EmojiReact": "http://litepub.social/ns#EmojiReact" },
        ],
        "type": kind, "actor": bob.id, "object": object, "content": "🎉", "to": [alice.actor],
    });
    bob.send(&react, &[&alice.actor]).await?;
    alice.finds("notifications", &["🎉", &object]).await?;
    Ok(())
}

async fn react_in(case: &Case<'_>) -> Outcome {
    reaction_in(case, "EmojiReact").await
}

async fn react_like(case: &Case<'_>) -> Outcome {
    reaction_in(case, "Like").await
}

async fn boost_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    alice.needs("boost")?;
    let note = public(case, &alice, &bob).await?;
    alice.act("boost", about(&note, &bob)).await?;
    let announce = bob.gets("Announce", &[&note.id]).await?;
    require!(
        announce["object"] == note.id || announce["object"]["id"] == note.id,
        "it announces {}",
        announce["object"]
    );
    Ok(())
}

async fn boost_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    alice.needs("notifications")?;
    alice.needs("post")?;
    let object = mine(case, &alice, &bob).await?;
    bob.send(&announce(&bob, &alice, &object), &[&alice.actor])
        .await?;
    let boost = alice.shown("Announce");
    alice.finds("notifications", &[boost, &object]).await?;
    Ok(())
}

fn announce(bob: &Remote<'_>, alice: &Account<'_>, object: &str) -> Value {
    json!({
        "type": "Announce", "actor": bob.id, "object": object, "to": [PUBLIC],
        "cc": [alice.actor],
    })
}

async fn unboost_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    alice.needs("notifications")?;
    alice.needs("post")?;
    let object = mine(case, &alice, &bob).await?;
    let sent = bob
        .send(&announce(&bob, &alice, &object), &[&alice.actor])
        .await?;
    let boost = alice.shown("Announce");
    alice.finds("notifications", &[boost, &object]).await?;
    undo(case, &alice, &bob, "Announce", &sent.activity, &object).await
}

async fn unknown_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    for kind in ["Like", "Listen", "Arrive"] {
        let activity = json!({
            "type": kind, "actor": bob.id, "object": alice.actor, "to": [alice.actor],
        });
        bob.send(&activity, &[&alice.actor]).await?;
    }
    // It goes on as before.
    let text = case.text("words");
    bob.note(&text, &[&alice.actor]).await?;
    alice.finds("inbox", &[&text]).await?;
    Ok(())
}
