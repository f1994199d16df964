//! Groups that pass on what their members say (FEP-1b12).

use serde_json::Value;
use serde_json::json;

use super::Theme;
use super::scenario;
use crate::case::Case;
use crate::case::PUBLIC;
use crate::case::contains;
use crate::case::is_a;
use crate::case::settle;
use crate::fail;
use crate::outcome::Outcome;
use crate::require;

pub(super) const THEME: Theme = Theme {
    name: "Groups",
    scenarios: &[
        scenario!(
            "group-join-out",
            join_out,
            "the subject's account can join a group of the peer's",
            "FEP-1b12"
        ),
        scenario!(
            "group-announce-in",
            announce_in,
            "what a group announces is shown to its members",
            "FEP-1b12"
        ),
        scenario!(
            "group-host",
            host,
            "a group of the subject's announces what a member sends it",
            "FEP-1b12"
        ),
    ],
};

async fn join_out(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    alice.needs("join_group")?;
    let group = case.remote_of("g", "Group").await?;
    let with = json!({ "target": group.id, "target_handle": group.handle, "to": [group.id] });
    alice.act("join_group", with).await?;
    group.gets("Follow", &[&alice.actor, &group.id]).await?;
    case.subject_takes("Accept", &[&alice.actor]).await?;
    Ok(())
}

async fn announce_in(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    alice.needs("join_group")?;
    let (group, bob) = (
        case.remote_of("g", "Group").await?,
        case.remote_of("b", "Person").await?,
    );
    let with = json!({ "target": group.id, "target_handle": group.handle, "to": [group.id] });
    alice.act("join_group", with).await?;
    group.gets("Follow", &[&alice.actor, &group.id]).await?;
    case.subject_takes("Accept", &[&alice.actor]).await?;
    let text = case.text("words");
    let more = json!({ "to": [PUBLIC], "cc": [group.id], "tag": [], "audience": group.id });
    let mut create = bob.create(&text, &[], more);
    let control = &case.pair.control;
    // The note has an id too, as every note has that somebody stores.
    let note = json!({ "object": create["object"] });
    let note = control.post("publish", &note).await?;
    create["object"]["id"] = note["id"].clone();
    let stored = control
        .post("publish", &json!({ "activity": create }))
        .await?;
    let announce = json!({
        "type": "Announce", "actor": group.id, "object": stored["id"], "to": [PUBLIC],
        "cc": [alice.actor],
    });
    group.send(&announce, &[&alice.actor]).await?;
    let id = stored["id"].as_str().unwrap_or_default();
    let shown = if case.pair.subject.description.log {
        ["Announce", id]
    } else {
        [text.as_str(), ""]
    };
    alice.finds("inbox", &shown).await.map(drop)
}

async fn host(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let group_name = format!("g_{}", case.name.replace('-', "_"));
    let made = alice
        .act("create_group", json!({ "group_name": group_name }))
        .await?;
    let group = made
        .get("group")
        .and_then(|value| value.as_str())
        .unwrap_or_default()
        .to_owned();
    let follow = json!({ "type": "Follow", "actor": bob.id, "object": group, "to": [group] });
    let sent = bob.send(&follow, &[&group]).await?;
    bob.gets("Accept", &[&sent.activity]).await?;
    let text = case.text("words");
    let more = json!({ "to": [PUBLIC, group], "tag": [], "audience": group });
    let note = bob.note_with(&text, &[&group], more).await?;
    // Of the activity, or of the note alone, where neither text nor names of the scenario are in it.
    let announced = settle(async || {
        let all = case.pair.control.received("").await?;
        let fits = |one: &Value| is_a(one, "Announce") && contains(one, &[&group, &note]);
        Ok(all.into_iter().find(fits))
    });
    let Some(announce) = announced.await? else {
        fail!("the group announces nothing of {note}");
    };
    require!(
        announce["actor"] == group,
        "it is announced by {}",
        announce["actor"]
    );
    Ok(())
}
