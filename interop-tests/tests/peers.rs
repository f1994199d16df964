//! The peers among themselves: proves that the network and the control routes work, so that a
//! failure elsewhere is the server's.
#![cfg(test)]

use anyhow::Result;
use interop_tests::hostile::Hostile;
use interop_tests::hostile::forge::Forged;
use interop_tests::hostile::inbox_of;
use interop_tests::hostile::serve::Reply;
use interop_tests::network::Network;
use interop_tests::peer::Kind;
use interop_tests::peer::Peer;

#[tokio::test]
async fn fedify_and_bovine_federate_with_each_other() -> Result<()> {
    let network = Network::start().await?;
    let fedify = Peer::start(Kind::Fedify, &network).await?;
    let bovine = Peer::start(Kind::Bovine, &network).await?;
    for (from, to) in [(&fedify, &bovine), (&bovine, &fedify)] {
        assert_eq!(
            from.lookup(&to.handle).await?.as_deref(),
            Some(to.actor.as_str())
        );

        let follow = from.follow(&to.actor).await?;
        to.expect("Follow", &follow).await?;
        from.expect("Accept", &to.actor).await?;

        let note = from.dm(&to.actor, "<p>hello over there</p>").await?;
        to.expect("Create", &note).await?;
        from.edit(&to.actor, &note, "<p>hello again</p>").await?;
        to.expect("Update", "hello again").await?;
        from.delete(&to.actor, &note).await?;
        to.expect("Delete", &note).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_forge_signs_what_the_peers_accept() -> Result<()> {
    let network = Network::start().await?;
    let mallory = Hostile::start(&network, "mallory").await?;
    mallory.put_actor("mallory", Reply::status(202));
    let http = network.client()?;
    for kind in [Kind::Fedify, Kind::Bovine] {
        let peer = Peer::start(kind, &network).await?;
        let inbox = inbox_of(&http, &peer.actor).await?;
        let key_id = format!("{}#main-key", mallory.actor("mallory"));
        let create = mallory.create("mallory", &peer.actor, 1, "honest words");
        let honest = Forged::honest(&inbox, &key_id, &create)?;
        let changed = honest.body.replace("honest", "forged");
        let forged = Forged {
            sent_body: changed,
            ..honest.clone()
        };
        assert_eq!(forged.send(&http, mallory.key()).await?, 401, "{kind:?}");
        assert!(
            honest.send(&http, mallory.key()).await?.is_success(),
            "{kind:?}"
        );
        peer.expect("Create", "honest words").await?;
    }
    Ok(())
}
