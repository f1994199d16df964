//! The peers among themselves: proves that the network and the control routes work, so that a
//! failure elsewhere is the server's.
#![cfg(test)]

use anyhow::Context as _;
use anyhow::Result;
use anyhow::anyhow;
use interop_tests::adapter::Description;
use interop_tests::case::contains;
use interop_tests::case::is_a;
use interop_tests::control::Control;
use interop_tests::hostile::Hostile;
use interop_tests::hostile::forge::Forged;
use interop_tests::hostile::inbox_of;
use interop_tests::hostile::serve::Reply;
use interop_tests::network::Network;
use interop_tests::outcome::Outcome;
use interop_tests::pair::Options;
use interop_tests::pair::Pair;
use interop_tests::peer::Kind;
use interop_tests::peer::Peer;
use interop_tests::wait;
use serde_json::Value;
use serde_json::json;

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

fn done<T>(outcome: Outcome<T>) -> Result<T> {
    outcome.map_err(|stop| anyhow!("{stop}"))
}

/// Who a server says that it is: id and handle of its first actor.
async fn who(control: &Control) -> Result<(String, String)> {
    let ready = done(control.get("ready").await)?;
    let text = |name: &str| ready[name].as_str().map(str::to_owned).context("no actor");
    Ok((text("actor")?, text("handle")?))
}

/// Has a server send an activity, which the other one has to take; gives the ids of the activity and
/// of its object.
async fn send(by: &Control, activity: Value, target: &str) -> Result<(String, Option<String>)> {
    let body = json!({ "activity": activity, "targets": [target] });
    let sent = done(by.send(&body).await)?;
    let taken = sent.statuses.iter().all(|one| (200..300).contains(one));
    assert!(taken && !sent.statuses.is_empty(), "{body}: {sent:?}");
    Ok((sent.activity, sent.object))
}

/// Waits until a server has verified an activity of a type that contains all of `parts`.
async fn takes(control: &Control, kind: &str, parts: &[&str]) -> Result<()> {
    let what = format!("{kind} with {parts:?} at {}", control.name());
    let probe = || async {
        let all = done(control.received("").await)?;
        let came = all
            .iter()
            .any(|one| is_a(one, kind) && contains(one, parts));
        Ok(came.then_some(()))
    };
    wait::until(&what, probe).await
}

/// Has a peer and Fedify do with each other, over the routes that a run uses, what the first test
/// does.
async fn federates_with_fedify(name: &str) -> Result<()> {
    let (fedify, other) = (Description::find("fedify")?, Description::find(name)?);
    let pair = Pair::start(&fedify, &other, &Options::default()).await?;
    let http = pair.subject.http().clone();
    let fedify = Control::new(pair.subject.name(), &pair.subject.control()?, http);
    for (from, to) in [(&fedify, &pair.control), (&pair.control, &fedify)] {
        let ((actor, _), (target, handle)) = (who(from).await?, who(to).await?);
        let found = done(from.get(&format!("lookup?handle={handle}")).await)?;
        assert_eq!(found["actor"], target, "{found}");

        let followed = done(from.post("follow", &json!({ "target": target })).await)?;
        let follow = followed["activity"].as_str().context("no id of a Follow")?;
        takes(to, "Follow", &[follow]).await?;
        takes(from, "Accept", &[&target]).await?;

        let note = |more: Value| -> Value {
            let mut note = json!({
                "type": "Note", "attributedTo": actor, "to": [target],
                "tag": [{ "type": "Mention", "href": target }],
            });
            if let (Some(note), Value::Object(more)) = (note.as_object_mut(), more) {
                note.extend(more);
            }
            note
        };
        let first = note(json!({ "content": "<p>hello over there</p>" }));
        let create = json!({ "type": "Create", "to": [target], "object": first });
        let (create, object) = send(from, create, &target).await?;
        let object = object.context("no id of a Note")?;
        takes(to, "Create", &[&create, &object, "hello over there"]).await?;

        let when = "2099-01-01T00:00:00Z";
        let second =
            note(json!({ "id": object, "content": "<p>hello again</p>", "updated": when }));
        let update = json!({ "type": "Update", "to": [target], "object": second });
        send(from, update, &target).await?;
        takes(to, "Update", &[&object, "hello again"]).await?;

        let gone = json!({ "type": "Tombstone", "id": object });
        let delete = json!({ "type": "Delete", "to": [target], "object": gone });
        send(from, delete, &target).await?;
        takes(to, "Delete", &[&object]).await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "cargo xtask interop installs it, and runs this"]
async fn cattle_grid_and_fedify_federate_with_each_other() -> Result<()> {
    Box::pin(federates_with_fedify("cattle_grid")).await
}

#[tokio::test]
#[ignore = "cargo xtask interop installs it, and runs this"]
async fn apx_sdk_and_fedify_federate_with_each_other() -> Result<()> {
    Box::pin(federates_with_fedify("apx_sdk")).await
}

#[tokio::test]
#[ignore = "cargo xtask interop installs it, and runs this"]
async fn activitypub_federation_and_fedify_federate_with_each_other() -> Result<()> {
    Box::pin(federates_with_fedify("activitypub_federation")).await
}
