//! Reactions: put on, counted, told, taken off, and exchanged with other nodes.

use federation_core::testing::on_each_backend;
use reqwest::Method;
use serde_json::{Value, json};

use super::world::{Answer, Member, World};
use crate::communities::village::{Village, people};
use crate::federation::pair::{actor, conversation, handle, key, pair, post, until};

/// Where a message is.
fn path_of(message: &Value) -> String {
    format!(
        "/api/v1/channels/{}/messages/{}",
        message["channel_id"].as_str().unwrap(),
        message["id"].as_str().unwrap()
    )
}

async fn react(by: &Member<'_>, message: &Value, emoji: &str) -> u16 {
    let path = format!("{}/reactions/{emoji}", path_of(message));
    by.put(&path, &json!({})).await.status
}

async fn reactions(by: &Member<'_>, message: &Value) -> Value {
    by.get(&path_of(message)).await.expect(200)["reactions"].clone()
}

#[test]
fn reactions_are_counted_told_and_taken_off() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let sent = alice.say(&dm, "hello").await;
        assert_eq!(
            (&sent["reactions"], &sent["pinned"]),
            (&json!([]), &json!(false))
        );
        let (mut socket, _) = bob.socket(None).await;
        // However it is written, it is one emoji.
        for written in ["\u{2764}", "\u{2764}\u{fe0f}", "\u{2764}\u{fe0e}"] {
            assert_eq!(react(&alice, &sent, written).await, 204);
        }
        assert_eq!(react(&bob, &sent, "\u{1f525}").await, 204);
        assert_eq!(react(&bob, &sent, "\u{2764}").await, 204);
        for (who, emoji) in [(&alice, "\u{2764}\u{fe0f}"), (&bob, "\u{1f525}")] {
            let told = socket.next().await;
            assert_eq!(told["op"], "reaction.added");
            let expected = json!({
                "message_id": sent["id"], "channel_id": dm, "user_id": who.id, "emoji": emoji,
            });
            assert_eq!(told["d"], expected);
        }
        assert_eq!(socket.next().await["d"]["user_id"], bob.id.as_str());
        let shown = json!([
            {"emoji": "\u{2764}\u{fe0f}", "count": 2, "users": [alice.id, bob.id]},
            {"emoji": "\u{1f525}", "count": 1, "users": [bob.id]},
        ]);
        assert_eq!(reactions(&alice, &sent).await, shown);
        let list = alice.get(&format!("/api/v1/channels/{dm}/messages")).await;
        assert_eq!(list.expect(200)["items"][0]["reactions"], shown);
        // An edit tells them too.
        let edited = alice.patch(&path_of(&sent), &json!({"content": "x"})).await;
        assert_eq!(edited.expect(200)["reactions"], shown);
        assert_eq!(socket.next().await["d"]["reactions"], shown);
        let who = format!("{}/reactions/\u{2764}?limit=1", path_of(&sent));
        let page = alice.get(&who).await.expect(200);
        assert_eq!(page["items"][0]["user"]["id"], bob.id.as_str());
        let next = page["next"].as_str().unwrap();
        let page = alice.get(&format!("{who}&before={next}")).await.expect(200);
        assert_eq!(page["items"][0]["user"]["id"], alice.id.as_str());
        assert!(page["next"].is_null(), "{page:#}");
        let off = format!("{}/reactions/\u{2764}", path_of(&sent));
        for _ in 0..2 {
            alice.delete(&off).await.expect(204);
        }
        let told = socket.next().await;
        assert_eq!(told["op"], "reaction.removed");
        assert_eq!(told["d"]["user_id"], alice.id.as_str());
        bob.delete(&off).await.expect(204);
        let left = reactions(&bob, &sent).await;
        assert_eq!(left.as_array().unwrap().len(), 1, "{left:#}");
        alice.get(&off).await.expect_problem(404, "not_found");
        // What was said of a message goes with it, also for those who come back.
        let ready = socket.next().await["seq"].as_i64().unwrap();
        alice.delete(&path_of(&sent)).await.expect(204);
        let (mut again, _) = bob.socket(Some(ready)).await;
        assert_eq!(again.next().await["op"], "message.deleted");
        world.stop().await;
    });
}

#[test]
fn i2_of_many_puts_at_once_one_counts() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let sent = alice.say(&dm, "hello").await;
        let both = [&alice, &bob];
        let puts = (0..40).map(|index| react(both[index % 2], &sent, "\u{1f44d}"));
        let answers = futures_util::future::join_all(puts).await;
        assert!(answers.iter().all(|status| *status == 204), "{answers:?}");
        let shown = reactions(&alice, &sent).await;
        assert_eq!(shown[0]["count"], 2, "{shown:#}");
        assert_eq!(shown[0]["users"].as_array().unwrap().len(), 2);
        world.stop().await;
    });
}

