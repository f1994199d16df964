//! WebFinger as the server answers it (RFC 7033) and as it asks others.
#![cfg(test)]

use anyhow::Result;
use interop_tests::member::Member;
use interop_tests::network::Network;
use interop_tests::peer::Kind;
use interop_tests::peer::Peer;
use interop_tests::subject::Store;
use interop_tests::subject::Subject;
use serde_json::Value;

#[tokio::test]
async fn the_rules_of_rfc_7033_hold() -> Result<()> {
    let network = Network::start().await?;
    let subject = Subject::start(&network, "a", Store::Sqlite).await?;
    let alice = Member::sign_up(&subject, "alice").await?;
    let host = subject.authority();
    let (acct, actor) = (format!("resource=acct:alice@{host}"), &alice.actor);
    for (query, status) in [
        (String::new(), 400),
        ("?rel=self".to_owned(), 400),
        ("?resource=".to_owned(), 400),
        ("?resource=alice".to_owned(), 400),
        ("?resource=acct:alice".to_owned(), 400),
        ("?resource=%zz".to_owned(), 400),
        (format!("?{acct}&{acct}"), 400),
        (format!("?resource=acct:nobody@{host}"), 404),
        ("?resource=acct:alice@elsewhere.example".to_owned(), 404),
        ("?resource=urn:isbn:9780141036144".to_owned(), 404),
        (format!("?{acct}"), 200),
        (format!("?resource=acct%3AALICE%40{host}"), 200),
        (format!("?rel=self&unknown=1&{acct}&rel=author"), 200),
        (format!("?resource={actor}"), 200),
    ] {
        let url = format!("{}/.well-known/webfinger{query}", subject.origin());
        let answer = subject.http().get(&url).send().await?;
        assert_eq!(answer.status(), status, "{url}");
        assert_eq!(
            answer.headers()["access-control-allow-origin"],
            "*",
            "{url}"
        );
        if status != 200 {
            continue;
        }
        let media_type = answer.headers()["content-type"].to_str()?.to_owned();
        assert!(
            media_type.starts_with("application/jrd+json"),
            "{url}: {media_type}"
        );
        let document: Value = answer.json().await?;
        assert_eq!(document["subject"], format!("acct:alice@{host}"), "{url}");
        let links = document["links"].as_array().cloned().unwrap_or_default();
        let own: Vec<&Value> = links.iter().filter(|link| link["rel"] == "self").collect();
        assert_eq!(own.len(), 1, "{url}: {document}");
        assert_eq!(own[0]["href"], actor.as_str(), "{url}");
        assert!(
            !url.contains("rel=self") || links.len() == 1,
            "{url}: {document}"
        );
    }
    Ok(())
}

async fn handles_resolve_both_ways(kind: Kind, store: Store) -> Result<()> {
    let network = Network::start().await?;
    let peer = Peer::start(kind, &network).await?;
    let subject = Subject::start(&network, "a", store).await?;
    let alice = Member::sign_up(&subject, "alice").await?;
    assert_eq!(
        peer.lookup(&alice.handle).await?.as_deref(),
        Some(alice.actor.as_str())
    );
    let found = alice.resolve(&peer.handle).await?;
    assert_eq!(found["actor"], peer.actor.as_str(), "{found}");
    let nobody = peer.handle.replacen('@', "@nobody-", 1);
    assert!(kind == Kind::Bovine || alice.resolve(&nobody).await.is_err());
    Ok(())
}

#[tokio::test]
async fn handles_resolve_both_ways_with_fedify() -> Result<()> {
    handles_resolve_both_ways(Kind::Fedify, Store::Sqlite).await
}

#[tokio::test]
async fn handles_resolve_both_ways_with_bovine() -> Result<()> {
    handles_resolve_both_ways(Kind::Bovine, Store::Postgres).await
}
