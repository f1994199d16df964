//! Channels as documents of their own, and what strangers try with them; numbers are those of the
//! attack checklist.

use federation_core::testing::{TestDatabase, on_each_backend};
use serde_json::{Value, json};

use super::channels::{join, reads, square};
use super::pair::{actor, contents, fetch, handle, key, pair, post, until};
use crate::chat::world::{Answer, World};

const PUBLIC: &str = "https://www.w3.org/ns/activitystreams#Public";

/// A `Create` of a note in a group, by an actor.
pub(super) fn create(from: &str, name: &str, group: &str) -> Value {
    json!({
        "id": format!("{from}#{name}-create"), "type": "Create", "actor": from,
        "to": [PUBLIC], "cc": [group], "audience": group,
        "object": {
            "id": format!("{from}/{name}"), "type": "Note", "attributedTo": from,
            "content": format!("<p>{name}</p>"), "to": [PUBLIC], "cc": [group], "audience": group,
        },
    })
}

pub(super) fn announce(from: &str, name: &str, object: &Value) -> Value {
    json!({
        "id": format!("{from}#{name}-announce"), "type": "Announce", "actor": from,
        "to": [PUBLIC], "object": object, "sequence": 1,
    })
}

#[test]
fn a_public_channel_is_a_group_that_anybody_may_read() {
    on_each_backend(async |database: TestDatabase| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let (_, square) = square(&alice).await;
        let said = alice.say(&square, "hello").await;
        let path = format!("/channels/{square}");
        let group = fetch(&world, &path, None).await.expect(200);
        assert_eq!(group["type"], "Group");
        assert_eq!(group["id"], world.url(&path));
        assert_eq!(group["preferredUsername"], "general.main");
        assert_eq!(group["context"], world.url("/communities/main"));
        assert_eq!(group["inbox"], world.url(&format!("{path}/inbox")));
        assert!(group["publicKey"]["publicKeyPem"].is_string(), "{group:#}");
        let community = fetch(&world, "/communities/main", None).await.expect(200);
        assert_eq!(community["type"], "Organization");

        let name = handle(&world, "general.main");
        let acct = format!(
            "/.well-known/webfinger?resource=acct:{}",
            name.trim_start_matches('@')
        );
        let found = Answer::of(world.http.get(world.url(&acct))).await;
        let found = found.expect(200);
        assert_eq!(found["links"][0]["href"], world.url(&path), "{found:#}");

        let outbox = format!("{path}/outbox");
        let outbox = fetch(&world, &outbox, None).await.expect(200);
        assert_eq!(outbox.get("totalItems"), None, "counted: {outbox:#}");
        let first = outbox["first"].as_str().unwrap();
        let first = first.strip_prefix(world.url("").as_str()).unwrap();
        let page = fetch(&world, first, None).await.expect(200);
        assert_eq!(page.get("totalItems"), None, "counted: {page:#}");
        let entry = &page["orderedItems"][0];
        assert_eq!(entry["type"], "Announce", "{page:#}");
        assert_eq!(entry["object"]["id"], said["uri"]);
        assert!(entry["sequence"].is_i64());

        let note = said["uri"].as_str().unwrap();
        let note = note.strip_prefix(world.url("").as_str()).unwrap();
        let note = fetch(&world, note, None).await.expect(200);
        assert_eq!(note["audience"], json!([world.url(&path)]), "{note:#}");
        drop(alice);
        world.stop().await;
    });
}

#[test]
fn channels_of_one_name_and_threads_have_handles_of_their_own() {
    on_each_backend(async |database: TestDatabase| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let (community, square) = square(&alice).await;
        let path = format!("/api/v1/communities/{community}/channels");
        let second = alice.post(&path, &json!({"name": "General"})).await;
        let second = second.expect(201)["id"].as_str().unwrap().to_owned();
        let threads = format!("/api/v1/channels/{square}/threads");
        let thread = alice.post(&threads, &json!({"name": "aside"})).await;
        let thread = thread.expect(201)["id"].as_str().unwrap().to_owned();
        let found = async |name: &str| {
            let name = handle(&world, &format!("{name}.main"));
            let acct = format!(
                "/.well-known/webfinger?resource=acct:{}",
                name.trim_start_matches('@')
            );
            Answer::of(world.http.get(world.url(&acct))).await
        };
        for (asked, id, name) in [
            ("general", &square, "general"),
            ("GENERAL", &square, "general"),
            (square.as_str(), &square, "general"),
            (second.as_str(), &second, second.as_str()),
            (thread.as_str(), &thread, thread.as_str()),
        ] {
            let group = format!("/channels/{id}");
            let jrd = found(asked).await.expect(200);
            assert_eq!(
                jrd["links"][0]["href"],
                world.url(&group),
                "{asked}: {jrd:#}"
            );
            let subject = handle(&world, &format!("{name}.main"));
            assert_eq!(
                jrd["subject"],
                format!("acct:{}", subject.trim_start_matches('@')),
                "{asked}"
            );
            let document = fetch(&world, &group, None).await.expect(200);
            assert_eq!(document["preferredUsername"], format!("{name}.main"));
        }
        assert_eq!(found("aside").await.status, 404);
        drop(alice);
        world.stop().await;
    });
}

