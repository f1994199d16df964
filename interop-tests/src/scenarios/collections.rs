//! Collections page by page, the followers synchronisation, and fetching with a signature.

use std::collections::BTreeSet;

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

/// More pages than any collection of a test has.
const PAGES: usize = 20;

pub(super) const THEME: Theme = Theme {
    name: "Collections and fetching",
    scenarios: &[
        scenario!(
            "outbox-paged",
            outbox_paged,
            "the outbox is an ordered collection whose pages end",
            "ActivityPub s5.1"
        ),
        scenario!(
            "followers-paged",
            followers_paged,
            "the followers are a collection whose pages end, or are kept private",
            "ActivityPub s5.3"
        ),
        scenario!(
            "followers-header-out",
            header_out,
            "deliveries to followers carry Collection-Synchronization",
            "FEP-8fcf"
        ),
        scenario!(
            "followers-partial",
            partial,
            "the partial followers collection is for the server concerned alone",
            "FEP-8fcf"
        ),
        scenario!(
            alone "fetch-signed-out",
            fetch_signed,
            "the subject signs its fetches, so that a peer in secure mode answers",
            "SWICG ActivityPub HTTP Signatures s4 (authorised fetch)"
        ),
        scenario!(
            "fetch-signed-in",
            fetch_in,
            "a signed fetch of an actor is answered",
            "SWICG ActivityPub HTTP Signatures s4"
        ),
        scenario!(
            "fetch-private-in",
            fetch_private,
            "the recipient of a direct message may fetch it with a signature",
            "ActivityPub s3.2"
        ),
        scenario!(
            "fetch-redirect",
            fetch_other,
            "an id that is not the document's own is not taken for it",
            "CVE-2024-23832"
        ),
    ],
};

async fn pages(case: &Case<'_>, url: &str) -> Outcome<usize> {
    let (status, _, collection) = case.get(url, ACTIVITY_JSON).await?;
    if matches!(status, 401 | 403) {
        let reason = format!("{status} without a signature: it is kept private");
        return Err(Stop::lacks(case.pair.subject.name(), &reason));
    }
    require!(status == 200, "{url} gives {status}");
    let kind = collection["type"].as_str().unwrap_or_default();
    require!(kind.ends_with("Collection"), "it is a {kind:?}");
    let items = |page: &Value| {
        let list = page["orderedItems"]
            .as_array()
            .or_else(|| page["items"].as_array());
        list.map_or(0, Vec::len)
    };
    let mut count = items(&collection);
    let mut next = collection["first"].clone();
    let mut seen = BTreeSet::new();
    for _ in 0..PAGES {
        let page = match next {
            Value::String(url) => {
                require!(seen.insert(url.clone()), "page {url} comes twice");
                case.document(&url).await?
            }
            Value::Object(_) => next,
            _ => return Ok(count),
        };
        let kind = page["type"].as_str().unwrap_or_default();
        require!(kind.ends_with("CollectionPage"), "a page is a {kind:?}");
        count += items(&page);
        next = page["next"].clone();
    }
    fail!("its pages do not end");
}

async fn outbox_paged(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    let document = case.document(&alice.actor).await?;
    let Some(url) = document["outbox"].as_str() else {
        fail!("the actor has no outbox");
    };
    pages(case, url).await.map(drop)
}

async fn followers_paged(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    bob.follows(&alice).await?;
    let document = case.document(&alice.actor).await?;
    let Some(url) = document["followers"].as_str() else {
        let reason = "its actors name no followers (ActivityPub s5.3 is optional)";
        return Err(Stop::lacks(case.pair.subject.name(), reason));
    };
    pages(case, url).await.map(drop)
}

async fn header_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    alice.needs("post")?;
    bob.follows(&alice).await?;
    let document = case.document(&alice.actor).await?;
    let followers = document["followers"].as_str().unwrap_or_default();
    let text = case.text("words");
    let mut with = crate::case::said(&text, &["followers"]);
    with["mentions"] = json!([]);
    with["audience"] = json!([followers]);
    with["copies"] = json!([]);
    with["visibility"] = json!("followers");
    alice.act("post", with).await?;
    bob.gets("Create", &[&text]).await?;
    let all = case.wire(&case.pair.peer.proxy, "Create", &[&text]);
    let header = all
        .iter()
        .find_map(|one| one.request.header("collection-synchronization"));
    let Some(header) = header else {
        let reason = "it sends no Collection-Synchronization header (FEP-8fcf is optional)";
        return Err(Stop::lacks(case.pair.subject.name(), reason));
    };
    for part in ["collectionId=", "url=", "digest="] {
        require!(header.contains(part), "{part} is not in {header}");
    }
    Ok(())
}

