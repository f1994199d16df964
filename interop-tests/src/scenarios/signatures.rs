//! HTTP signatures of both schemes, the second knock, and proofs inside documents.

use serde_json::Value;
use serde_json::json;

use super::Theme;
use super::scenario;
use crate::case::Case;
use crate::outcome::Outcome;
use crate::outcome::Stop;
use crate::proxy::Exchange;
use crate::proxy::rule::Fault;
use crate::proxy::rule::Rule;
use crate::require;
use crate::results::evidence::scheme;

pub(super) const THEME: Theme = Theme {
    name: "Signatures and proofs",
    scenarios: &[
        scenario!(short "cavage-in", cavage_in,
            "a delivery signed by draft-cavage is taken",
            "draft-cavage-http-signatures-12; SWICG ActivityPub HTTP Signatures"),
        scenario!(
            "rfc9421-in",
            rfc9421_in,
            "a delivery signed by RFC 9421 is taken",
            "RFC 9421 s3.2"
        ),
        scenario!(
            "knock-in",
            knock_in,
            "a subject without RFC 9421 answers 4xx, so that the peer can knock again",
            "SWICG RFC9421.md (double-knocking)"
        ),
        scenario!(
            "knock-out",
            knock_out,
            "a delivery refused with 401 is signed the other way and sent again",
            "SWICG RFC9421.md (double-knocking)"
        ),
        scenario!(
            "covers-out",
            covers_out,
            "the signature covers method, target, host, time and digest",
            "SWICG ActivityPub HTTP Signatures s3; RFC 9421 s7.2.1"
        ),
        scenario!(
            "digest-out",
            digest_out,
            "a delivery has one digest, by SHA-256",
            "RFC 9530 s2; RFC 3230 s4.3.2"
        ),
        scenario!(
            "media-type-out",
            media_type_out,
            "a delivery has the media type of ActivityPub",
            "ActivityPub s7"
        ),
        scenario!(
            "proof-in",
            proof_in,
            "an activity with an integrity proof is taken",
            "FEP-8b32"
        ),
        scenario!(
            "proof-broken-in",
            proof_broken,
            "an activity with a broken proof is refused or has its proof ignored, and never crashes",
            "FEP-8b32"
        ),
        scenario!(
            "proof-out",
            proof_out,
            "a public activity of the subject's has a proof of the actor's key",
            "FEP-8b32"
        ),
    ],
};

async fn by(case: &Case<'_>, name: &str) -> Outcome {
    case.pair.peer_supports(name)?;
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    let create = bob.create(&text, &[&alice.actor], json!({}));
    let body = json!({
        "as": bob.id, "activity": create, "targets": [alice.actor], "scheme": name,
    });
    let sent = case.pair.control.send(&body).await?;
    let status = sent.statuses.first().copied().unwrap_or_default();
    require!(
        (200..300).contains(&status),
        "the subject answered {status}"
    );
    alice.finds("inbox", &[&text]).await?;
    Ok(())
}

async fn cavage_in(case: &Case<'_>) -> Outcome {
    by(case, "cavage").await
}

async fn rfc9421_in(case: &Case<'_>) -> Outcome {
    by(case, "rfc9421").await
}

async fn knock_in(case: &Case<'_>) -> Outcome {
    case.pair.peer_supports("double_knock")?;
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    // The first knock is refused on the way; the second has to be taken.
    case.spoil(
        &case.pair.subject.proxy,
        Rule::post(&text, Fault::Refuse(401)),
    );
    bob.note(&text, &[&alice.actor]).await?;
    alice.finds("inbox", &[&text]).await?;
    let all = case.wire(&case.pair.subject.proxy, "Create", &[&text]);
    require!(all.len() >= 2, "there was one knock alone");
    Ok(())
}

async fn sent(case: &Case<'_>) -> Outcome<(String, Vec<Exchange>)> {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    alice.dm(&text, &[&bob.id]).await?;
    bob.gets("Create", &[&text]).await?;
    let all = case.wire(&case.pair.peer.proxy, "Create", &[&text]);
    Ok((text, all))
}

async fn knock_out(case: &Case<'_>) -> Outcome {
    case.pair.peer_supports("cavage")?;
    case.pair.peer_supports("rfc9421")?;
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    case.spoil(&case.pair.peer.proxy, Rule::post(&text, Fault::Refuse(401)));
    alice.dm(&text, &[&bob.id]).await?;
    bob.gets("Create", &[&text]).await?;
    let all = case.wire(&case.pair.peer.proxy, "Create", &[&text]);
    let schemes: Vec<&str> = all.iter().map(scheme).collect();
    require!(
        schemes.contains(&"RFC 9421") && schemes.contains(&"draft-cavage"),
        "it knocked with {schemes:?}"
    );
    Ok(())
}