#[test]
fn attack_67_a_private_channel_is_not_there_for_strangers() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let alice = a.member("alice").await;
        b.member("bob").await;
        let (community, _) = square(&alice).await;
        let new = json!({"name": "secret", "is_private": true});
        let path = format!("/api/v1/communities/{community}/channels");
        let made = alice.post(&path, &new).await.expect(201);
        let channel = made["id"].as_str().unwrap();
        let said = alice.say(channel, "hush").await;
        let (from, signed) = (actor(&b, "bob"), key(&b, "bob").await);
        let note = said["uri"].as_str().unwrap();
        let note = note.strip_prefix(a.url("").as_str()).unwrap().to_owned();
        for path in [
            format!("/channels/{channel}"),
            format!("/channels/{channel}/outbox"),
            format!("/channels/{channel}/history"),
            format!("/channels/{channel}/followers"),
            note,
        ] {
            assert_eq!(fetch(&a, &path, None).await.status, 404, "{path}");
            assert_eq!(fetch(&a, &path, Some(&signed)).await.status, 404, "{path}");
        }
        let name = handle(&a, "secret.main");
        let acct = format!(
            "/.well-known/webfinger?resource=acct:{}",
            name.trim_start_matches('@')
        );
        assert_eq!(Answer::of(a.http.get(a.url(&acct))).await.status, 404);

        // A Follow and a message are taken, and nothing comes of them.
        let group = a.url(&format!("/channels/{channel}"));
        let follow = json!({
            "id": format!("{from}#f"), "type": "Follow", "actor": from, "object": group,
        });
        assert_eq!(post(&a, "/inbox", &signed, &follow).await.status, 202);
        let said = create(from.as_str(), "intruder", &group);
        assert_eq!(post(&a, "/inbox", &signed, &said).await.status, 202);
        assert_eq!(contents(&alice, channel).await, ["hush"]);
        let people = format!("/api/v1/communities/{community}/members");
        let people = alice.get(&people).await.expect(200);
        assert_eq!(people["items"].as_array().unwrap().len(), 1, "{people:#}");
        drop(alice);
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn who_is_no_member_says_nothing_in_a_channel() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let alice = a.member("alice").await;
        b.member("mallory").await;
        let (_, square) = square(&alice).await;
        let group = a.url(&format!("/channels/{square}"));
        let (from, signed) = (actor(&b, "mallory"), key(&b, "mallory").await);
        let said = create(from.as_str(), "uninvited", &group);
        assert_eq!(post(&a, "/inbox", &signed, &said).await.status, 202);
        let path = format!("/channels/{square}/inbox");
        assert_eq!(post(&a, &path, &signed, &said).await.status, 202);
        assert!(contents(&alice, &square).await.is_empty());
        drop(alice);
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn attacks_35_and_36_forged_announcements_come_to_nothing() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let alice = a.member("alice").await;
        a.member("mallory").await;
        let bob = b.member("bob").await;
        let (community, square) = square(&alice).await;
        let mirror = join(&bob, &a).await;
        let group = a.url(&format!("/channels/{square}"));
        let (from, signed) = (actor(&a, "mallory"), key(&a, "mallory").await);
        let own = create(from.as_str(), "own", &group);

        // By somebody else of the Group's node.
        let forged = announce(from.as_str(), "own", &own);
        assert_eq!(post(&b, "/inbox", &signed, &forged).await.status, 202);
        // In the Group's name, by another key.
        let forged = announce(&group, "own", &own);
        let answer = post(&b, "/inbox", &signed, &forged).await;
        assert!(matches!(answer.status, 401 | 403 | 422), "{answer:#?}");
        // Without an announcement at all.
        assert_eq!(post(&b, "/inbox", &signed, &own).await.status, 202);

        // By the Group itself: words of somebody who has not said them.
        let groups = &a.app.parts().edge;
        let groups = groups.keys().of(&group.parse().unwrap()).await;
        let by_group = groups.unwrap().rsa().clone();
        let forged = announce(&group, "forged", &own);
        let answer = post(&b, "/inbox", &by_group, &forged).await;
        assert!(matches!(answer.status, 202 | 503), "{answer:#?}");
        // An announcement of an announcement.
        let twice = announce(&group, "twice", &announce(&group, "inner", &own));
        assert_eq!(post(&b, "/inbox", &by_group, &twice).await.status, 202);
        // In the name of a member of the receiving node, who has said nothing.
        let bobs = create(actor(&b, "bob").as_str(), "never", &group);
        let never = announce(&group, "never", &bobs);
        assert_eq!(post(&b, "/inbox", &by_group, &never).await.status, 202);
        // Its own words, for another Group.
        let new = json!({"name": "other"});
        let path = format!("/api/v1/communities/{community}/channels");
        let other = alice.post(&path, &new).await.expect(201);
        let other = a.url(&format!("/channels/{}", other["id"].as_str().unwrap()));
        let elsewhere = announce(&group, "elsewhere", &create(&group, "elsewhere", &other));
        assert_eq!(post(&b, "/inbox", &by_group, &elsewhere).await.status, 202);

        alice.say(&square, "true").await;
        reads(&bob, &mirror, &["true"]).await;
        drop((alice, bob));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn attack_34_a_group_takes_out_what_is_its_own_alone() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        a.member("mallory").await;
        let (_, square) = square(&alice).await;
        let mirror = join(&bob, &a).await;
        let said = alice.say(&square, "stays").await;
        reads(&bob, &mirror, &["stays"]).await;
        let group = a.url(&format!("/channels/{square}"));
        let (from, signed) = (actor(&a, "mallory"), key(&a, "mallory").await);
        let remove = json!({
            "id": format!("{from}#remove"), "type": "Remove", "actor": from,
            "object": said["uri"], "target": format!("{group}/history"),
        });
        assert_eq!(post(&b, "/inbox", &signed, &remove).await.status, 202);

        // A direct message is in no Group, whoever says so.
        let dm = alice.dm(&[&handle(&b, "bob")]).await;
        let private = alice.say(&dm, "between us").await;
        let at_bob = super::pair::conversation(&bob).await;
        reads(&bob, &at_bob, &["between us"]).await;
        let groups = &a.app.parts().edge;
        let keys = groups.keys().of(&group.parse().unwrap()).await.unwrap();
        let remove = json!({
            "id": format!("{group}#remove"), "type": "Remove", "actor": group,
            "object": private["uri"], "target": format!("{group}/history"),
        });
        let answer = post(&b, "/inbox", keys.rsa(), &remove).await;
        assert_eq!(answer.status, 202, "{answer:#?}");
        assert_eq!(contents(&bob, &at_bob).await, ["between us"]);
        assert_eq!(contents(&bob, &mirror).await, ["stays"]);
        drop((alice, bob));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn what_a_group_takes_out_of_another_list_is_still_said() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (_, square) = square(&alice).await;
        let mirror = join(&bob, &a).await;
        let said = alice.say(&square, "pinned").await;
        reads(&bob, &mirror, &["pinned"]).await;
        let group = a.url(&format!("/channels/{square}"));
        let groups = &a.app.parts().edge;
        let keys = groups.keys().of(&group.parse().unwrap()).await.unwrap();
        let remove = async |list: &str| {
            let removal = json!({
                "id": format!("{group}#remove-{list}"), "type": "Remove", "actor": group,
                "to": [PUBLIC], "object": said["uri"], "target": format!("{group}/{list}"),
            });
            post(&b, "/inbox", keys.rsa(), &removal).await.status
        };
        for list in ["featured", "moderators", "history/2"] {
            assert_eq!(remove(list).await, 202, "{list}");
            assert_eq!(contents(&bob, &mirror).await, ["pinned"], "{list}");
        }
        assert_eq!(remove("history").await, 202);
        assert!(contents(&bob, &mirror).await.is_empty());
        drop((alice, bob));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn attack_28_only_its_author_changes_what_was_said_in_a_channel() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let mallory = b.member("mallory").await;
        let (_, square) = square(&alice).await;
        let mirror = join(&bob, &a).await;
        join(&mallory, &a).await;
        let said = bob.say(&mirror, "as bob said it").await;
        reads(&alice, &square, &["as bob said it"]).await;
        let group = a.url(&format!("/channels/{square}"));
        let (from, signed) = (actor(&b, "mallory"), key(&b, "mallory").await);
        let mut update = create(from.as_str(), "x", &group);
        update["type"] = json!("Update");
        update["object"]["id"] = said["uri"].clone();
        let answer = post(&a, "/inbox", &signed, &update).await;
        assert!(matches!(answer.status, 202 | 403), "{answer:#?}");
        let delete = json!({
            "id": format!("{from}#delete"), "type": "Delete", "actor": from,
            "object": said["uri"], "to": [PUBLIC], "cc": [group],
        });
        let answer = post(&a, "/inbox", &signed, &delete).await;
        assert!(matches!(answer.status, 202 | 403), "{answer:#?}");
        assert_eq!(contents(&alice, &square).await, ["as bob said it"]);
        drop((alice, bob, mallory));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn slow_mode_counts_for_members_of_other_servers() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (_, square) = square(&alice).await;
        let mirror = join(&bob, &a).await;
        let path = format!("/api/v1/channels/{square}");
        let slow = json!({"slow_mode_seconds": 3600});
        alice.patch(&path, &slow).await.expect(200);
        let first = bob.say(&mirror, "first").await;
        bob.say(&mirror, "too soon").await;
        // Both have arrived once the second is no longer on its way.
        until("end of both", async || {
            let path = format!("/api/v1/channels/{mirror}/messages");
            let page = bob.get(&path).await.expect(200);
            let items = page["items"].as_array().unwrap().iter();
            let mut states = items.map(|item| &item["delivery"][0]["state"]);
            states.all(|state| state == "delivered").then_some(())
        })
        .await;
        let page = alice.get(&format!("{path}/messages")).await.expect(200);
        assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page:#}");
        assert_eq!(page["items"][0]["uri"], first["uri"]);
        drop((alice, bob));
        a.stop().await;
        b.stop().await;
    });
}
