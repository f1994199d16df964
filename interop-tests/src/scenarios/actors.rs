//! Actor documents and the keys in them.

use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use super::Theme;
use super::scenario;
use crate::case::Case;
use crate::fail;
use crate::hostile::ACTIVITY_JSON;
use crate::outcome::Outcome;
use crate::outcome::Stop;
use crate::require;

/// How long a subject may go by the old key.
const ASKED_ANEW: Duration = Duration::from_secs(75);
/// Between two tries with the new key.
const TRIED_ANEW: Duration = Duration::from_secs(5);

pub(super) const THEME: Theme = Theme {
    name: "Actors and keys",
    scenarios: &[
        scenario!(short "actor-members", members,
            "the actor has its id, inbox, outbox and name, all on its own origin",
            "ActivityPub s4.1"),
        scenario!(
            "actor-key-owner",
            key,
            "the actor's key names it as owner and is a PEM key",
            "SWICG ActivityPub HTTP Signatures s2"
        ),
        scenario!(
            "actor-key-fetch",
            key_fetch,
            "the key's id leads back to the actor",
            "SWICG ActivityPub HTTP Signatures s2.2"
        ),
        scenario!(
            "actor-multikey",
            multikey,
            "verification methods are Multikeys of the actor",
            "FEP-521a"
        ),
        scenario!(
            "actor-collections",
            collections,
            "outbox, followers and following are collections",
            "ActivityPub s5"
        ),
        scenario!(
            "actor-unknown",
            unknown,
            "an actor that is not there gives 404 or 410",
            "ActivityPub s3.2"
        ),
        scenario!(
            "profile-out",
            profile_out,
            "a changed profile reaches followers as an Update of the actor",
            "ActivityPub s7.3"
        ),
        scenario!(
            "profile-in",
            profile_in,
            "a changed profile of the peer's is taken",
            "ActivityPub s7.3"
        ),
        scenario!(
            "rotate-in",
            rotate_in,
            "after the peer changed its key, what it signs is taken, if not at once then soon",
            "SWICG ActivityPub HTTP Signatures s2.3"
        ),
        scenario!(
            "rotate-out",
            rotate_out,
            "after the subject changed its key, the peer takes what it signs",
            "SWICG ActivityPub HTTP Signatures s2.3"
        ),
    ],
};

async fn members(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    let document = case.document(&alice.actor).await?;
    require!(
        document["id"] == alice.actor,
        "its id is {}",
        document["id"]
    );
    require!(
        document["type"].is_string(),
        "its type is {}",
        document["type"]
    );
    let origin = case.pair.subject.origin();
    for name in ["inbox", "outbox"] {
        let there = document[name]
            .as_str()
            .is_some_and(|url| url.starts_with(&origin));
        require!(there, "its {name} is {}", document[name]);
    }
    require!(
        document["preferredUsername"].is_string(),
        "it has no preferredUsername"
    );
    require!(
        document["@context"]
            .to_string()
            .contains("https://www.w3.org/ns/activitystreams"),
        "its context is {}",
        document["@context"]
    );
    Ok(())
}

fn first_key(document: &Value) -> &Value {
    match &document["publicKey"] {
        Value::Array(keys) => keys.first().unwrap_or(&Value::Null),
        key => key,
    }
}

async fn key(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    let document = case.document(&alice.actor).await?;
    let key = first_key(&document);
    require!(
        key["owner"] == alice.actor,
        "the owner of its key is {}",
        key["owner"]
    );
    let pem = key["publicKeyPem"].as_str().unwrap_or_default();
    require!(
        pem.starts_with("-----BEGIN PUBLIC KEY-----"),
        "its key is {pem:?}"
    );
    Ok(())
}

async fn key_fetch(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    let document = case.document(&alice.actor).await?;
    let Some(id) = first_key(&document)["id"].as_str() else {
        fail!("its key has no id");
    };
    let found = case.document(id).await?;
    require!(
        found["id"] == alice.actor || (found["id"] == id && found["owner"] == alice.actor),
        "at {id} there is {}",
        found["id"]
    );
    Ok(())
}

