//! Edits and deletions.

use serde_json::Value;
use serde_json::json;

use super::Theme;
use super::scenario;
use crate::case::Account;
use crate::case::Case;
use crate::case::Remote;
use crate::case::now;
use crate::case::said;
use crate::hostile::ACTIVITY_JSON;
use crate::outcome::Outcome;
use crate::outcome::Stop;
use crate::require;

pub(super) const THEME: Theme = Theme {
    name: "Edits and deletions",
    scenarios: &[
        scenario!(short "edit-out", edit_out,
            "an edit arrives as an Update of the same Note, with `updated`", "ActivityPub s6.3"),
        scenario!(
            "edit-in",
            edit_in,
            "an edit of the peer's is shown instead of the old words",
            "ActivityPub s7.3"
        ),
        scenario!(
            "edit-older-in",
            edit_older,
            "an edit older than the one that is known changes nothing",
            "protocol practice: Updates come out of order"
        ),
        scenario!(short "delete-out", delete_out,
            "a deletion arrives as a Delete that names the Note", "ActivityPub s6.4"),
        scenario!(
            "delete-in",
            delete_in,
            "what the peer deletes is shown no longer",
            "ActivityPub s7.4"
        ),
        scenario!(
            "delete-bare-in",
            delete_bare,
            "a Delete whose object is a bare id has the same effect",
            "ActivityPub s7.4"
        ),
        scenario!(
            "delete-fetch",
            delete_fetch,
            "a deleted object is not served any more",
            "ActivityPub s6.4"
        ),
        scenario!(
            "delete-before-create",
            delete_first,
            "a Create that comes after its Delete brings nothing back",
            "protocol practice: deliveries come out of order"
        ),
        scenario!(
            "delete-actor-in",
            delete_actor,
            "an actor of the peer's that says it is gone is believed",
            "ActivityPub s7.4"
        ),
    ],
};

async fn edit_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let (old, new) = (case.text("old words"), case.text("new words"));
    let (done, object) = alice.dm(&old, &[&bob.id]).await?;
    bob.gets("Create", &[&old]).await?;
    let mut with = said(&new, &[&bob.id]);
    with["object"] = json!(object);
    alice.with(done).act("edit", with).await?;
    let update = bob.gets("Update", &[&new]).await?;
    require!(
        update["object"]["id"] == object,
        "it updates {}",
        update["object"]["id"]
    );
    require!(
        update["object"]["updated"].is_string(),
        "it does not say when it was updated"
    );
    Ok(())
}

fn update(bob: &Remote<'_>, alice: &Account<'_>, note: &str, text: &str, when: &str) -> Value {
    let create = bob.create(
        text,
        &[&alice.actor],
        json!({ "id": note, "updated": when }),
    );
    json!({ "type": "Update", "actor": bob.id, "to": [alice.actor], "object": create["object"] })
}

async fn edit_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let (old, new) = (case.text("old words"), case.text("new words"));
    let note = bob.note(&old, &[&alice.actor]).await?;
    alice.finds("inbox", &[&old]).await?;
    bob.send(&update(&bob, &alice, &note, &new, &now()), &[&alice.actor])
        .await?;
    alice.finds("inbox", &[&new]).await?;
    if !case.pair.subject.description.log {
        alice.lacks("inbox", &[&old]).await?;
    }
    Ok(())
}

async fn edit_older(case: &Case<'_>) -> Outcome {
    holds(case)?;
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let words = ["first", "newest", "older"].map(|what| case.text(what));
    let [first, newest, older] = &words;
    let note = bob.note(first, &[&alice.actor]).await?;
    alice.finds("inbox", &[first]).await?;
    let late = "2099-01-01T00:00:00Z";
    bob.send(&update(&bob, &alice, &note, newest, late), &[&alice.actor])
        .await?;
    alice.finds("inbox", &[newest]).await?;
    bob.send(&update(&bob, &alice, &note, older, &now()), &[&alice.actor])
        .await?;
    // Something later on the same way has an effect; then the older edit had its chance.
    let last = case.text("last");
    bob.note(&last, &[&alice.actor]).await?;
    alice.finds("inbox", &[&last]).await?;
    alice.lacks("inbox", &[older]).await
}

fn holds(case: &Case<'_>) -> Outcome {
    if case.pair.subject.description.log {
        let reason =
            "it shows activities as they came, and holds no objects (docs/interop.md, log)";
        return Err(Stop::lacks(case.pair.subject.name(), reason));
    }
    Ok(())
}

async fn delete_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    let (done, object) = alice.dm(&text, &[&bob.id]).await?;
    bob.gets("Create", &[&text]).await?;
    alice
        .with(done)
        .act("delete", json!({ "object": object, "to": [bob.id] }))
        .await?;
    let delete = bob.gets("Delete", &[&object]).await?;
    let named = delete["object"]
        .as_str()
        .or_else(|| delete["object"]["id"].as_str());
    require!(
        named == Some(object.as_str()),
        "it deletes {}",
        delete["object"]
    );
    Ok(())
}

async fn deletes(case: &Case<'_>, bare: bool) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    let note = bob.note(&text, &[&alice.actor]).await?;
    alice.finds("inbox", &[&text]).await?;
    let object = if bare {
        json!(note)
    } else {
        json!({ "type": "Tombstone", "id": note })
    };
    let delete = json!({
        "type": "Delete", "actor": bob.id, "to": [alice.actor], "object": object,
    });
    bob.send(&delete, &[&alice.actor]).await?;
    alice.forgets(&note, &text).await
}

async fn delete_in(case: &Case<'_>) -> Outcome {
    deletes(case, false).await
}

async fn delete_bare(case: &Case<'_>) -> Outcome {
    deletes(case, true).await
}

async fn delete_fetch(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    let (done, object) = alice.dm(&text, &[&bob.id]).await?;
    bob.gets("Create", &[&text]).await?;
    alice
        .with(done)
        .act("delete", json!({ "object": object, "to": [bob.id] }))
        .await?;
    bob.gets("Delete", &[&object]).await?;
    let (status, _, document) = case.get(&object, ACTIVITY_JSON).await?;
    require!(
        status >= 400 || document["type"] == "Tombstone",
        "it is still there: {status} with a {}",
        document["type"]
    );
    require!(
        !document.to_string().contains(&text),
        "its words are still there"
    );
    Ok(())
}

async fn delete_first(case: &Case<'_>) -> Outcome {
    holds(case)?;
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let (text, other) = (case.text("words"), case.text("something later"));
    let id = format!("{}/notes/{}", case.pair.peer.origin(), case.name);
    let delete = json!({
        "type": "Delete", "actor": bob.id, "to": [alice.actor],
        "object": { "type": "Tombstone", "id": id },
    });
    bob.send(&delete, &[&alice.actor]).await?;
    let create = bob.create(&text, &[&alice.actor], json!({ "id": id }));
    bob.offer(&create, &[&alice.actor]).await?;
    bob.note(&other, &[&alice.actor]).await?;
    alice.finds("inbox", &[&other]).await?;
    alice.lacks("inbox", &[&text]).await
}

async fn delete_actor(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    let bob = case.remote_of("b", "Person").await?;
    bob.follows(&alice).await?;
    alice.finds("followers", &[&bob.id]).await?;
    let delete = json!({
        "type": "Delete", "actor": bob.id, "to": [alice.actor], "object": bob.id,
    });
    bob.send(&delete, &[&alice.actor]).await?;
    if case.pair.subject.description.log {
        return alice.finds("inbox", &["Delete", &bob.id]).await.map(drop);
    }
    alice.loses("followers", &[&bob.id]).await
}