#[test]
fn reactions_are_bounded_and_for_those_who_see_the_message() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, carol) = (world.member("alice").await, world.member("carol").await);
        let bob = world.member("bob").await;
        let dm = alice.dm(&["bob"]).await;
        let sent = alice.say(&dm, "hello").await;
        let one = format!("{}/reactions/\u{1f44d}", path_of(&sent));
        let nothing = json!({});
        for refused in [
            carol.put(&one, &nothing).await,
            carol.get(&one).await,
            carol.delete(&one).await,
            carol.delete(&format!("{one}/{}", bob.id)).await,
            carol.delete(&format!("{}/reactions", path_of(&sent))).await,
        ] {
            refused.expect_problem(404, "not_found");
        }
        for (emoji, code) in [
            ("a", "invalid_emoji"),
            ("\u{1f44d}\u{1f44d}", "invalid_emoji"),
            (":..:", "invalid_emoji"),
            (":parrot:", "unknown_emoji"),
        ] {
            let path = format!("{}/reactions/{emoji}", path_of(&sent));
            alice.put(&path, &nothing).await.expect_problem(422, code);
        }
        let food = ('\u{1f345}'..='\u{1f358}').map(String::from);
        let food: Vec<String> = food.collect();
        assert_eq!(food.len(), 20);
        for emoji in &food {
            assert_eq!(react(&alice, &sent, emoji).await, 204, "{emoji}");
        }
        let full = bob.put(&one, &nothing).await;
        full.expect_problem(409, "too_many_reactions");
        // Those that are there still count on, in the order of their first use.
        assert_eq!(react(&bob, &sent, &food[19]).await, 204);
        let shown = reactions(&bob, &sent).await;
        let shown = shown.as_array().unwrap();
        let order = shown.iter().map(|it| it["emoji"].as_str().unwrap());
        assert!(order.eq(food.iter().map(String::as_str)), "{shown:#?}");
        assert_eq!(shown[19]["count"], 2);
        // Nobody takes the emoji of others off in a conversation.
        let theirs = format!("{}/reactions/{}/{}", path_of(&sent), food[0], alice.id);
        let refused = bob.delete(&theirs).await;
        refused.expect_problem(403, "missing_permission");
        alice.delete(&theirs).await.expect(204);
        world.stop().await;
    });
}

#[test]
fn communities_say_who_reacts_and_moderators_take_off() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann", "bob"]).await;
        let [owner, ann, bob] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        for member in [ann, bob] {
            village.let_in(owner, member).await;
        }
        let sent = owner.say(&village.square, "hello").await;
        for member in [ann, bob] {
            assert_eq!(react(member, &sent, "\u{1f44d}").await, 204);
            assert_eq!(react(member, &sent, "\u{1f525}").await, 204);
        }
        let one = format!("{}/reactions/\u{1f44d}", path_of(&sent));
        let theirs = format!("{one}/{}", ann.id);
        bob.delete(&theirs)
            .await
            .expect_problem(403, "missing_permission");
        owner.delete(&theirs).await.expect(204);
        let all = format!("{}/reactions", path_of(&sent));
        bob.delete(&all)
            .await
            .expect_problem(403, "missing_permission");
        let (mut socket, _) = bob.socket(None).await;
        owner.delete(&all).await.expect(204);
        let told = socket.next_op("reaction.cleared").await;
        assert_eq!(
            told["d"],
            json!({"message_id": sent["id"], "channel_id": village.square})
        );
        assert_eq!(reactions(ann, &sent).await, json!([]));
        let log = owner
            .get(&village.path("/audit-log?limit=2"))
            .await
            .expect(200);
        assert_eq!(log["items"][0]["action"], "reaction.clear", "{log:#}");
        assert_eq!(log["items"][1]["action"], "reaction.delete", "{log:#}");
        let everyone = village.everyone(owner).await;
        let held = json!({"permissions": ["view_channel", "read_history", "send_messages"]});
        let path = village.path(&format!("/roles/{everyone}"));
        owner.patch(&path, &held).await.expect(200);
        let refused = ann.put(&one, &json!({})).await;
        refused.expect_problem(403, "missing_permission");
        let archive = json!({"is_archived": true});
        let channel = format!("/api/v1/channels/{}", village.square);
        owner.patch(&channel, &archive).await.expect(200);
        let refused = owner.put(&one, &json!({})).await;
        refused.expect_problem(409, "channel_archived");
        world.stop().await;
    });
}

