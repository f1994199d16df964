//! Follow and Accept, both ways, with every peer.
#![cfg(test)]

use anyhow::Result;
use interop_tests::member::Member;
use interop_tests::network::Network;
use interop_tests::peer::Kind;
use interop_tests::peer::Peer;
use interop_tests::subject::Store;
use interop_tests::subject::Subject;
use interop_tests::wait;

async fn follows_are_accepted_both_ways(kind: Kind, store: Store) -> Result<()> {
    let network = Network::start().await?;
    let peer = Peer::start(kind, &network).await?;
    let subject = Subject::start(&network, "a", store).await?;
    let alice = Member::sign_up(&subject, "alice").await?;

    alice.follow(&peer.handle).await?;
    let follow = peer.expect("Follow", &alice.actor).await?;
    assert_eq!(follow["object"], peer.actor.as_str(), "{follow}");
    wait::until("the peer's Accept", || async {
        let following = alice.get("/api/v1/federation/following").await?;
        let mut items = following["items"].as_array().into_iter().flatten();
        let own = items.find(|item| item.to_string().contains(&peer.actor));
        Ok(own.filter(|item| item["state"] == "accepted").cloned())
    })
    .await?;

    let sent = peer.follow(&alice.actor).await?;
    let accept = peer.expect("Accept", &alice.actor).await?;
    assert_eq!(accept["actor"], alice.actor.as_str(), "{accept}");
    assert!(accept["object"].to_string().contains(&sent), "{accept}");
    Ok(())
}

#[tokio::test]
async fn follows_are_accepted_both_ways_with_fedify() -> Result<()> {
    follows_are_accepted_both_ways(Kind::Fedify, Store::Postgres).await
}

#[tokio::test]
async fn follows_are_accepted_both_ways_with_bovine() -> Result<()> {
    follows_are_accepted_both_ways(Kind::Bovine, Store::Sqlite).await
}
