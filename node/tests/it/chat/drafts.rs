//! Drafts, on every device of their writer.

use federation_core::store::sql::{self, DatabaseError};
use federation_core::testing::on_each_backend;
use folkmoot::accounts;
use folkmoot::base::ids::{ChannelId, UserId};
use folkmoot::channels;
use folkmoot::platform::events::EventLog;
use serde_json::json;

use super::world::World;
use crate::communities::village::{Village, people};

#[test]
fn a_draft_is_on_every_device_of_its_writer_and_goes_with_the_message() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let said = bob.say(&dm, "what do you say?").await;
        let path = format!("/api/v1/channels/{dm}/draft");
        alice.get(&path).await.expect_problem(404, "not_found");
        let (mut phone, _) = alice.socket(None).await;
        let (mut bobs, _) = bob.socket(None).await;
        let body = json!({"content": "well …", "reply_to": said["id"]});
        let kept = alice.put(&path, &body).await.expect(200);
        assert_eq!(kept["content"], "well …");
        assert_eq!(kept["reply_to"], said["id"]);
        let heard = phone.next().await;
        assert_eq!(heard["op"], "draft.updated");
        assert_eq!(heard["d"], kept);
        assert_eq!(alice.get(&path).await.expect(200), kept);
        bob.get(&path).await.expect_problem(404, "not_found");
        bobs.silent().await;
        alice.say(&dm, "well, no").await;
        assert_eq!(phone.next().await["op"], "message.created");
        let gone = phone.next().await;
        assert_eq!(gone["op"], "draft.updated");
        assert_eq!(gone["d"]["channel_id"], dm.as_str());
        assert!(gone["d"]["content"].is_null());
        alice.get(&path).await.expect_problem(404, "not_found");
        // A message without a draft tells of none.
        alice.say(&dm, "no").await;
        assert_eq!(phone.next().await["op"], "message.created");
        phone.silent().await;
        let body = json!({"content": "again"});
        alice.put(&path, &body).await.expect(200);
        alice.delete(&path).await.expect(204);
        alice.delete(&path).await.expect(204);
        alice.get(&path).await.expect_problem(404, "not_found");
    });
}

#[test]
fn a_draft_is_as_long_as_a_message_and_only_where_one_may_write() {
    on_each_backend(async |database| {
        let world = World::start_with(&database, |c| c.limits.message_characters = 10).await;
        let (operator, members) = people(&world, &["owner", "bob"]).await;
        let [owner, bob] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, bob).await;
        let path = format!("/api/v1/channels/{}/draft", village.square);
        for (content, code) in [
            ("", "empty_content"),
            ("ääääääääääö", "content_too_long"),
            ("a\u{0}", "invalid_content"),
        ] {
            let refused = bob.put(&path, &json!({"content": content})).await;
            refused.expect_problem(422, code);
        }
        let body = json!({"content": "a", "reply_to": village.square});
        let refused = bob.put(&path, &body).await;
        refused.expect_problem(422, "unknown_reply_to");
        let body = json!({"content": "ääääääääää"});
        bob.put(&path, &body).await.expect(200);
        let channel = format!("/api/v1/channels/{}", village.square);
        let hidden = owner.patch(&channel, &json!({"is_private": true})).await;
        hidden.expect(200);
        let refused = bob.put(&path, &body).await;
        refused.expect_problem(404, "not_found");
        bob.get(&path).await.expect_problem(404, "not_found");
        bob.delete(&path).await.expect(204);
    });
}

/// Makes conversations with a draft of the first in each but one; answers two of them, the one
/// without first.
async fn fill(world: &World, first: &str, second: &str, count: usize) -> Vec<ChannelId> {
    use diesel::prelude::*;
    use folkmoot::platform::db::schema::message_drafts;
    let ctx = world.app.ctx().clone();
    let (first, second): (UserId, UserId) = (first.parse().unwrap(), second.parse().unwrap());
    let work = move |connection: &mut sql::Connection| {
        let log = EventLog::begin(connection)?;
        let mut members = Vec::new();
        for id in [first, second] {
            members.extend(accounts::store::by_id(connection, id)?);
        }
        let mut made = Vec::new();
        for number in 0..=count {
            let other = [format!("https://b.example/users/u{number}")];
            let opened = channels::actions::open_dm(&ctx, connection, &log, &members, &other)?;
            made.push(opened.channel.id);
            if number == 0 {
                continue;
            }
            diesel::insert_into(message_drafts::table)
                .values((
                    message_drafts::user_id.eq(first),
                    message_drafts::channel_id.eq(opened.channel.id),
                    message_drafts::content.eq("begun"),
                    message_drafts::updated_at.eq(0_i64),
                ))
                .execute(connection)?;
        }
        made.truncate(2);
        Ok::<_, DatabaseError>(made)
    };
    world.app.ctx().db().write(work).await.unwrap()
}

#[test]
fn a_member_has_two_hundred_drafts() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let made = fill(&world, &alice.id, &bob.id, 200).await;
        let path = |index: usize| format!("/api/v1/channels/{}/draft", made[index]);
        let body = json!({"content": "one more"});
        let refused = alice.put(&path(0), &body).await;
        refused.expect_problem(409, "too_many");
        // One that is there can be changed, and gives its place to another.
        alice.put(&path(1), &body).await.expect(200);
        alice.delete(&path(1)).await.expect(204);
        alice.put(&path(0), &body).await.expect(200);
    });
}