async fn multikey(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    let document = case.document(&alice.actor).await?;
    let methods = match &document["assertionMethod"] {
        Value::Null => {
            let reason = "its actors have no assertionMethod (FEP-521a is optional)";
            return Err(Stop::lacks(case.pair.subject.name(), reason));
        }
        Value::Array(methods) => methods.clone(),
        method => vec![method.clone()],
    };
    for method in methods {
        require!(method["type"] == "Multikey", "one is a {}", method["type"]);
        require!(
            method["controller"] == alice.actor,
            "one is {}'s",
            method["controller"]
        );
        let key = method["publicKeyMultibase"].as_str().unwrap_or_default();
        require!(key.starts_with('z'), "one is not base58btc: {key:?}");
    }
    Ok(())
}

async fn collections(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    let document = case.document(&alice.actor).await?;
    for name in ["outbox", "followers", "following"] {
        let Some(url) = document[name].as_str() else {
            if name == "outbox" {
                fail!("it has no outbox");
            }
            continue;
        };
        let (status, _, found) = case.get(url, ACTIVITY_JSON).await?;
        // Who follows whom may be kept from those who do not sign.
        if name != "outbox" && matches!(status, 401 | 403) {
            continue;
        }
        require!(status == 200, "its {name} gives {status}");
        let kind = found["type"].as_str().unwrap_or_default();
        require!(kind.ends_with("Collection"), "its {name} is a {kind:?}");
    }
    Ok(())
}

async fn unknown(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    let name = alice
        .handle
        .trim_start_matches('@')
        .split('@')
        .next()
        .unwrap_or_default();
    if !alice.actor.contains(name) {
        let reason = "ids of its actors do not contain their names, so none can be guessed";
        return Err(Stop::lacks(case.pair.subject.name(), reason));
    }
    let (status, ..) = case
        .get(&alice.actor.replace(name, "nobody_at_all"), ACTIVITY_JSON)
        .await?;
    require!(matches!(status, 404 | 410), "the answer is {status}");
    Ok(())
}

async fn profile_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    bob.follows(&alice).await?;
    let name = case.text("name");
    let with = json!({ "display_name": name, "summary": case.text("summary") });
    alice.act("update_profile", with).await?;
    let update = bob.gets("Update", &[&alice.actor, &name]).await?;
    require!(
        update["object"]["id"] == alice.actor,
        "it updates {}",
        update["object"]
    );
    Ok(())
}

async fn profile_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    bob.note(&text, &[&alice.actor]).await?;
    alice.finds("inbox", &[&text]).await?;
    let mut document = case.document(&bob.id).await?;
    document["name"] = json!(case.text("name"));
    let update = json!({
        "type": "Update", "actor": bob.id, "to": [alice.actor], "object": document,
    });
    bob.send(&update, &[&alice.actor]).await?;
    alice.finds("inbox", &[&case.text("name")]).await?;
    Ok(())
}

async fn rotate_in(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let (before, after) = (case.text("words before"), case.text("words after"));
    bob.note(&before, &[&alice.actor]).await?;
    alice.finds("inbox", &[&before]).await?;
    let asked = json!({ "as": bob.id, "keep_old": false });
    case.pair.control.post("rotate", &asked).await?;
    let mut create = bob.create(&after, &[&alice.actor], json!({}));
    // A server bounds how often it asks for a key anew; senders try again for days.
    let end = tokio::time::Instant::now() + ASKED_ANEW;
    loop {
        let sent = bob.offer(&create, &[&alice.actor]).await?;
        let status = sent.statuses.first().copied().unwrap_or_default();
        if (200..300).contains(&status) {
            break;
        }
        if tokio::time::Instant::now() > end {
            fail!("after {ASKED_ANEW:?} the subject still answers {status} to the new key");
        }
        create["id"] = json!(sent.activity);
        create["object"]["id"] = json!(sent.object);
        tokio::time::sleep(TRIED_ANEW).await;
    }
    alice.finds("inbox", &[&after]).await?;
    Ok(())
}

async fn rotate_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    alice.needs("rotate_key")?;
    case.pair.peer_supports("key_refresh")?;
    let (before, after) = (case.text("words before"), case.text("words after"));
    alice.dm(&before, &[&bob.id]).await?;
    bob.gets("Create", &[&before]).await?;
    alice.act("rotate_key", json!({})).await?;
    alice.dm(&after, &[&bob.id]).await?;
    bob.gets("Create", &[&after]).await?;
    Ok(())
}
