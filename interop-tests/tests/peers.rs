//! The peers among themselves: proves that the network and the control routes work, so that a
//! failure elsewhere is the server's.
#![cfg(test)]

use anyhow::Result;
use interop_tests::network::Network;
use interop_tests::peer::Kind;
use interop_tests::peer::Peer;

#[tokio::test]
async fn fedify_and_bovine_federate_with_each_other() -> Result<()> {
    let network = Network::start().await?;
    let fedify = Peer::start(Kind::Fedify, &network).await?;
    let bovine = Peer::start(Kind::Bovine, &network).await?;
    for (from, to) in [(&fedify, &bovine), (&bovine, &fedify)] {
        assert!(
            to.refuses_unsigned().await?,
            "{:?} takes unsigned activities",
            to.kind
        );
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
