//! Polls: opened, voted in, ended by the clock, and exchanged with other nodes.

use std::sync::Arc;
use std::time::Duration;

use federation_core::Timestamp;
use federation_core::testing::{ManualClock, on_each_backend};
use serde_json::{Value, json};

use super::world::{Member, World};
use crate::communities::village::{Village, people};
use crate::federation::pair::{conversation, handle, pair, until};

fn asked(multiple: bool) -> Value {
    let poll = json!({"options": ["tea", "coffee", "water"], "multiple": multiple, "ends_in": 60});
    json!({"content": "What shall we drink?", "poll": poll})
}

async fn open(by: &Member<'_>, channel: &str, multiple: bool) -> (Value, String) {
    let path = format!("/api/v1/channels/{channel}/messages");
    let sent = by.post(&path, &asked(multiple)).await.expect(201);
    let votes = format!("{path}/{}/poll/votes", sent["id"].as_str().unwrap());
    (sent, votes)
}

fn counts(poll: &Value) -> Vec<i64> {
    let options = poll["options"].as_array().unwrap().iter();
    options.map(|it| it["votes"].as_i64().unwrap()).collect()
}

fn choose(choices: &[i32]) -> Value {
    json!({ "choices": choices })
}

#[test]
fn votes_are_counted_changed_and_end_by_the_clock() {
    on_each_backend(async |database| {
        let time = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_032)));
        let world = World::start_by(&database, time.clone(), |_| {}).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let carol = world.member("carol").await;
        let dm = alice.dm(&["bob"]).await;
        let (mut socket, _) = bob.socket(None).await;
        let (sent, votes) = open(&alice, &dm, false).await;
        assert_eq!(socket.next_op("message.created").await["d"], sent);
        let poll = &sent["poll"];
        assert_eq!(
            (counts(poll), &poll["ended"]),
            (vec![0, 0, 0], &json!(false))
        );
        let chosen = alice.put(&votes, &choose(&[1])).await.expect(200);
        assert_eq!(
            (counts(&chosen), &chosen["choices"]),
            (vec![0, 1, 0], &json!([1]))
        );
        let told = socket.next_op("poll.updated").await;
        assert_eq!(counts(&told["d"]["poll"]), [0, 1, 0]);
        assert!(
            !told.to_string().contains(&alice.id),
            "it tells who voted: {told:#}"
        );
        // The same vote again tells nothing; another one takes its place.
        alice.put(&votes, &choose(&[1])).await.expect(200);
        bob.put(&votes, &choose(&[1])).await.expect(200);
        alice.put(&votes, &choose(&[0])).await.expect(200);
        for expected in [[0, 2, 0], [1, 1, 0]] {
            let told = socket.next_op("poll.updated").await;
            assert_eq!(counts(&told["d"]["poll"]), expected);
        }
        bob.delete(&votes).await.expect(200);
        let shown = bob.get(&votes).await.expect(200);
        assert_eq!(
            (counts(&shown), &shown["voters"]),
            (vec![1, 0, 0], &json!(1))
        );
        assert_eq!(shown["choices"], json!([]));
        for bad in [&[][..], &[3][..], &[-1][..], &[0, 1][..]] {
            let refused = bob.put(&votes, &choose(bad)).await;
            refused.expect_problem(422, "invalid_choices");
        }
        for refused in [
            carol.get(&votes).await,
            carol.put(&votes, &choose(&[0])).await,
        ] {
            refused.expect_problem(404, "not_found");
        }
        time.advance(Duration::from_secs(61));
        let told = socket.next_op("poll.ended").await;
        assert_eq!(told["d"]["message_id"], sent["id"]);
        assert_eq!(told["d"]["poll"]["ended"], true);
        for refused in [
            bob.put(&votes, &choose(&[0])).await,
            alice.delete(&votes).await,
        ] {
            refused.expect_problem(409, "poll_ended");
        }
        let kept = bob.get(&votes).await.expect(200);
        assert_eq!(counts(&kept), [1, 0, 0]);
        let plain = alice.say(&dm, "no poll").await;
        let none = format!(
            "/api/v1/channels/{dm}/messages/{}/poll/votes",
            plain["id"].as_str().unwrap()
        );
        bob.put(&none, &choose(&[0]))
            .await
            .expect_problem(404, "not_found");
        world.stop().await;
    });
}

#[test]
fn polls_of_communities_take_a_permission_and_several_choices() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann"]).await;
        let [owner, ann] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let (_, votes) = open(ann, &village.square, true).await;
        let at_once = (0..10).map(|_| async { ann.put(&votes, &choose(&[2, 0, 2])).await.status });
        let answers = futures_util::future::join_all(at_once).await;
        assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
        let shown = owner.get(&votes).await.expect(200);
        assert_eq!(
            (counts(&shown), &shown["voters"]),
            (vec![1, 0, 1], &json!(1))
        );
        let everyone = village.everyone(owner).await;
        let held = json!({"permissions": ["view_channel", "read_history", "send_messages"]});
        let path = village.path(&format!("/roles/{everyone}"));
        owner.patch(&path, &held).await.expect(200);
        let list = format!("/api/v1/channels/{}/messages", village.square);
        let refused = ann.post(&list, &asked(false)).await;
        refused.expect_problem(403, "missing_permission");
        let refused = ann.put(&votes, &choose(&[1])).await;
        refused.expect_problem(403, "missing_permission");
        for (options, ends_in) in [
            (json!(["one"]), 60),
            (json!(["one", "one"]), 60),
            (json!(["one", ""]), 60),
            (json!(["one", "two"]), 59),
            (json!(["one", "two"]), 2_592_001),
            (
                json!(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]),
                60,
            ),
        ] {
            let body = json!({"content": "?", "poll": {"options": options, "ends_in": ends_in}});
            let refused = owner.post(&list, &body).await;
            refused.expect_problem(422, "invalid_poll");
        }
        world.stop().await;
    });
}

/// The counts of the poll that the newest message is, once they are as expected.
async fn counted(by: &Member<'_>, channel: &str, expected: &[i64]) -> Value {
    let path = format!("/api/v1/channels/{channel}/messages?limit=1");
    until("counts as expected", async || {
        let page = by.get(&path).await.expect(200);
        let message = page["items"].get(0).filter(|it| it["poll"].is_object())?;
        (counts(&message["poll"]) == expected).then(|| message.clone())
    })
    .await
}

#[test]
fn polls_and_votes_pass_between_nodes() {
    on_each_backend(async |database| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let dm = alice.dm(&[&handle(&b, "bob")]).await;
        let (_, votes) = open(&alice, &dm, false).await;
        let there = conversation(&bob).await;
        let came = counted(&bob, &there, &[0, 0, 0]).await;
        assert_eq!(came["content"], "What shall we drink?");
        alice.put(&votes, &choose(&[0])).await.expect(200);
        counted(&bob, &there, &[1, 0, 0]).await;
        let theirs = format!(
            "/api/v1/channels/{there}/messages/{}/poll/votes",
            came["id"].as_str().unwrap()
        );
        bob.put(&theirs, &choose(&[1])).await.expect(200);
        counted(&alice, &dm, &[1, 1, 0]).await;
        counted(&bob, &there, &[1, 1, 0]).await;
        // What was sent to another node is not taken back.
        for refused in [
            bob.put(&theirs, &choose(&[2])).await,
            bob.delete(&theirs).await,
        ] {
            refused.expect_problem(409, "vote_is_final");
        }
        a.stop().await;
        b.stop().await;
    });
}
