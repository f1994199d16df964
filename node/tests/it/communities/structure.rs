//! Channels of communities: categories, threads, order, topics, slow mode, archives, privacy.

use federation_core::testing::on_each_backend;
use serde_json::json;

use super::village::{Village, people, permissions, write};
use crate::chat::world::World;

#[test]
fn a_new_node_has_a_community_that_every_account_is_in() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["ann", "bob"]).await;
        let [ann, bob] = &members[..] else { panic!() };
        let mine = ann.get("/api/v1/communities").await.expect(200);
        assert_eq!(mine["items"].as_array().unwrap().len(), 1, "{mine:#}");
        let main = &mine["items"][0];
        assert_eq!(
            (&main["slug"], &main["is_default"]),
            (&json!("main"), &json!(true))
        );
        let main = Village {
            id: main["id"].as_str().unwrap().to_owned(),
            square: String::new(),
        };
        let shown = bob.get(&main.path("")).await.expect(200);
        assert_eq!(
            (&shown["is_member"], &shown["member_count"]),
            (&json!(true), &json!(3))
        );
        assert_eq!(main.seen(bob).await, ["general"]);
        let listed = bob.get(&main.path("/channels")).await.expect(200);
        let general = listed["items"][0]["id"].as_str().unwrap();
        let actor = listed["items"][0]["actor"].as_str().unwrap();
        assert!(actor.ends_with(&format!("/channels/{general}")), "{actor}");
        let (mut socket, _) = bob.socket(None).await;
        let said = ann.say(general, "good morning").await;
        assert_eq!(
            socket.next_op("message.created").await["d"]["id"],
            said["id"]
        );
        let read = bob
            .get(&format!("/api/v1/channels/{general}/messages"))
            .await;
        assert_eq!(read.expect(200)["items"][0]["content"], "good morning");
        // Leaving counts, and so does coming back.
        bob.delete(&main.path("/members/@me")).await.expect(204);
        write(bob, general).await.expect_problem(404, "not_found");
        assert_eq!(ann.get(&main.path("")).await.expect(200)["member_count"], 2);
        let paged = ann.get(&main.path("/members?limit=1")).await.expect(200);
        assert_eq!(paged["items"][0]["user"]["username"], "ann");
        assert!(paged["next"].is_string(), "{paged:#}");
        bob.post(&main.path("/join"), &json!({})).await.expect(200);
        write(bob, general).await.expect(201);
        operator
            .delete(&main.path(""))
            .await
            .expect_problem(409, "default_community");
        world.stop().await;
    });
}

#[test]
fn channels_have_categories_topics_order_and_archives() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann"]).await;
        let [owner, ann] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let mill = village
            .channel(owner, &json!({"name": "mill", "kind": "category"}))
            .await;
        let grain = json!({"name": "grain", "parent_id": mill, "topic": "all about grain"});
        let grain = village.channel(owner, &grain).await;
        let talk = village
            .channel(owner, &json!({"name": "talk", "kind": "voice"}))
            .await;
        let bell = village
            .channel(owner, &json!({"name": "bell", "kind": "announcement"}))
            .await;
        assert_eq!(
            village.seen(ann).await,
            ["square", "mill", "grain", "talk", "bell"]
        );
        let order = json!({"channels": [bell, village.square, mill, grain]});
        let ordered = owner.put(&village.path("/channels/order"), &order).await;
        ordered.expect(204);
        assert_eq!(
            village.seen(ann).await,
            ["bell", "square", "mill", "talk", "grain"]
        );
        let twice = json!({"channels": [bell, bell]});
        let refused = owner.put(&village.path("/channels/order"), &twice).await;
        refused.expect_problem(422, "invalid_order");
        let shown = ann
            .get(&format!("/api/v1/channels/{grain}"))
            .await
            .expect(200);
        assert_eq!(shown["topic"], "all about grain");
        assert_eq!(
            (&shown["parent_id"], &shown["community"]),
            (&json!(mill), &json!(village.id))
        );
        // Only some write announcements; nobody writes in a category; people write beside voice.
        let refused = write(ann, &bell).await;
        refused.expect_problem(403, "missing_permission");
        write(owner, &bell).await.expect(201);
        write(owner, &mill)
            .await
            .expect_problem(403, "missing_permission");
        write(ann, &talk).await.expect(201);
        // Nothing is added to what is archived, with the category neither.
        let archive = |archived: bool| json!({"is_archived": archived});
        let path = format!("/api/v1/channels/{mill}");
        owner.patch(&path, &archive(true)).await.expect(200);
        for who in [owner, ann, &operator] {
            write(who, &grain)
                .await
                .expect_problem(409, "channel_archived");
        }
        assert!(
            !permissions(ann, &grain)
                .await
                .contains(&"send_messages".to_owned())
        );
        owner.patch(&path, &archive(false)).await.expect(200);
        write(ann, &grain).await.expect(201);
        // A category with something in it stays.
        owner
            .delete(&path)
            .await
            .expect_problem(422, "invalid_place");
        let out = json!({"parent_id": null, "topic": null});
        let moved = owner
            .patch(&format!("/api/v1/channels/{grain}"), &out)
            .await;
        assert!(moved.expect(200)["topic"].is_null());
        owner.delete(&path).await.expect(204);
        owner
            .delete(&format!("/api/v1/channels/{grain}"))
            .await
            .expect(204);
        assert_eq!(village.seen(ann).await, ["bell", "square", "talk"]);
        write(ann, &grain).await.expect_problem(404, "not_found");
        world.stop().await;
    });
}