/// The reactions to the newest message, once they are as expected.
async fn reacted(by: &Member<'_>, channel: &str, expected: &[(&str, i64)]) {
    let path = format!("/api/v1/channels/{channel}/messages?limit=1");
    until("reactions as expected", async || {
        let page = by.get(&path).await.expect(200);
        let shown = page["items"][0]["reactions"].as_array()?;
        let shown = shown
            .iter()
            .map(|it| (it["emoji"].as_str(), it["count"].as_i64()));
        let shown: Option<Vec<(&str, i64)>> =
            shown.map(|(emoji, count)| Some((emoji?, count?))).collect();
        (shown? == expected).then_some(())
    })
    .await;
}

#[test]
fn reactions_pass_between_nodes_both_ways() {
    on_each_backend(async |database| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let dm = alice.dm(&[&handle(&b, "bob")]).await;
        let sent = alice.say(&dm, "hello").await;
        let there = conversation(&bob).await;
        let page = format!("/api/v1/channels/{there}/messages");
        let came = until("the message", async || {
            let page = bob.get(&page).await.expect(200);
            page["items"].get(0).cloned()
        })
        .await;
        assert_eq!(react(&bob, &came, "\u{1f525}").await, 204);
        reacted(&alice, &dm, &[("\u{1f525}", 1)]).await;
        assert_eq!(react(&alice, &sent, "\u{1f525}").await, 204);
        assert_eq!(react(&alice, &sent, "\u{1f44d}").await, 204);
        reacted(&bob, &there, &[("\u{1f525}", 2), ("\u{1f44d}", 1)]).await;
        let off = format!("{}/reactions/\u{1f525}", path_of(&came));
        bob.delete(&off).await.expect(204);
        reacted(&alice, &dm, &[("\u{1f525}", 1), ("\u{1f44d}", 1)]).await;
        let off = format!("{}/reactions/\u{1f44d}", path_of(&sent));
        alice.delete(&off).await.expect(204);
        reacted(&bob, &there, &[("\u{1f525}", 1)]).await;
        // Both forms are taken, a like without an emoji too; custom emoji come as names.
        let signing = key(&b, "bob").await;
        let me = actor(&b, "bob");
        let activity = |number: u32, kind: &str, content: Value| {
            let mut activity = json!({
                "@context": "https://www.w3.org/ns/activitystreams",
                "id": format!("{me}/likes/{number}"), "type": kind, "actor": me,
                "object": sent["uri"], "to": [actor(&a, "alice")],
            });
            if !content.is_null() {
                activity["content"] = content;
            }
            activity
        };
        let first = activity(1, "Like", Value::Null);
        post(&a, "/inbox", &signing, &first).await.expect(202);
        let custom = activity(2, "EmojiReact", json!(":blobcat:"));
        post(&a, "/inbox", &signing, &custom).await.expect(202);
        let unfit = activity(3, "EmojiReact", json!("<b>no</b>"));
        post(&a, "/inbox", &signing, &unfit).await.expect(202);
        let heart = "\u{2764}\u{fe0f}";
        reacted(
            &alice,
            &dm,
            &[("\u{1f525}", 1), (heart, 1), (":blobcat:", 1)],
        )
        .await;
        let undo = |number: u32, object: Value| {
            json!({
                "@context": "https://www.w3.org/ns/activitystreams",
                "id": format!("{me}/undos/{number}"), "type": "Undo", "actor": me, "object": object,
            })
        };
        // By its id, and by what it was when the id is not known.
        let by_id = undo(1, first["id"].clone());
        post(&a, "/inbox", &signing, &by_id).await.expect(202);
        let mut other = custom.clone();
        other["id"] = json!(format!("{me}/likes/other"));
        post(&a, "/inbox", &signing, &undo(2, other))
            .await
            .expect(202);
        reacted(&alice, &dm, &[("\u{1f525}", 1)]).await;
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn attack_who_is_not_in_the_conversation_does_not_react_from_elsewhere() {
    on_each_backend(async |database| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        b.member("eve").await;
        let dm = alice.dm(&[&handle(&b, "bob")]).await;
        let sent = alice.say(&dm, "hello").await;
        let there = conversation(&bob).await;
        let eve = actor(&b, "eve");
        let signing = key(&b, "eve").await;
        let like = json!({
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": format!("{eve}/likes/1"), "type": "Like", "actor": eve,
            "object": sent["uri"], "content": "\u{1f525}",
        });
        post(&a, "/inbox", &signing, &like).await.expect(202);
        assert_eq!(reactions(&alice, &sent).await, json!([]));
        // Nor does eve take off what somebody else put there.
        let page = format!("/api/v1/channels/{there}/messages");
        let came = until("the message", async || {
            let page = bob.get(&page).await.expect(200);
            page["items"].get(0).cloned()
        })
        .await;
        assert_eq!(react(&bob, &came, "\u{1f525}").await, 204);
        reacted(&alice, &dm, &[("\u{1f525}", 1)]).await;
        let undo = json!({
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": format!("{eve}/undos/1"), "type": "Undo", "actor": eve, "object": like,
        });
        post(&a, "/inbox", &signing, &undo).await.expect(202);
        reacted(&alice, &dm, &[("\u{1f525}", 1)]).await;
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn what_somebody_of_another_node_puts_there_who_was_blocked_is_dropped() {
    on_each_backend(async |database| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let dm = alice.dm(&[&handle(&b, "bob")]).await;
        let poll = json!({"options": ["yes", "no"], "ends_in": 600});
        let body = json!({"content": "?", "poll": poll});
        let list = format!("/api/v1/channels/{dm}/messages");
        let sent = alice.post(&list, &body).await.expect(201);
        conversation(&bob).await;
        let people = alice.get(&format!("/api/v1/channels/{dm}/members")).await;
        let people = people.expect(200)["items"].clone();
        let other = people.as_array().unwrap().iter();
        let mut other = other.filter(|one| one["user"]["id"] != alice.id.as_str());
        let other = other.next().unwrap()["user"]["id"].clone();
        let block = format!("/api/v1/users/@me/blocks/{}", other.as_str().unwrap());
        alice.put(&block, &json!({})).await.expect(200);
        let (me, signing) = (actor(&b, "bob"), key(&b, "bob").await);
        let like = |number: u32| {
            json!({
                "@context": "https://www.w3.org/ns/activitystreams",
                "id": format!("{me}/likes/{number}"), "type": "Like", "actor": me,
                "object": sent["uri"], "content": "\u{1f525}",
            })
        };
        let vote = |number: u32| {
            let id = format!("{me}/votes/{number}");
            json!({
                "@context": "https://www.w3.org/ns/activitystreams",
                "id": format!("{id}/create"), "type": "Create", "actor": me,
                "to": [actor(&a, "alice")],
                "object": {
                    "id": id, "type": "Note", "name": "yes", "attributedTo": me,
                    "inReplyTo": sent["uri"], "to": [actor(&a, "alice")],
                },
            })
        };
        post(&a, "/inbox", &signing, &like(1)).await.expect(202);
        post(&a, "/inbox", &signing, &vote(1)).await.expect(202);
        let shown = alice.get(&path_of(&sent)).await.expect(200);
        assert_eq!(shown["reactions"], json!([]));
        assert_eq!(shown["poll"]["voters"], 0);
        // The same is taken once the block is gone.
        alice.delete(&block).await.expect(204);
        post(&a, "/inbox", &signing, &like(2)).await.expect(202);
        post(&a, "/inbox", &signing, &vote(2)).await.expect(202);
        reacted(&alice, &dm, &[("\u{1f525}", 1)]).await;
        until("the vote", async || {
            let shown = alice.get(&path_of(&sent)).await.expect(200);
            (shown["poll"]["voters"] == 1).then_some(())
        })
        .await;
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn what_a_deleted_account_put_on_messages_is_gone() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let poll = json!({"options": ["yes", "no"], "ends_in": 600});
        let body = json!({"content": "?", "poll": poll});
        let list = format!("/api/v1/channels/{dm}/messages");
        let sent = alice.post(&list, &body).await.expect(201);
        for who in [&alice, &bob] {
            assert_eq!(react(who, &sent, "\u{1f44d}").await, 204);
            let votes = format!("{}/poll/votes", path_of(&sent));
            who.put(&votes, &json!({"choices": [0]})).await.expect(200);
        }
        let password = json!({"password": "correct horse battery staple"});
        let request = bob.request(Method::DELETE, "/api/v1/users/@me");
        Answer::of(request.json(&password)).await.expect(202);
        until("the end of what bob put there", async || {
            let shown = alice.get(&path_of(&sent)).await.expect(200);
            let left = &shown["reactions"][0];
            let is_gone = left["count"] == 1 && left["users"] == json!([alice.id]);
            let counts = (
                &shown["poll"]["voters"],
                &shown["poll"]["options"][0]["votes"],
            );
            (is_gone && counts == (&json!(1), &json!(1))).then_some(())
        })
        .await;
        world.stop().await;
    });
}
