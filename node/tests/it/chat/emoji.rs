//! Custom emoji of communities, and reactions with them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use federation_core::testing::on_each_backend;
use serde_json::{Value, json};

use super::world::World;
use crate::communities::village::{Village, people};

/// The beginning of a PNG of this size.
pub(super) fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend(b"\x08\x06\0\0\0");
    bytes
}

pub(super) fn new(shortcode: &str, bytes: &[u8]) -> Value {
    json!({"shortcode": shortcode, "image": BASE64.encode(bytes)})
}

#[test]
fn custom_emoji_are_made_renamed_served_and_deleted() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann"]).await;
        let [owner, ann] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let path = village.path("/emoji");
        let (mut socket, _) = ann.socket(None).await;
        let refused = ann.post(&path, &new("parrot", &png(32, 32))).await;
        refused.expect_problem(403, "missing_permission");
        let made = owner
            .post(&path, &new("parrot", &png(32, 16)))
            .await
            .expect(201);
        assert_eq!(socket.next_op("emoji.created").await["d"], made);
        let size = (&made["width"], &made["height"], &made["media_type"]);
        assert_eq!(size, (&json!(32), &json!(16), &json!("image/png")));
        let id = made["id"].as_str().unwrap();
        assert_eq!(made["url"], world.url(&format!("/emoji/{id}")));
        let listed = ann.get(&path).await.expect(200);
        assert_eq!(listed["items"], json!([made]));
        // The picture is for everybody, and nothing but a picture.
        let served = world
            .http
            .get(made["url"].as_str().unwrap())
            .send()
            .await
            .unwrap();
        assert_eq!(served.status(), 200);
        for (name, value) in [
            ("content-type", "image/png"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; sandbox"),
            ("cache-control", "public, max-age=31536000, immutable"),
        ] {
            assert_eq!(served.headers()[name], value, "{name}");
        }
        assert_eq!(served.bytes().await.unwrap(), png(32, 16));
        let taken = owner.post(&path, &new("parrot", &png(1, 1))).await;
        taken.expect_problem(409, "shortcode_taken");
        let one = format!("{path}/{id}");
        let renamed = owner.patch(&one, &json!({"shortcode": "bird"})).await;
        assert_eq!(renamed.expect(200)["id"], id);
        assert_eq!(
            socket.next_op("emoji.updated").await["d"]["shortcode"],
            "bird"
        );
        let refused = ann.delete(&one).await;
        refused.expect_problem(403, "missing_permission");
        owner.delete(&one).await.expect(204);
        assert_eq!(socket.next_op("emoji.deleted").await["d"]["id"], id);
        let gone = world
            .http
            .get(made["url"].as_str().unwrap())
            .send()
            .await
            .unwrap();
        assert_eq!(gone.status(), 404);
        let log = owner
            .get(&village.path("/audit-log?limit=3"))
            .await
            .expect(200);
        let acts: Vec<&str> = log["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["action"].as_str().unwrap())
            .collect();
        assert_eq!(acts, ["emoji.delete", "emoji.update", "emoji.create"]);
        world.stop().await;
    });
}

#[test]
fn reactions_follow_the_name_of_a_custom_emoji_and_keep_it() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann"]).await;
        let [owner, ann] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let (mut socket, _) = ann.socket(None).await;
        let path = village.path("/emoji");
        let made = owner.post(&path, &new("parrot", &png(32, 16))).await;
        let made = made.expect(201);
        let id = made["id"].as_str().unwrap();
        let sent = ann.say(&village.square, "hello").await;
        let message = format!(
            "/api/v1/channels/{}/messages/{}",
            village.square,
            sent["id"].as_str().unwrap()
        );
        let put = ann
            .put(&format!("{message}/reactions/:parrot:"), &json!({}))
            .await;
        put.expect(204);
        let told = socket.next_op("reaction.added").await;
        assert_eq!(told["d"]["emoji"], ":parrot:");
        assert_eq!(told["d"]["custom"], json!({"id": id, "url": made["url"]}));
        let one = format!("{path}/{id}");
        let renamed = owner
            .patch(&one, &json!({"shortcode": "party_parrot"}))
            .await;
        assert_eq!(renamed.expect(200)["id"], id);
        let shown = ann.get(&message).await.expect(200)["reactions"][0].clone();
        assert_eq!(shown["emoji"], ":party_parrot:");
        assert_eq!(shown["custom"]["id"], id);
        ann.delete(&one)
            .await
            .expect_problem(403, "missing_permission");
        owner.delete(&one).await.expect(204);
        let shown = ann.get(&message).await.expect(200)["reactions"][0].clone();
        assert_eq!(shown["emoji"], ":parrot:");
        assert!(shown.get("custom").is_none(), "{shown:#}");
        ann.delete(&format!("{message}/reactions/:parrot:"))
            .await
            .expect(204);
        assert_eq!(ann.get(&message).await.expect(200)["reactions"], json!([]));
        world.stop().await;
    });
}

#[test]
fn attack_what_is_no_small_picture_is_refused() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "eve"]).await;
        let [owner, eve] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        let path = village.path("/emoji");
        let mut large = png(32, 32);
        large.resize(256 * 1024 + 1, 0);
        for bytes in [
            b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>".to_vec(),
            b"GIF89a".to_vec(),
            Vec::new(),
            png(513, 1),
            png(1, 513),
            png(0, 1),
            png(u32::MAX, u32::MAX),
            large.clone(),
        ] {
            let refused = owner.post(&path, &new("parrot", &bytes)).await;
            refused.expect_problem(422, "invalid_emoji_image");
        }
        let text = json!({"shortcode": "parrot", "image": "%%%"});
        owner
            .post(&path, &text)
            .await
            .expect_problem(422, "invalid_emoji_image");
        for bad in ["a", "Parrot", "../parrot", "par rot", ":parrot:"] {
            let refused = owner.post(&path, &new(bad, &png(1, 1))).await;
            refused.expect_problem(422, "invalid_shortcode");
        }
        large.truncate(256 * 1024);
        owner.post(&path, &new("large", &large)).await.expect(201);
        // Strangers find nothing, and other communities have their own.
        eve.get(&path).await.expect_problem(404, "not_found");
        let refused = eve.post(&path, &new("parrot", &png(1, 1))).await;
        refused.expect_problem(404, "not_found");
        let other = Village::found(&operator, eve, "other").await;
        let made = eve
            .post(&other.path("/emoji"), &new("large", &png(1, 1)))
            .await;
        let id = made.expect(201)["id"].as_str().unwrap().to_owned();
        let refused = owner.delete(&format!("{path}/{id}")).await;
        refused.expect_problem(404, "not_found");
        world.stop().await;
    });
}
