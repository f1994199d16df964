//! How messages are rendered, and what they show of those that they answer.

use federation_core::testing::on_each_backend;
use serde_json::json;

use super::world::World;

#[test]
fn messages_are_rendered_as_members_expect() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, _bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let cases = [
            (
                "the end: ||he *wakes*||",
                "<span class=\"spoiler\">he <em>wakes</em></span>",
            ),
            ("```rust\nfn x() {}\n```", "<code class=\"language-rust\">"),
            ("|a|b|\n|-|-|\n|c|d|", "<td>d</td>"),
            (
                "https://a.example/b_(c)",
                "<a href=\"https://a.example/b_(c)\" rel=\"nofollow noopener noreferrer\">",
            ),
            ("~~old~~", "<del>old</del>"),
            ("- [x] done", "<li>[x] done</li>"),
            ("<img src=x>", "&lt;img src=x&gt;"),
        ];
        for (content, part) in cases {
            let sent = alice.say(&dm, content).await;
            let html = sent["html"].as_str().unwrap();
            assert!(html.contains(part), "{content} gave {html}");
            assert_eq!(sent["content"], content);
        }
        world.stop().await;
    });
}

#[test]
fn an_answer_shows_in_short_what_it_answers() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let path = format!("/api/v1/channels/{dm}/messages");
        let long = format!("**Who** did it?\n\n||the butler|| {}", "x".repeat(300));
        let asked = alice.say(&dm, &long).await;
        assert!(asked["answers"].is_null(), "{asked:#}");
        let (mut socket, ready) = alice.socket(None).await;
        let body = json!({"content": "I know", "reply_to": asked["id"]});
        let answer = bob.post(&path, &body).await.expect(201);
        let short = &answer["answers"];
        assert_eq!(short["id"], asked["id"]);
        assert_eq!(short["author_id"], alice.id.as_str());
        assert_eq!(short["deleted"], false);
        let excerpt = short["excerpt"].as_str().unwrap();
        assert!(excerpt.starts_with("Who did it? … xxx"), "{excerpt}");
        assert_eq!(excerpt.chars().count(), 141, "{excerpt}");
        // The log keeps nothing of a message in the event of another one.
        let told = socket.next_op("message.created").await;
        assert_eq!(told["d"]["answers"]["id"], asked["id"]);
        assert!(told["d"]["answers"]["excerpt"].is_null(), "{told:#}");
        let asked_path = format!("{path}/{}", asked["id"].as_str().unwrap());
        alice.delete(&asked_path).await.expect(204);
        let page = bob.get(&path).await.expect(200);
        let gone = json!({"id": asked["id"], "deleted": true});
        assert_eq!(page["items"][0]["answers"], gone);
        let (mut again, _) = alice.socket(ready["seq"].as_i64()).await;
        let told = again.next_op("message.created").await;
        assert!(!told.to_string().contains("did it"), "{told:#}");
        world.stop().await;
    });
}
