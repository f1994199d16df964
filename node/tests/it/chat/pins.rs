//! Pins of a channel.

use federation_core::testing::on_each_backend;
use serde_json::{Value, json};

use super::world::World;
use crate::communities::village::{Village, people};

fn ids(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["id"].as_str().unwrap()).collect()
}

#[test]
fn moderators_pin_and_everybody_sees_it() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann", "eve"]).await;
        let [owner, ann, eve] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let mut said = Vec::new();
        for number in 0..3 {
            let sent = ann.say(&village.square, &format!("m{number}")).await;
            said.push(sent["id"].as_str().unwrap().to_owned());
        }
        let path = format!("/api/v1/channels/{}/pins", village.square);
        let pin = |message: &str| format!("{path}/{message}");
        let nothing = json!({});
        let refused = ann.put(&pin(&said[0]), &nothing).await;
        refused.expect_problem(403, "missing_permission");
        for stranger in [
            eve.get(&path).await,
            eve.put(&pin(&said[0]), &nothing).await,
        ] {
            stranger.expect_problem(404, "not_found");
        }
        let (mut socket, _) = ann.socket(None).await;
        for message in [&said[1], &said[0], &said[1]] {
            owner.put(&pin(message), &nothing).await.expect(204);
        }
        let told = socket.next_op("message.pinned").await;
        let expected = json!({
            "message_id": said[1], "channel_id": village.square, "user_id": owner.id,
        });
        assert_eq!(told["d"], expected);
        let page = ann.get(&path).await.expect(200);
        assert_eq!(ids(&page), [&said[0], &said[1]]);
        assert_eq!(page["items"][0]["pinned"], true);
        let list = format!("/api/v1/channels/{}/messages", village.square);
        let list = ann.get(&list).await.expect(200);
        let pinned: Vec<&Value> = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["pinned"])
            .collect();
        assert_eq!(pinned, [false, true, true]);
        owner.delete(&pin(&said[1])).await.expect(204);
        assert_eq!(
            socket.next_op("message.unpinned").await["d"]["message_id"],
            said[1]
        );
        let log = owner
            .get(&village.path("/audit-log?limit=2"))
            .await
            .expect(200);
        assert_eq!(log["items"][0]["action"], "message.unpin");
        assert_eq!(log["items"][1]["action"], "message.pin");
        // A deleted message is pinned no longer.
        let message = format!("/api/v1/channels/{}/messages/{}", village.square, said[0]);
        ann.delete(&message).await.expect(204);
        assert_eq!(ann.get(&path).await.expect(200)["items"], json!([]));
        let unknown = owner.put(&pin(&said[0]), &nothing).await;
        unknown.expect_problem(404, "not_found");
        world.stop().await;
    });
}

#[test]
fn a_conversation_pins_fifty_messages_at_most() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let path = format!("/api/v1/channels/{dm}/pins");
        let mut last = String::new();
        for number in 0..51 {
            let sent = alice.say(&dm, &format!("m{number}")).await;
            last = format!("{path}/{}", sent["id"].as_str().unwrap());
            if number < 50 {
                bob.put(&last, &json!({})).await.expect(204);
            }
        }
        let full = alice.put(&last, &json!({})).await;
        full.expect_problem(409, "too_many_pins");
        let page = alice.get(&path).await.expect(200);
        assert_eq!(page["items"].as_array().unwrap().len(), 50);
        world.stop().await;
    });
}