async fn covers_out(case: &Case<'_>) -> Outcome {
    let (_, all) = sent(case).await?;
    for one in all {
        let input = one.request.header("signature-input");
        let signature = one.request.header("signature").unwrap_or_default();
        let needed: &[&str] = match &input {
            Some(_) => &["@method", "@target-uri", "content-digest", "created"],
            None => &["(request-target)", "host", "date", "digest"],
        };
        let covered = input.unwrap_or(signature);
        for part in needed {
            require!(covered.contains(part), "{part} is not covered: {covered}");
        }
    }
    Ok(())
}

async fn digest_out(case: &Case<'_>) -> Outcome {
    let (_, all) = sent(case).await?;
    for one in all {
        let digest = one.request.header("digest");
        let digest = digest
            .or_else(|| one.request.header("content-digest"))
            .unwrap_or_default();
        let lower = digest.to_ascii_lowercase();
        require!(lower.starts_with("sha-256="), "the digest is {digest:?}");
    }
    Ok(())
}

async fn media_type_out(case: &Case<'_>) -> Outcome {
    let (_, all) = sent(case).await?;
    for one in all {
        let kind = one.request.header("content-type").unwrap_or_default();
        let fine = kind.starts_with("application/activity+json")
            || (kind.starts_with("application/ld+json") && kind.contains("activitystreams"));
        require!(fine, "the media type is {kind:?}");
    }
    Ok(())
}

async fn proof_in(case: &Case<'_>) -> Outcome {
    case.pair.peer_supports("proofs")?;
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let text = case.text("words");
    let create = bob.create(&text, &[&alice.actor], json!({}));
    let body = json!({
        "as": bob.id, "activity": create, "targets": [alice.actor], "proof": true,
    });
    case.pair.control.send(&body).await?;
    let one = case.subject_takes("Create", &[&text]).await?;
    let body: Value = serde_json::from_slice(&one.request.body).unwrap_or(Value::Null);
    require!(!body["proof"].is_null(), "the peer sent no proof");
    alice.finds("inbox", &[&text]).await?;
    Ok(())
}

async fn proof_broken(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    let (text, after) = (case.text("words"), case.text("after"));
    let mut create = bob.create(&text, &[&alice.actor], json!({}));
    create["proof"] = json!({
        "type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022",
        "proofPurpose": "assertionMethod", "verificationMethod": format!("{}#no-such-key", bob.id),
        "created": "2026-01-01T00:00:00Z", "proofValue": "z1111111111111111111111111111111111",
    });
    let sent = bob.offer(&create, &[&alice.actor]).await?;
    let status = sent.statuses.first().copied().unwrap_or_default();
    require!(status < 500, "the subject answered {status}");
    bob.note(&after, &[&alice.actor]).await?;
    alice.finds("inbox", &[&after]).await?;
    Ok(())
}

async fn proof_out(case: &Case<'_>) -> Outcome {
    let (alice, bob) = (case.account("a").await?, case.remote("b").await?);
    // A change of an actor is as public as the actor; what is private may be left without.
    bob.follows(&alice).await?;
    let name = case.text("name");
    let with = json!({ "display_name": name, "summary": case.text("summary") });
    alice.act("update_profile", with).await?;
    let body = bob.gets("Update", &[&alice.actor, &name]).await?;
    let proofs = match &body["proof"] {
        Value::Null => {
            let reason = "its Update of an actor has no integrity proof (FEP-8b32 is optional)";
            return Err(Stop::lacks(case.pair.subject.name(), reason));
        }
        Value::Array(proofs) => proofs.clone(),
        proof => vec![proof.clone()],
    };
    let actor = body["actor"].as_str().unwrap_or_default();
    for proof in proofs {
        require!(
            proof["type"] == "DataIntegrityProof",
            "its proof is a {}",
            proof["type"]
        );
        require!(
            proof["cryptosuite"] == "eddsa-jcs-2022",
            "it is by {}",
            proof["cryptosuite"]
        );
        let method = proof["verificationMethod"].as_str().unwrap_or_default();
        require!(
            method.starts_with(actor),
            "it is by {method}, not by {actor}"
        );
    }
    Ok(())
}
