//! Activities that are signed as they should be, by somebody who may not do what they ask for.

use serde_json::Value;
use serde_json::json;

use super::Ground;
use crate::case::Case;
use crate::outcome::Outcome;
use crate::require;
use crate::scenarios::Scenario;
use crate::scenarios::scenario;

pub(super) const ALL: &[Scenario] = &[
    scenario!(
        "hostile-foreign-object",
        foreign_object,
        "an object with an id of another server is not taken from here",
        "FEP-fe34"
    ),
    scenario!(
        "hostile-other-author",
        other_author,
        "words are not put into another's mouth",
        "FEP-fe34"
    ),
    scenario!(
        "hostile-local-id",
        local_id,
        "an object with an id of the receiver's is not taken",
        "activitypub_federation issue 130"
    ),
    scenario!(
        "hostile-edit",
        edit,
        "a neighbour on the same server cannot edit a message",
        "FEP-fe34"
    ),
    scenario!(
        "hostile-delete",
        delete,
        "a neighbour on the same server cannot delete a message",
        "w3c/activitypub issue 294"
    ),
    scenario!(
        "hostile-undo",
        undo,
        "nobody takes back the Follow of another",
        "WordPress ActivityPub PR 3360"
    ),
    scenario!(
        "hostile-accept",
        accept,
        "an Accept of a Follow that was never sent has no effect",
        "CVE-2025-30741"
    ),
    scenario!(
        "hostile-reject",
        reject,
        "a Reject by somebody else does not end a following",
        "FEP-fe34"
    ),
    scenario!(
        "hostile-announce",
        announce,
        "what an Announce carries is not believed for the Announce alone",
        "FEP-fe34"
    ),
    scenario!(
        "hostile-actor-update",
        actor_update,
        "nobody changes the profile of another",
        "FEP-fe34"
    ),
];

async fn created(case: &Case<'_>, change: impl FnOnce(&Ground<'_>, &mut Value)) -> Outcome {
    let ground = Ground::new(case).await?;
    ground.judges_authority()?;
    let mut create = ground.create(2, "forged words");
    change(&ground, &mut create);
    ground.attack(&ground.honest(&create)?).await
}

async fn foreign_object(case: &Case<'_>) -> Outcome {
    created(case, |ground, create| {
        create["object"]["id"] = json!(format!("{}/notes/5", ground.victim.origin()));
    })
    .await
}

async fn other_author(case: &Case<'_>) -> Outcome {
    created(case, |ground, create| {
        create["object"]["attributedTo"] = json!(ground.victim.actor(&ground.name));
    })
    .await
}

async fn local_id(case: &Case<'_>) -> Outcome {
    created(case, |ground, create| {
        let origin = ground.case.pair.subject.origin();
        create["object"]["id"] = json!(format!("{origin}/messages/6"));
    })
    .await
}

/// A neighbour of mallory's actor, with the same key: a request in its name.
async fn neighbour(ground: &Ground<'_>, activity: &Value) -> Outcome {
    let name = format!("n_{}", ground.name);
    let reply = crate::hostile::serve::Reply::json(
        crate::hostile::ACTIVITY_JSON,
        &ground.mallory.actor_document(&name),
    );
    ground.mallory.put(&format!("/users/{name}"), reply);
    let actor = ground.mallory.actor(&name);
    let mut activity = activity.clone();
    activity["actor"] = json!(actor);
    let key_id = format!("{actor}#main-key");
    let request = crate::hostile::forge::Forged {
        key_id,
        ..ground.honest(&activity)?
    };
    ground.attack(&request).await
}

async fn edit(case: &Case<'_>) -> Outcome {
    let ground = Ground::new(case).await?;
    ground.judges_authority()?;
    let mut note = ground.create(1, "forged words")["object"].clone();
    note["updated"] = json!("2098-01-01T00:00:00Z");
    let update = json!({
        "@context": "https://www.w3.org/ns/activitystreams", "type": "Update",
        "id": format!("{}/updates/{}", ground.mallory.origin(), case.name),
        "to": [ground.alice.actor], "object": note,
    });
    neighbour(&ground, &update).await?;
    let shown = format!("honest words before of {}", case.name);
    ground.alice.finds("inbox", &[&shown]).await.map(drop)
}

async fn delete(case: &Case<'_>) -> Outcome {
    let ground = Ground::new(case).await?;
    ground.judges_authority()?;
    let note = ground.create(1, "any")["object"]["id"].clone();
    let delete = json!({
        "@context": "https://www.w3.org/ns/activitystreams", "type": "Delete",
        "id": format!("{}/deletes/{}", ground.mallory.origin(), case.name),
        "to": [ground.alice.actor], "object": { "type": "Tombstone", "id": note },
    });
    neighbour(&ground, &delete).await?;
    let shown = format!("honest words before of {}", case.name);
    ground.alice.finds("inbox", &[&shown]).await.map(drop)
}

