//! Direct messages, both ways, with every peer.
#![cfg(test)]

use anyhow::Result;
use interop_tests::member::Member;
use interop_tests::network::Network;
use interop_tests::peer::Kind;
use interop_tests::peer::Peer;
use interop_tests::subject::Store;
use interop_tests::subject::Subject;
use interop_tests::wait;

async fn messages_arrive_both_ways(kind: Kind, store: Store) -> Result<()> {
    let network = Network::start().await?;
    let peer = Peer::start(kind, &network).await?;
    let subject = Subject::start(&network, "a", store).await?;
    let alice = Member::sign_up(&subject, "alice").await?;
    let mut socket = alice.socket(None).await?;

    let channel = alice.dm(&[&peer.handle]).await?;
    let sent = alice.send(&channel, "hello **over there**").await?;
    let created = peer.expect("Create", "over there").await?;
    assert_eq!(created["actor"], alice.actor.as_str());
    let note = &created["object"];
    assert_eq!(note["type"], "Note", "{created}");
    assert!(
        note["content"]
            .to_string()
            .contains("<strong>over there</strong>"),
        "{note}"
    );
    assert!(
        note["tag"].to_string().contains(&peer.actor),
        "no mention: {note}"
    );
    assert!(
        !created.to_string().contains("#Public"),
        "not private: {created}"
    );
    wait::until("the delivery to be noted", || async {
        let path = format!(
            "/api/v1/channels/{channel}/messages/{}",
            sent["id"].as_str().unwrap()
        );
        let message = alice.get(&path).await?;
        Ok(message["delivery"]
            .to_string()
            .contains("delivered")
            .then_some(()))
    })
    .await?;

    peer.dm(
        &alice.actor,
        "<p>hello <b>back</b><script>alert(1)</script></p>",
    )
    .await?;
    loop {
        let message = socket.event("message.created").await?;
        if !message.to_string().contains("back") {
            continue;
        }
        assert_eq!(
            message["channel_id"],
            channel.as_str(),
            "another conversation: {message}"
        );
        assert!(!message.to_string().contains("<script"), "{message}");
        break;
    }
    let all = alice.messages(&channel).await?;
    assert_eq!(all.len(), 2, "{all:?}");
    Ok(())
}

#[tokio::test]
async fn messages_arrive_both_ways_with_fedify() -> Result<()> {
    messages_arrive_both_ways(Kind::Fedify, Store::Sqlite).await
}

#[tokio::test]
async fn messages_arrive_both_ways_with_bovine() -> Result<()> {
    messages_arrive_both_ways(Kind::Bovine, Store::Postgres).await
}
