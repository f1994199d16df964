//! Requests that prove nothing: what is wrong is the signature, the key or the message.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use serde_json::json;

use super::Ground;
use crate::case::Case;
use crate::case::contains;
use crate::hostile::ACTIVITY_JSON;
use crate::hostile::forge::Forged;
use crate::hostile::serve::Reply;
use crate::outcome::Outcome;
use crate::require;
use crate::scenarios::Scenario;
use crate::scenarios::scenario;

pub(super) const ALL: &[Scenario] = &[
    scenario!(short "hostile-unsigned", unsigned,
        "an activity without a signature has no effect", "CVE-2025-54888"),
    scenario!(short "hostile-body-changed", body_changed,
        "a body that was changed after signing has no effect",
        "activitypub_federation before 0.7.0-beta.12"),
    scenario!(
        "hostile-digest-uncovered",
        digest_uncovered,
        "a digest that is not signed proves nothing",
        "Mitra 4.7 change log"
    ),
    scenario!(
        "hostile-date-only",
        date_only,
        "a signature over the date alone proves nothing",
        "Mitra 4.7 change log"
    ),
    scenario!(
        "hostile-nothing-covered",
        nothing_covered,
        "a signature over nothing proves nothing",
        "draft-cavage-12 s2.1.6"
    ),
    scenario!(
        "hostile-other-host",
        other_host,
        "a request signed for another host has no effect",
        "Mitra 5.4 change log"
    ),
    scenario!(
        "hostile-other-path",
        other_path,
        "a request signed for another path has no effect",
        "Mitra 5.4 change log"
    ),
    scenario!(
        "hostile-stale",
        stale,
        "a request of two days ago has no effect",
        "draft-cavage-12 s2.3"
    ),
    scenario!(
        "hostile-future",
        future,
        "a request of the day after tomorrow has no effect",
        "draft-cavage-12 s2.3"
    ),
    scenario!(
        "hostile-replay",
        replay,
        "the same request sent three times has one effect",
        "ActivityPub s7.1"
    ),
    scenario!(
        "hostile-other-actor",
        other_actor,
        "a key proves nothing for another actor",
        "CVE-2025-54888"
    ),
    scenario!(
        "hostile-key-owner",
        key_owner,
        "a key that says it is somebody's proves nothing unless they say so too",
        "GHSA-q9f8-5hc7-898f"
    ),
    scenario!(
        "hostile-key-unknown",
        key_unknown,
        "a key that is not there proves nothing",
        "SWICG ActivityPub HTTP Signatures s2"
    ),
    scenario!(
        "hostile-key-other",
        key_other,
        "a signature by another key than the one named has no effect",
        "RFC 9421 s3.2"
    ),
    scenario!(
        "hostile-hmac",
        hmac,
        "the sender does not choose the algorithm: a public key is no secret",
        "RFC 9421 s7.3.6 (algorithm confusion)"
    ),
    scenario!(
        "hostile-actor-html",
        actor_html,
        "an actor served as a page is no actor",
        "CVE-2024-25623"
    ),
    scenario!(
        "hostile-actor-id",
        actor_id,
        "an actor whose id is another's is no actor",
        "CVE-2024-23832"
    ),
    scenario!(
        "hostile-malformed",
        malformed,
        "what is not an activity is refused with 4xx, and nothing falls over",
        "RFC 8259 s9 (limits)"
    ),
    scenario!(
        "hostile-too-large",
        too_large,
        "a body of 16 MiB is refused",
        "GHSA-mc44-6cfg-2v6w"
    ),
];

async fn unsigned(case: &Case<'_>) -> Outcome {
    let ground = Ground::new(case).await?;
    let create = ground.create(2, "forged words");
    let request = case.pair.subject.http().post(&ground.inbox);
    let request = request
        .header("content-type", ACTIVITY_JSON)
        .body(create.to_string());
    let answer = request.send().await.context("no answer")?;
    ground.nothing(answer.status().as_u16()).await
}

/// Spoils a well-made request in one way.
async fn spoilt(case: &Case<'_>, spoil: impl FnOnce(&Ground<'_>, Forged) -> Forged) -> Outcome {
    let ground = Ground::new(case).await?;
    let good = ground.honest(&ground.create(2, "forged words"))?;
    ground.attack(&spoil(&ground, good)).await
}

async fn body_changed(case: &Case<'_>) -> Outcome {
    let ground = Ground::new(case).await?;
    let good = ground.honest(&ground.create(2, "signed words"))?;
    let sent_body = good.body.replace("signed words", "forged words");
    ground.attack(&Forged { sent_body, ..good }).await
}

async fn digest_uncovered(case: &Case<'_>) -> Outcome {
    spoilt(case, |_, good| Forged {
        covered: vec!["(request-target)", "host", "date"],
        ..good
    })
    .await
}

async fn date_only(case: &Case<'_>) -> Outcome {
    spoilt(case, |_, good| Forged {
        covered: vec!["date"],
        ..good
    })
    .await
}

async fn nothing_covered(case: &Case<'_>) -> Outcome {
    spoilt(case, |_, good| Forged {
        covered: Vec::new(),
        ..good
    })
    .await
}

async fn other_host(case: &Case<'_>) -> Outcome {
    let host = "elsewhere.example".to_owned();
    spoilt(case, |_, good| Forged { host, ..good }).await
}