async fn undo(case: &Case<'_>) -> Outcome {
    let ground = Ground::new(case).await?;
    ground.judges_authority()?;
    let bob = case.remote("b").await?;
    let follow = bob.follows(&ground.alice).await?;
    let undo = json!({
        "@context": "https://www.w3.org/ns/activitystreams", "type": "Undo",
        "id": format!("{}/undos/{}", ground.mallory.origin(), case.name),
        "actor": ground.mallory.actor(&ground.name), "to": [ground.alice.actor],
        "object": { "type": "Follow", "id": follow, "actor": bob.id, "object": ground.alice.actor },
    });
    ground.attack(&ground.honest(&undo)?).await?;
    ground.alice.finds("followers", &[&bob.id]).await.map(drop)
}

async fn accept(case: &Case<'_>) -> Outcome {
    let ground = Ground::new(case).await?;
    ground.judges_authority()?;
    let mallory = ground.mallory.actor(&ground.name);
    let accept = json!({
        "@context": "https://www.w3.org/ns/activitystreams", "type": "Accept",
        "id": format!("{}/accepts/{}", ground.mallory.origin(), case.name),
        "actor": mallory, "to": [ground.alice.actor],
        "object": {
            "type": "Follow", "id": format!("{}/follows/1", case.pair.subject.origin()),
            "actor": ground.alice.actor, "object": mallory,
        },
    });
    ground.attack(&ground.honest(&accept)?).await?;
    ground.alice.lacks("following", &[&mallory]).await
}

async fn reject(case: &Case<'_>) -> Outcome {
    let ground = Ground::new(case).await?;
    ground.judges_authority()?;
    let bob = case.remote("b").await?;
    let whom = json!({ "target": bob.id, "target_handle": bob.handle, "to": [bob.id] });
    ground.alice.act("follow", whom).await?;
    let follow = bob.gets("Follow", &[&ground.alice.actor]).await?;
    ground.alice.finds("following", &[&bob.id]).await?;
    let reject = json!({
        "@context": "https://www.w3.org/ns/activitystreams", "type": "Reject",
        "id": format!("{}/rejects/{}", ground.mallory.origin(), case.name),
        "actor": ground.mallory.actor(&ground.name), "to": [ground.alice.actor],
        "object": {
            "type": "Follow", "id": follow["id"], "actor": ground.alice.actor, "object": bob.id,
        },
    });
    ground.attack(&ground.honest(&reject)?).await?;
    ground.alice.finds("following", &[&bob.id]).await.map(drop)
}

async fn announce(case: &Case<'_>) -> Outcome {
    let ground = Ground::new(case).await?;
    ground.judges_authority()?;
    let mut inner = ground.create(2, "forged words");
    let victim = ground.victim.actor(&ground.name);
    inner["actor"] = json!(victim);
    inner["id"] = json!(format!("{}/creates/{}", ground.victim.origin(), case.name));
    inner["object"]["attributedTo"] = json!(victim);
    inner["object"]["id"] = json!(format!("{}/notes/{}", ground.victim.origin(), case.name));
    let announce = json!({
        "@context": "https://www.w3.org/ns/activitystreams", "type": "Announce",
        "id": format!("{}/announces/{}", ground.mallory.origin(), case.name),
        "actor": ground.mallory.actor(&ground.name), "to": [ground.alice.actor], "object": inner,
    });
    ground.attack(&ground.honest(&announce)?).await
}

async fn actor_update(case: &Case<'_>) -> Outcome {
    let ground = Ground::new(case).await?;
    ground.judges_authority()?;
    let bob = case.remote("b").await?;
    let text = case.text("words of bob");
    bob.note(&text, &[&ground.alice.actor]).await?;
    ground.alice.finds("inbox", &[&text]).await?;
    let mut document = case.document(&bob.id).await?;
    require!(
        document["name"] != ground.text,
        "the peer's actor has the forged name already"
    );
    document["name"] = json!(ground.text);
    let update = json!({
        "@context": "https://www.w3.org/ns/activitystreams", "type": "Update",
        "id": format!("{}/updates/{}", ground.mallory.origin(), case.name),
        "actor": ground.mallory.actor(&ground.name), "to": [ground.alice.actor],
        "object": document,
    });
    ground.attack(&ground.honest(&update)?).await
}