#[test]
fn channels_that_fit_nowhere_are_refused() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner"]).await;
        let owner = &members[0];
        let village = Village::found(&operator, owner, "village").await;
        for bad in [
            json!({"name": ""}),
            json!({"name": "x", "kind": "dm"}),
            json!({"name": "x", "kind": "thread"}),
            json!({"name": "x", "parent_id": village.square}),
            json!({"name": "x", "slow_mode_seconds": -1}),
            json!({"name": "x", "slow_mode_seconds": 21_601}),
        ] {
            let refused = owner.post(&village.path("/channels"), &bad).await;
            assert_eq!(refused.status, 422, "{bad}: {:#}", refused.json);
        }
        world.stop().await;
    });
}

#[test]
fn threads_are_seen_by_whoever_sees_their_channel() {
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
        let (mut socket, _) = bob.socket(None).await;
        let path = format!("/api/v1/channels/{}/threads", village.square);
        let made = ann
            .post(&path, &json!({"name": "harvest"}))
            .await
            .expect(201);
        let thread = made["id"].as_str().unwrap();
        assert_eq!(made["parent_id"], village.square);
        assert_eq!(socket.next_op("channel.created").await["d"]["id"], *thread);
        ann.say(thread, "when do we begin?").await;
        let told = socket.next_op("message.created").await;
        assert_eq!(told["d"]["channel_id"], *thread);
        let listed = bob.get(&path).await.expect(200);
        assert_eq!(listed["items"][0]["id"], *thread);
        // Its maker changes it, others do not; it says nothing of permissions itself.
        let thread_path = format!("/api/v1/channels/{thread}");
        let name = json!({"name": "the harvest"});
        bob.patch(&thread_path, &name)
            .await
            .expect_problem(403, "missing_permission");
        ann.patch(&thread_path, &name).await.expect(200);
        let everyone = village.everyone(owner).await;
        let deny = json!({"deny": ["send_in_threads"]});
        let of_thread = format!("{thread_path}/overrides/roles/{everyone}");
        let refused = owner.put(&of_thread, &deny).await;
        refused.expect_problem(422, "invalid_place");
        let of_square = format!(
            "/api/v1/channels/{}/overrides/roles/{everyone}",
            village.square
        );
        owner.put(&of_square, &deny).await.expect(204);
        write(bob, thread)
            .await
            .expect_problem(403, "missing_permission");
        write(bob, &village.square).await.expect(201);
        let hide = json!({"deny": ["view_channel"]});
        owner.put(&of_square, &hide).await.expect(204);
        write(bob, thread).await.expect_problem(404, "not_found");
        bob.get(&thread_path).await.expect_problem(404, "not_found");
        world.stop().await;
    });
}

#[test]
fn slow_mode_holds_up_everybody_who_may_not_bypass_it() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann"]).await;
        let [owner, ann] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let slow = json!({"name": "slow", "slow_mode_seconds": 3600});
        let slow = village.channel(owner, &slow).await;
        let first = ann.say(&slow, "one").await;
        let path = format!(
            "/api/v1/channels/{slow}/messages/{}",
            first["id"].as_str().unwrap()
        );
        ann.delete(&path).await.expect(204);
        let refused = write(ann, &slow).await;
        refused.expect_problem(429, "slow_mode");
        let wait: u64 = refused.headers["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((3500..=3600).contains(&wait), "{wait}");
        for _ in 0..3 {
            write(owner, &slow).await.expect(201);
        }
        let role = village.role(owner, "herald", &["bypass_slow_mode"]).await;
        village.give(owner, &role, ann).await;
        write(ann, &slow).await.expect(201);
        world.stop().await;
    });
}