async fn other_path(case: &Case<'_>) -> Outcome {
    let path = "/somewhere/else".to_owned();
    spoilt(case, |_, good| Forged { path, ..good }).await
}

async fn stale(case: &Case<'_>) -> Outcome {
    let age = Duration::from_hours(48);
    spoilt(case, |_, good| Forged { age, ..good }).await
}

async fn future(case: &Case<'_>) -> Outcome {
    let ahead = Duration::from_hours(48);
    spoilt(case, |_, good| Forged { ahead, ..good }).await
}

async fn replay(case: &Case<'_>) -> Outcome {
    let ground = Ground::new(case).await?;
    let request = ground.honest(&ground.create(2, "words sent thrice"))?;
    for _ in 0..3 {
        let status = ground.send(&request).await;
        require!(status < 500, "the answer is {status}");
    }
    ground.says(9, "honest words after").await?;
    let all = ground.alice.list("inbox").await?;
    let count = all
        .iter()
        .filter(|item| contains(item, &["words sent thrice"]))
        .count();
    require!(count == 1, "it is shown {count} times");
    Ok(())
}

/// The forged words in the victim's name.
fn in_the_name_of_the_victim(ground: &Ground<'_>) -> Value {
    let mut create = ground.create(2, "forged words");
    let victim = ground.victim.actor(&ground.name);
    let id = format!("{}/notes/{}", ground.victim.origin(), ground.case.name);
    create["actor"] = json!(victim);
    create["id"] = json!(format!("{id}/create"));
    create["object"]["id"] = json!(id);
    create["object"]["attributedTo"] = json!(victim);
    create
}

async fn other_actor(case: &Case<'_>) -> Outcome {
    let ground = Ground::new(case).await?;
    let request = ground.honest(&in_the_name_of_the_victim(&ground))?;
    ground.attack(&request).await
}

async fn key_owner(case: &Case<'_>) -> Outcome {
    let ground = Ground::new(case).await?;
    let path = format!("/keys/{}", ground.name);
    let id = format!("{}{path}", ground.mallory.origin());
    let key = json!({
        "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
        "id": id, "type": "Key", "owner": ground.victim.actor(&ground.name),
        "publicKeyPem": ground.mallory.key().public_pem(),
    });
    ground.mallory.put(&path, Reply::json(ACTIVITY_JSON, &key));
    let good = ground.honest(&in_the_name_of_the_victim(&ground))?;
    ground.attack(&Forged { key_id: id, ..good }).await
}

async fn key_unknown(case: &Case<'_>) -> Outcome {
    spoilt(case, |ground, good| Forged {
        key_id: ground.mallory.actor("nobody_at_all"),
        ..good
    })
    .await
}

async fn key_other(case: &Case<'_>) -> Outcome {
    let ground = Ground::new(case).await?;
    let create = in_the_name_of_the_victim(&ground);
    let key_id = format!("{}#main-key", ground.victim.actor(&ground.name));
    let request = Forged {
        key_id,
        ..ground.honest(&create)?
    };
    ground.attack(&request).await
}

async fn hmac(case: &Case<'_>) -> Outcome {
    spoilt(case, |_, good| Forged {
        algorithm: "hmac-sha256",
        ..good
    })
    .await
}

/// Mallory sends as another actor of its own, whose document is served in a wrong way.
async fn served(case: &Case<'_>, serve: impl FnOnce(&Ground<'_>, Value) -> Reply) -> Outcome {
    let ground = Ground::new(case).await?;
    let other = format!("o_{}", ground.name);
    let reply = serve(&ground, ground.mallory.actor_document(&other));
    ground.mallory.put(&format!("/users/{other}"), reply);
    let mut create = ground.create(2, "forged words");
    let actor = ground.mallory.actor(&other);
    create["actor"] = json!(actor);
    create["object"]["attributedTo"] = json!(actor);
    let key_id = format!("{actor}#main-key");
    let request = Forged {
        key_id,
        ..ground.honest(&create)?
    };
    ground.attack(&request).await
}

async fn actor_html(case: &Case<'_>) -> Outcome {
    served(case, |_, document| Reply::json("text/html", &document)).await
}

async fn actor_id(case: &Case<'_>) -> Outcome {
    served(case, |ground, mut document| {
        document["id"] = json!(ground.victim.actor(&ground.name));
        Reply::json(ACTIVITY_JSON, &document)
    })
    .await
}

async fn malformed(case: &Case<'_>) -> Outcome {
    let ground = Ground::new(case).await?;
    for body in [
        "",
        "{",
        "[]",
        "null",
        "\u{0}",
        "{\"type\":1}",
        &"[".repeat(60_000),
    ] {
        let mut request = ground.honest(&Value::Null)?;
        body.clone_into(&mut request.body);
        body.clone_into(&mut request.sent_body);
        let status = ground.send(&request).await;
        let start: String = body.chars().take(12).collect();
        require!((400..500).contains(&status), "{start:?} got {status}");
    }
    ground.says(9, "honest words after").await
}

async fn too_large(case: &Case<'_>) -> Outcome {
    let ground = Ground::new(case).await?;
    let mut create = ground.create(2, "forged words");
    create["object"]["summary"] = json!("a".repeat(16 * 1024 * 1024));
    let status = ground.send(&ground.honest(&create)?).await;
    // A server may end the connection before the body's end, of which TLS in front makes a 502.
    ground.nothing(if status == 502 { 0 } else { status }).await
}
