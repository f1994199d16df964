//! Edits and deletions of direct messages, both ways, with every peer.
#![cfg(test)]

use anyhow::Context as _;
use anyhow::Result;
use interop_tests::member::Member;
use interop_tests::network::Network;
use interop_tests::peer::Kind;
use interop_tests::peer::Peer;
use interop_tests::subject::Store;
use interop_tests::subject::Subject;

async fn edits_and_deletions_arrive_both_ways(kind: Kind, store: Store) -> Result<()> {
    let network = Network::start().await?;
    let peer = Peer::start(kind, &network).await?;
    let subject = Subject::start(&network, "a", store).await?;
    let alice = Member::sign_up(&subject, "alice").await?;
    let mut socket = alice.socket(None).await?;

    let channel = alice.dm(&[&peer.handle]).await?;
    let message = alice.send(&channel, "first words").await?;
    let message = message["id"].as_str().context("no id")?;
    let created = peer.expect("Create", "first words").await?;
    let note = created["object"]["id"]
        .as_str()
        .context("no note")?
        .to_owned();
    alice.edit(&channel, message, "second words").await?;
    let updated = peer.expect("Update", "second words").await?;
    assert_eq!(updated["object"]["id"], note.as_str());
    alice.delete(&channel, message).await?;
    let deleted = peer.expect("Delete", &note).await?;
    assert_eq!(deleted["actor"], alice.actor.as_str());

    let note = peer.dm(&alice.actor, "<p>their first words</p>").await?;
    let theirs = loop {
        let created = socket.event("message.created").await?;
        if created.to_string().contains("their first words") {
            break created;
        }
    };
    peer.edit(&alice.actor, &note, "<p>their second words</p>")
        .await?;
    loop {
        let edited = socket.event("message.updated").await?;
        if edited["id"] == theirs["id"] {
            assert!(
                edited.to_string().contains("their second words"),
                "{edited}"
            );
            break;
        }
    }
    peer.delete(&alice.actor, &note).await?;
    loop {
        let gone = socket.event("message.deleted").await?;
        if gone
            .to_string()
            .contains(theirs["id"].as_str().context("no id")?)
        {
            break;
        }
    }
    let left = serde_json::to_string(&alice.messages(&channel).await?)?;
    assert!(!left.contains("words"), "{left}");
    Ok(())
}

#[tokio::test]
async fn edits_and_deletions_arrive_both_ways_with_fedify() -> Result<()> {
    edits_and_deletions_arrive_both_ways(Kind::Fedify, Store::Postgres).await
}

#[tokio::test]
async fn edits_and_deletions_arrive_both_ways_with_bovine() -> Result<()> {
    edits_and_deletions_arrive_both_ways(Kind::Bovine, Store::Sqlite).await
}