#[test]
fn what_somebody_does_not_see_is_not_there() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann", "stranger"]).await;
        let [owner, ann, stranger] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let cellar = json!({"name": "cellar", "is_private": true});
        let cellar = village.channel(owner, &cellar).await;
        let said = owner.say(&cellar, "hush").await;
        let said = said["id"].as_str().unwrap();
        assert_eq!(village.seen(ann).await, ["square"]);
        assert_eq!(village.seen(owner).await, ["square", "cellar"]);
        let channel = format!("/api/v1/channels/{cellar}");
        let none = "0197a3c2-7b1e-7c55-8f00-6b7d2f6f1a11";
        for who in [ann, stranger] {
            for path in ["", "/messages", "/threads", "/permissions", "/overrides"] {
                let hidden = who.get(&format!("{channel}{path}")).await;
                let absent = who.get(&format!("/api/v1/channels/{none}{path}")).await;
                hidden.expect_problem(404, "not_found");
                absent.expect_problem(404, "not_found");
                assert_eq!(hidden.json["detail"], absent.json["detail"]);
            }
            let message = format!("{channel}/messages/{said}");
            who.get(&message).await.expect_problem(404, "not_found");
            who.delete(&message).await.expect_problem(404, "not_found");
            who.patch(&message, &json!({"content": "x"}))
                .await
                .expect_problem(404, "not_found");
            write(who, &cellar).await.expect_problem(404, "not_found");
            who.patch(&channel, &json!({"name": "x"}))
                .await
                .expect_problem(404, "not_found");
            who.delete(&channel).await.expect_problem(404, "not_found");
            let threads = who
                .post(&format!("{channel}/threads"), &json!({"name": "x"}))
                .await;
            threads.expect_problem(404, "not_found");
            let me = who.put(&format!("{channel}/members/@me"), &json!({})).await;
            me.expect_problem(404, "not_found");
        }
        for path in [
            "",
            "/channels",
            "/members",
            "/roles",
            "/bans",
            "/invites",
            "/audit-log",
        ] {
            let hidden = stranger.get(&village.path(path)).await;
            hidden.expect_problem(404, "not_found");
        }
        let joining = stranger.post(&village.path("/join"), &json!({})).await;
        joining.expect_problem(404, "not_found");
        // Whoever is named in it sees it, until they are not.
        let member = format!("{channel}/members/{}", ann.id);
        owner.put(&member, &json!({})).await.expect(204);
        write(ann, &cellar).await.expect(201);
        assert_eq!(village.seen(ann).await, ["square", "cellar"]);
        owner.delete(&member).await.expect(204);
        write(ann, &cellar).await.expect_problem(404, "not_found");
        world.stop().await;
    });
}

#[test]
fn moderators_delete_what_others_write_and_the_log_keeps_it() {
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
        let said = ann.say(&village.square, "buy my turnips").await;
        let path = format!(
            "/api/v1/channels/{}/messages/{}",
            village.square,
            said["id"].as_str().unwrap()
        );
        bob.delete(&path)
            .await
            .expect_problem(403, "missing_permission");
        let role = village
            .role(owner, "reeve", &["manage_messages", "view_audit_log"])
            .await;
        village.give(owner, &role, bob).await;
        let edit = bob.patch(&path, &json!({"content": "x"})).await;
        edit.expect_problem(403, "not_the_author");
        bob.delete(&path).await.expect(204);
        ann.get(&path).await.expect_problem(404, "not_found");
        let log = bob.get(&village.path("/audit-log")).await.expect(200);
        let newest = &log["items"][0];
        assert_eq!(newest["action"], "message.delete", "{log:#}");
        assert_eq!(newest["actor_id"], bob.id);
        assert_eq!(newest["before"]["author_id"], ann.id);
        assert_eq!(newest["target_id"], said["id"]);
        let actions: Vec<&str> = log["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["action"].as_str().unwrap())
            .collect();
        for action in [
            "community.create",
            "community.update",
            "channel.create",
            "community_role.create",
            "member.role_give",
            "community_invite.create",
        ] {
            assert!(actions.contains(&action), "{action}: {actions:?}");
        }
        let refused = ann.get(&village.path("/audit-log")).await;
        refused.expect_problem(403, "missing_permission");
        world.stop().await;
    });
}
