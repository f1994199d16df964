//! What people write: to one, to followers, to everybody, with mentions.

use serde_json::json;

use super::Theme;
use super::scenario;
use crate::case::Case;
use crate::case::PUBLIC;
use crate::case::said;
use crate::fail;
use crate::hostile::ACTIVITY_JSON;
use crate::outcome::Outcome;
use crate::require;

pub(super) const THEME: Theme = Theme {
    name: "Messages and posts",
    scenarios: &[
        scenario!(short "dm-out", dm_out,
            "a direct message arrives as a Create of a Note to its recipient alone",
            "ActivityPub s6.2; protocol practice: only actors in `to`, each mentioned"),
        scenario!(short "dm-in", dm_in,
            "a direct message of the peer's is shown to its recipient", "ActivityPub s7.2"),
        scenario!(
            "dm-two-out",
            dm_two_out,
            "a direct message to two people of the peer's reaches both",
            "ActivityPub s7.1"
        ),
        scenario!(
            "dm-fetch",
            dm_fetch,
            "a direct message is not given to those who ask without a signature",
            "ActivityPub s7.1; Mastodon issue 15589"
        ),
        scenario!(
            "dm-markup-in",
            dm_markup,
            "scripts in a message are not passed on to readers",
            "ActivityPub B.10"
        ),
        scenario!(
            "bto-out",
            bto_out,
            "`bto` and `bcc` are not on the wire",
            "ActivityPub s6.2"
        ),
        scenario!(
            "public-out",
            public_out,
            "a public post reaches a follower",
            "ActivityPub s7.1"
        ),
        scenario!(
            "public-in",
            public_in,
            "a public post of somebody followed is shown",
            "ActivityPub s7.2"
        ),
        scenario!(
            "public-fetch",
            public_fetch,
            "a public post can be fetched by its id",
            "ActivityPub s3.2"
        ),
        scenario!(
            "followers-only-out",
            followers_out,
            "a post for followers reaches one, and does not name the public",
            "ActivityPub s7.1"
        ),
        scenario!(
            "followers-only-in",
            followers_in,
            "a post for followers is shown to one",
            "ActivityPub s7.2"
        ),
        scenario!(
            "mention-out",
            mention_out,
            "somebody mentioned gets the post, without following",
            "ActivityPub s7.1.1"
        ),
        scenario!(
            "mention-in",
            mention_in,
            "a public post that mentions somebody is shown to them",
            "ActivityPub s7.1.1"
        ),
    ],
};

async fn dm_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    let (_, object) = alice.dm(&text, &[&bob.id]).await?;
    let create = bob.gets("Create", &[&text]).await?;
    let note = &create["object"];
    require!(note["id"] == object, "its Note is {}", note["id"]);
    require!(
        note["attributedTo"] == alice.actor,
        "it is by {}",
        note["attributedTo"]
    );
    require!(
        note["tag"].to_string().contains(&bob.id),
        "it mentions nobody: {}",
        note["tag"]
    );
    require!(
        !create.to_string().contains("#Public"),
        "it is addressed to the public"
    );
    Ok(())
}

async fn dm_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    bob.note(&text, &[&alice.actor]).await?;
    alice.finds("inbox", &[&text]).await?;
    Ok(())
}

async fn dm_two_out(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    let bob = case.remote("b").await?;
    let eve = case.remote_of("e", "Person").await?;
    let text = case.text("words");
    alice.dm(&text, &[&bob.id, &eve.id]).await?;
    let create = bob.gets("Create", &[&text]).await?;
    require!(
        create["object"]["to"].to_string().contains(&eve.id),
        "only {} are named",
        create["object"]["to"]
    );
    Ok(())
}

async fn dm_fetch(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    let (_, object) = alice.dm(&text, &[&bob.id]).await?;
    let (status, _, document) = case.get(&object, ACTIVITY_JSON).await?;
    require!(
        status >= 400 || !document.to_string().contains(&text),
        "anybody can read it: the answer to a request without a signature is {status}"
    );
    Ok(())
}

