//! Whom messages mention: people, roles and everybody, here and from elsewhere.

use federation_core::testing::{TestDatabase, on_each_backend};
use serde_json::{Value, json};

use super::world::{Member, World};
use crate::communities::village::{Village, people};
use crate::federation::pair::{handle, pair};

/// A mention of one person.
fn of(member: &Member<'_>, text: &str) -> Value {
    json!({"kind": "user", "user_id": member.id, "text": text})
}

#[test]
fn people_are_mentioned_where_they_see_the_channel() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann", "bob", "carol"]).await;
        let [owner, ann, bob, _carol] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        village.let_in(owner, bob).await;
        let text = "@Bob and @bob, @carol, `@ann`, @nobody, a@bob, \\@ann";
        let said = ann.say(&village.square, text).await;
        assert_eq!(said["mentions"], json!([of(bob, "@bob")]), "{said:#}");
        let html = said["html"].as_str().unwrap();
        let link = format!(
            "<span class=\"h-card\"><a href=\"{}\" class=\"u-url mention\" rel=\"nofollow noopener noreferrer\">@bob</a></span>",
            world.url("/users/bob")
        );
        assert_eq!(html.matches(&link).count(), 2, "{html}");
        assert_eq!(html.matches("<a ").count(), 2, "{html}");
        // By the whole handle too.
        let whole = format!("@bob@{}", world.app.address());
        let said = ann.say(&village.square, &whole).await;
        assert_eq!(said["mentions"], json!([of(bob, &whole)]));
        // A private channel is seen by those alone who are let in.
        let new = json!({"name": "cellar", "is_private": true});
        let cellar = village.channel(owner, &new).await;
        let said = owner.say(&cellar, "@ann?").await;
        assert_eq!(said["mentions"], json!([]));
        let path = format!("/api/v1/channels/{cellar}/members/{}", ann.id);
        let admitted = owner.put(&path, &json!({})).await;
        assert!(admitted.status < 300, "{:#}", admitted.json);
        let said = owner.say(&cellar, "@ann!").await;
        assert_eq!(said["mentions"], json!([of(ann, "@ann")]));
        world.stop().await;
    });
}

#[test]
fn roles_and_everybody_are_mentioned_by_those_who_may() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann"]).await;
        let [owner, ann] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let millers = village.role(owner, "The Millers", &[]).await;
        let text = format!("@the-millers <@&{millers}> @everyone, @here");
        let said = ann.say(&village.square, &text).await;
        assert_eq!(said["mentions"], json!([]));
        assert!(!said["html"].as_str().unwrap().contains("mention"));
        let expected = json!([
            {"kind": "role", "role_id": millers, "text": "@The Millers"},
            {"kind": "everyone", "text": "@everyone"},
            {"kind": "here", "text": "@here"},
        ]);
        let said = owner.say(&village.square, &text).await;
        assert_eq!(said["mentions"], expected);
        let html = said["html"].as_str().unwrap();
        let role = "<span class=\"mention\">@The Millers</span>";
        assert_eq!(html.matches(role).count(), 2, "{html}");
        let criers = village.role(owner, "criers", &["mention_everyone"]).await;
        village.give(owner, &criers, ann).await;
        let said = ann.say(&village.square, &text).await;
        assert_eq!(said["mentions"], expected);
        // A role that is gone is mentioned no longer.
        let path = village.path(&format!("/roles/{millers}"));
        owner.delete(&path).await.expect(204);
        let one = format!(
            "/api/v1/channels/{}/messages/{}",
            village.square,
            said["id"].as_str().unwrap()
        );
        let shown = ann.get(&one).await.expect(200);
        assert_eq!(shown["mentions"].as_array().unwrap().len(), 2, "{shown:#}");
        // Nobody rings for everybody in a conversation.
        let dm = ann.dm(&["owner"]).await;
        let said = ann.say(&dm, "@everyone @owner").await;
        assert_eq!(said["mentions"], json!([of(owner, "@owner")]));
        world.stop().await;
    });
}

#[test]
fn mentions_are_bounded_and_follow_edits() {
    on_each_backend(async |database| {
        let world = World::start_with(&database, |config| {
            config.limits.mentioned_people = 2;
            config.limits.mentioned_roles = 1;
        })
        .await;
        let (operator, members) = people(&world, &["owner", "ann", "bob"]).await;
        let [owner, ann, bob] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        for member in [ann, bob] {
            village.let_in(owner, member).await;
        }
        for role in ["millers", "bakers"] {
            village.role(owner, role, &[]).await;
        }
        let path = format!("/api/v1/channels/{}/messages", village.square);
        for text in ["@ann @bob @owner", "@millers @bakers"] {
            let body = json!({"content": text});
            let refused = owner.post(&path, &body).await;
            refused.expect_problem(422, "too_many_mentions");
        }
        let said = owner
            .say(&village.square, &"@ann @bob @millers ".repeat(100))
            .await;
        assert_eq!(said["mentions"].as_array().unwrap().len(), 3, "{said:#}");
        let one = format!("{path}/{}", said["id"].as_str().unwrap());
        let body = json!({"content": "@ann @bob @owner"});
        let refused = owner.patch(&one, &body).await;
        refused.expect_problem(422, "too_many_mentions");
        let edited = owner.patch(&one, &json!({"content": "@bob"})).await;
        let edited = edited.expect(200);
        assert_eq!(edited["mentions"], json!([of(bob, "@bob")]));
        let page = ann.get(&path).await.expect(200);
        assert_eq!(page["items"][0]["mentions"], edited["mentions"]);
        world.stop().await;
    });
}

#[test]
fn mentions_cross_to_other_servers_and_back() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (mut at_bob, _) = bob.socket(None).await;
        let bobs = handle(&b, "bob");
        let channel = alice.dm(&[&bobs]).await;
        let sent = alice.say(&channel, &format!("{bobs} look")).await;
        let mentions = sent["mentions"].as_array().unwrap();
        assert_eq!(mentions.len(), 1, "{sent:#}");
        assert_eq!(mentions[0]["text"], bobs.as_str());
        let got = at_bob.next_op("message.created").await["d"].clone();
        assert_eq!(got["mentions"], json!([of(&bob, "@bob")]), "{got:#}");
        assert!(got["html"].as_str().unwrap().contains("u-url mention"));
        // Everybody in a conversation is tagged; only who is named is mentioned.
        alice.say(&channel, "and now without").await;
        let got = at_bob.next_op("message.created").await["d"].clone();
        assert_eq!(got["mentions"], json!([]), "{got:#}");
        // An edit from there takes mentions along as well.
        let path = format!(
            "/api/v1/channels/{channel}/messages/{}",
            sent["id"].as_str().unwrap()
        );
        let body = json!({"content": "nobody in particular"});
        alice.patch(&path, &body).await.expect(200);
        let changed = at_bob.next_op("message.updated").await["d"].clone();
        assert_eq!(changed["mentions"], json!([]), "{changed:#}");
        // In a conversation the name of a guest is enough, where nobody here has it.
        let sent = alice.say(&channel, "@bob").await;
        assert_eq!(sent["mentions"].as_array().unwrap().len(), 1, "{sent:#}");
        a.stop().await;
        b.stop().await;
    });
}