async fn partial(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    let url = format!("{}/followers_synchronization", alice.actor);
    let (status, ..) = case.get(&url, ACTIVITY_JSON).await?;
    if status == 404 {
        let reason = "it has no followers_synchronization beside its actors (FEP-8fcf is optional)";
        return Err(Stop::lacks(case.pair.subject.name(), reason));
    }
    require!(
        matches!(status, 401 | 403),
        "without a signature the answer is {status}"
    );
    let control = &case.pair.control;
    let fetched = control
        .post("fetch", &json!({ "url": url, "signed": true }))
        .await?;
    require!(
        fetched["status"] == 200,
        "with a signature the answer is {}",
        fetched["status"]
    );
    Ok(())
}

async fn secure(case: &Case<'_>, on: bool) -> Outcome {
    let mode = json!({ "authorized_fetch": on });
    case.pair.control.post("mode", &mode).await.map(drop)
}

async fn fetch_signed(case: &Case<'_>) -> Outcome {
    case.pair.peer_supports("authorized_fetch")?;
    let (alice, bob) = (
        case.account("a").await?,
        case.remote_of("b", "Person").await?,
    );
    secure(case, true).await?;
    let text = case.text("words");
    let sent = alice.dm(&text, &[&bob.id]).await;
    let arrived = bob.gets("Create", &[&text]).await;
    secure(case, false).await?;
    sent?;
    arrived.map(drop)
}

async fn fetch_in(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    let control = &case.pair.control;
    let asked = json!({ "url": alice.actor, "signed": true });
    let fetched = control.post("fetch", &asked).await?;
    require!(
        fetched["status"] == 200,
        "the answer is {}",
        fetched["status"]
    );
    require!(
        fetched["document"]["id"] == alice.actor,
        "it is {}",
        fetched["document"]
    );
    Ok(())
}

async fn fetch_private(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    let text = case.text("words");
    // The peer signs fetches with its own actor, so that one has to be the recipient.
    let own = case.pair.ready["actor"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let (_, object) = alice.dm(&text, &[&own]).await?;
    let control = &case.pair.control;
    let fetched = control
        .post("fetch", &json!({ "url": object, "signed": true }))
        .await?;
    require!(
        fetched["status"] == 200,
        "the answer is {}",
        fetched["status"]
    );
    require!(
        fetched["document"].to_string().contains(&text),
        "it is {}",
        fetched["document"]
    );
    Ok(())
}

async fn fetch_other(case: &Case<'_>) -> Outcome {
    let alice = case.account("a").await?;
    let [mallory, victim] = case.pair.hostile().await?;
    mallory.put_actor("other", crate::hostile::serve::Reply::status(202));
    let mut document = mallory.actor_document("other");
    document["id"] = json!(victim.actor("other"));
    let reply = crate::hostile::serve::Reply::json(ACTIVITY_JSON, &document);
    mallory.put("/users/other", reply);
    let found = alice
        .act("fetch", json!({ "url": mallory.actor("other") }))
        .await;
    match found {
        Err(Stop::NotApplicable(reason)) => Err(Stop::NotApplicable(reason)),
        Err(Stop::Failed(_)) => Ok(()),
        Ok(values) => {
            let name = "document";
            let taken = values.get(name).is_some_and(|document| !document.is_null());
            let actor = values
                .get("actor_found")
                .is_some_and(|actor| !actor.is_null());
            if case.pair.subject.description.log {
                let reason = "it shows what was fetched, whatever id it has (docs/interop.md, log)";
                return Err(Stop::lacks(case.pair.subject.name(), reason));
            }
            require!(!taken && !actor, "it was taken");
            Ok(())
        }
    }
}
