//! What stands for a channel of another server: who sees what there, who is told, and what is taken in.

use federation_core::signature::SigningKey;
use federation_core::testing::{TestDatabase, on_each_backend};
use serde_json::json;

use super::channels::{JOINED, LEAVE, join, join_named, reads, square};
use super::channels_told::unread;
use super::groups::{announce, create};
use super::pair::{contents, open, pair, post, until};
use crate::chat::world::World;

#[test]
fn what_the_host_has_not_placed_is_there_for_its_author_alone() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let carol = b.member("carol").await;
        let (community, _) = square(&alice).await;
        let mirror = join(&bob, &a).await;
        assert_eq!(join(&carol, &a).await, mirror);
        let rules = format!("/api/v1/communities/{community}/rules");
        let rule = json!({
            "name": "no turnips", "kind": "word", "pattern": "turnip",
            "action": "block", "reason": "No turnips here.",
        });
        alice.post(&rules, &rule).await.expect(201);
        let (mut at_bob, _) = bob.socket(None).await;
        let (mut at_carol, _) = carol.socket(None).await;

        let page = format!("/api/v1/channels/{mirror}/messages");
        let call = json!({"content": "a turnip for @carol"});
        let refused = bob.post(&page, &call).await.expect(201);
        let own = at_bob.next_op("message.created").await["d"].clone();
        assert_eq!(own["id"], refused["id"]);
        assert_eq!(
            (&own["waiting"], &refused["waiting"]),
            (&json!(true), &json!(true))
        );
        let id = refused["id"].as_str().unwrap();
        let one = format!("{page}/{id}");
        bob.get(&one).await.expect(200);
        carol.get(&one).await.expect_problem(404, "not_found");
        let thumb = format!("{one}/reactions/\u{1f44d}");
        let reacted = carol.put(&thumb, &json!({})).await;
        reacted.expect_problem(404, "not_found");
        let answer = json!({"content": "thanks", "reply_to": id});
        let answered = carol.post(&page, &answer).await;
        answered.expect_problem(422, "unknown_reply_to");
        let find = format!("/api/v1/channels/{mirror}/search?q=turnip");
        let found = bob.get(&find).await.expect(200);
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found:#}");
        let found = carol.get(&find).await.expect(200);
        assert!(found["items"].as_array().unwrap().is_empty(), "{found:#}");

        // What the host takes is told to everybody, once it has its place; nothing of the other one.
        let call = json!({"content": "a carrot for @carol"});
        let taken = bob.post(&page, &call).await.expect(201);
        let told = at_carol.next_op("message.created").await["d"].clone();
        assert_eq!(told["id"], taken["id"], "{told:#}");
        assert_eq!(told["waiting"], false);
        let list = carol.get("/api/v1/notifications").await.expect(200);
        let waits = list["items"].as_array().unwrap();
        assert_eq!(waits.len(), 1, "{list:#}");
        assert_eq!(waits[0]["kind"], "mention");
        assert_eq!(contents(&carol, &mirror).await.len(), 1);
        assert_eq!(unread(&carol, &mirror).await.unwrap()["unread"], 1);

        // For its author it stands after all else, page by page.
        let first = bob.get(&format!("{page}?limit=1")).await.expect(200);
        assert_eq!(first["items"][0]["id"], id, "{first:#}");
        let older = bob
            .get(&format!("{page}?limit=1&before={id}"))
            .await
            .expect(200);
        assert_eq!(older["items"][0]["id"], taken["id"], "{older:#}");
        let after = format!("{page}?after={}", taken["id"].as_str().unwrap());
        let newer = bob.get(&after).await.expect(200);
        assert_eq!(newer["items"][0]["id"], id, "{newer:#}");
        let before = carol.get(&format!("{page}?before={id}")).await;
        before.expect_problem(400, "unknown_cursor");
        bob.delete(&one).await.expect(204);
        assert_eq!(contents(&bob, &mirror).await.len(), 1);
        drop((alice, bob, carol));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn a_place_that_a_message_gets_later_marks_nothing_as_read() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let carol = b.member("carol").await;
        let (_, square) = square(&alice).await;
        let mirror = join(&bob, &a).await;
        assert_eq!(join(&carol, &a).await, mirror);
        let (token, id) = (alice.token.clone(), alice.id.clone());
        drop(alice);
        let (port, data) = a.stop().await;
        bob.say(&mirror, "into the dark").await;

        // It comes after what bob has not seen.
        let a = World::start_at(&database, data, port, open).await;
        let alice = a.returning(token, id);
        alice.say(&square, "while you were away").await;
        until("both messages in their places", async || {
            let waits = unread(&carol, &mirror).await?;
            (waits["unread"] == 2).then_some(())
        })
        .await;
        let waits = unread(&bob, &mirror).await.unwrap();
        assert_eq!(waits["unread"], 1);
        drop((alice, bob, carol));
        a.stop().await;
        b.stop().await;
    });
}

/// The key by which a Group signs.
async fn group_key(host: &World, group: &str) -> SigningKey {
    let edge = &host.app.parts().edge;
    let keys = edge.keys().of(&group.parse().unwrap()).await.unwrap();
    keys.rsa().clone()
}