async fn dm_markup(case: &Case<'_>) -> Outcome {
    if case.pair.subject.description.log {
        return Err(crate::outcome::Stop::lacks(
            case.pair.subject.name(),
            "it shows activities as they came (docs/interop.md, log)",
        ));
    }
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    let more = json!({
        "content": format!("<p>{text}<script>alert(1)</script><img src=x onerror=alert(2)></p>"),
    });
    bob.note_with(&text, &[&alice.actor], more).await?;
    let shown = alice.finds("inbox", &[&text]).await?.to_string();
    require!(
        !shown.contains("<script") && !shown.contains("onerror"),
        "it shows {shown}"
    );
    Ok(())
}

async fn bto_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    alice.dm(&text, &[&bob.id]).await?;
    bob.gets("Create", &[&text]).await?;
    let create = case.wire(&case.pair.peer.proxy, "Create", &[&text]);
    let bare = |name: &str| create.iter().all(|one| !one.request.text().contains(name));
    require!(
        bare("\"bto\"") && bare("\"bcc\""),
        "the body has `bto` or `bcc`"
    );
    Ok(())
}

async fn public_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    bob.follows(&alice).await?;
    let text = case.text("words");
    alice.post(&text, &[&bob.id]).await?;
    let create = bob.gets("Create", &[&text]).await?;
    require!(
        create["object"].to_string().contains("Public"),
        "it is not public: {create}"
    );
    Ok(())
}

async fn public_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    alice.needs("post")?;
    let whom = json!({ "target": bob.id, "target_handle": bob.handle, "to": [bob.id] });
    alice.act("follow", whom).await?;
    bob.gets("Follow", &[&alice.actor]).await?;
    let text = case.text("words");
    let more = json!({ "to": [PUBLIC], "cc": [alice.actor], "tag": [] });
    bob.note_with(&text, &[&alice.actor], more).await?;
    alice.finds("inbox", &[&text]).await?;
    Ok(())
}

async fn public_fetch(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    let (_, object) = alice.post(&text, &[&bob.id]).await?;
    let note = case.document(&object).await?;
    require!(note["id"] == object, "at {object} there is {}", note["id"]);
    require!(
        note.to_string().contains(&text),
        "it has other words: {note}"
    );
    Ok(())
}

async fn followers_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    bob.follows(&alice).await?;
    let document = case.document(&alice.actor).await?;
    let Some(followers) = document["followers"].as_str() else {
        fail!("the actor names no followers collection");
    };
    let text = case.text("words");
    let mut with = said(&text, &[&bob.id]);
    with["audience"] = json!([followers]);
    with["copies"] = json!([]);
    with["visibility"] = json!("followers");
    alice.act("post", with).await?;
    let create = bob.gets("Create", &[&text]).await?;
    require!(
        !create.to_string().contains("#Public"),
        "it is addressed to the public"
    );
    require!(
        create.to_string().contains(followers),
        "it does not name {followers}"
    );
    Ok(())
}

async fn followers_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    alice.needs("post")?;
    let whom = json!({ "target": bob.id, "target_handle": bob.handle, "to": [bob.id] });
    alice.act("follow", whom).await?;
    bob.gets("Follow", &[&alice.actor]).await?;
    let followers = format!("{}/followers", bob.id);
    let text = case.text("words");
    let more = json!({ "to": [followers], "tag": [] });
    bob.note_with(&text, &[&alice.actor], more).await?;
    alice.finds("inbox", &[&text]).await?;
    Ok(())
}

async fn mention_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    let mut with = said(&text, &[&bob.id]);
    with["target_handle"] = json!(bob.handle);
    alice.act("mention", with).await?;
    let create = bob.gets("Create", &[&text]).await?;
    let tags = create["object"]["tag"].to_string();
    require!(
        tags.contains("Mention") && tags.contains(&bob.id),
        "its tags are {tags}"
    );
    Ok(())
}

async fn mention_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    alice.needs("mention")?;
    let text = case.text("words");
    let more = json!({ "to": [PUBLIC], "cc": [alice.actor] });
    bob.note_with(&text, &[&alice.actor], more).await?;
    alice.finds("inbox", &[&text]).await?;
    Ok(())
}