#[test]
fn where_nobody_is_any_more_nothing_new_is_taken_in() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (_, square) = square(&alice).await;
        let mirror = join(&bob, &a).await;
        let group = a.url(&format!("/channels/{square}"));
        let signed = group_key(&a, &group).await;
        let own = |name: &str| announce(&group, name, &create(&group, name, &group));
        for name in ["first", "second"] {
            assert_eq!(post(&b, "/inbox", &signed, &own(name)).await.status, 202);
        }
        assert_eq!(contents(&bob, &mirror).await, ["second", "first"]);

        bob.post(LEAVE, &json!({"uri": group})).await.expect(204);
        assert_eq!(post(&b, "/inbox", &signed, &own("later")).await.status, 202);
        // What is deleted goes all the same, by its author and by the Group.
        let delete = json!({
            "id": format!("{group}#delete"), "type": "Delete", "actor": group,
            "object": format!("{group}/first"), "audience": group,
        });
        let delete = announce(&group, "deletion", &delete);
        assert_eq!(post(&b, "/inbox", &signed, &delete).await.status, 202);
        let remove = json!({
            "id": format!("{group}#remove"), "type": "Remove", "actor": group,
            "object": format!("{group}/second"), "target": format!("{group}/history"),
        });
        assert_eq!(post(&b, "/inbox", &signed, &remove).await.status, 202);

        assert_eq!(join(&bob, &a).await, mirror);
        assert!(contents(&bob, &mirror).await.is_empty());
        alice.say(&square, "back again").await;
        reads(&bob, &mirror, &["back again"]).await;
        drop((alice, bob));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn those_who_run_a_server_take_out_what_it_shows_of_others() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, owner) = (a.member("alice").await, b.member("owner").await);
        let (carol, dave) = (b.member("carol").await, b.member("dave").await);
        let (_, square) = square(&alice).await;
        let mirror = join(&carol, &a).await;
        alice.say(&square, "vile").await;
        reads(&carol, &mirror, &["vile"]).await;

        // The owner is not in the channel: they read and take out, and say nothing.
        let page = format!("/api/v1/channels/{mirror}/messages");
        let shown = owner.get(&page).await.expect(200);
        assert_eq!(shown["items"][0]["content"], "vile");
        let said = owner.post(&page, &json!({"content": "hush"})).await;
        said.expect_problem(403, "missing_permission");
        let id = shown["items"][0]["id"].as_str().unwrap();
        let one = format!("{page}/{id}");
        dave.delete(&one).await.expect_problem(404, "not_found");
        carol
            .delete(&one)
            .await
            .expect_problem(403, "missing_permission");
        owner.delete(&one).await.expect(204);
        assert!(contents(&carol, &mirror).await.is_empty());
        let log = "/api/v1/admin/audit-log?action=message.delete";
        let log = owner.get(log).await.expect(200);
        assert_eq!(log["items"][0]["actor_id"], owner.id.as_str(), "{log:#}");
        assert_eq!(log["items"][0]["target_id"], id);

        // What a member of this server said is taken back everywhere; what others said, here alone.
        carol.say(&mirror, "spam").await;
        reads(&alice, &square, &["spam", "vile"]).await;
        until("the message in its place", async || {
            (contents(&owner, &mirror).await == ["spam"]).then_some(())
        })
        .await;
        let shown = owner.get(&page).await.expect(200);
        let id = shown["items"][0]["id"].as_str().unwrap();
        owner.delete(&format!("{page}/{id}")).await.expect(204);
        reads(&alice, &square, &["vile"]).await;
        drop((alice, owner, carol, dave));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn who_is_banned_writes_in_no_channel_of_that_community() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let carol = b.member("carol").await;
        let (community, square) = square(&alice).await;
        let new = json!({"name": "other"});
        let path = format!("/api/v1/communities/{community}/channels");
        let made = alice.post(&path, &new).await.expect(201);
        let other = made["id"].as_str().unwrap();
        let general = join(&bob, &a).await;
        let brought = join_named(&carol, &a, "other.main").await;
        alice.say(other, "hello").await;
        reads(&bob, &brought, &["hello"]).await;

        // What somebody else brought here is read; who joins it writes.
        let page = format!("/api/v1/channels/{brought}/messages");
        let shown = bob.get(&page).await.expect(200);
        let hello = shown["items"][0]["id"].as_str().unwrap();
        let thumb = format!("{page}/{hello}/reactions/\u{1f44d}");
        let said = bob.post(&page, &json!({"content": "hi"})).await;
        said.expect_problem(403, "channel_not_joined");
        let reacted = bob.put(&thumb, &json!({})).await;
        reacted.expect_problem(403, "channel_not_joined");
        carol.put(&thumb, &json!({})).await.expect(204);
        carol.say(&brought, "hi").await;
        reads(&alice, other, &["hi", "hello"]).await;

        bob.say(&general, "noise").await;
        reads(&alice, &square, &["noise"]).await;
        let page = format!("/api/v1/channels/{square}/messages");
        let shown = alice.get(&page).await.expect(200);
        let known = shown["items"][0]["author"]["id"].as_str().unwrap();
        let ban = format!("/api/v1/communities/{community}/bans/{known}");
        let reason = json!({"reason": "noise"});
        alice.put(&ban, &reason).await.expect(200);
        until("refusal", async || {
            let all = bob.get(JOINED).await.expect(200);
            (all["items"][0]["state"] == "refused").then_some(())
        })
        .await;
        for (channel, code) in [
            (&general, "missing_permission"),
            (&brought, "channel_not_joined"),
        ] {
            let page = format!("/api/v1/channels/{channel}/messages");
            let said = bob.post(&page, &json!({"content": "more"})).await;
            said.expect_problem(403, code);
        }
        drop((alice, bob, carol));
        a.stop().await;
        b.stop().await;
    });
}
