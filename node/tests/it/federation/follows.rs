//! Follows between servers: asked, accepted, taken back, and forged.

use federation_core::testing::{TestDatabase, on_each_backend};
use serde_json::{Value, json};

use super::pair::{actor, fetch, handle, key, pair, post, until};
use crate::chat::world::Member;

const FOLLOW: &str = "/api/v1/federation/follow";
const FOLLOWERS: &str = "/api/v1/federation/followers";
const FOLLOWING: &str = "/api/v1/federation/following";

async fn state(member: &Member<'_>, list: &str) -> Option<String> {
    let page = member.get(list).await.expect(200);
    page["items"][0]["state"].as_str().map(str::to_owned)
}

async fn followed(member: &Member<'_>, list: &str) {
    until("accepted follow", async || {
        state(member, list)
            .await
            .filter(|state| state == "accepted")
    })
    .await;
}

#[test]
fn follows_are_accepted_and_taken_back_both_ways() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let whom = json!({"handle": handle(&b, "bob")});
        let asked = alice.post(FOLLOW, &whom).await.expect(200);
        assert_eq!(asked["state"], "pending");
        followed(&alice, FOLLOWING).await;
        followed(&bob, FOLLOWERS).await;
        let again = alice.post(FOLLOW, &whom).await.expect(200);
        assert_eq!(again["state"], "accepted");

        let whole = fetch(&b, "/users/bob/followers", None).await.expect(200);
        assert_eq!(whole["totalItems"], 1);
        let first = whole["first"].as_str().unwrap();
        let page: Value = a
            .http
            .get(first)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(page["orderedItems"], json!([actor(&a, "alice")]));

        let back = json!({"handle": handle(&a, "alice")});
        bob.post(FOLLOW, &back).await.expect(200);
        followed(&bob, FOLLOWING).await;
        followed(&alice, FOLLOWERS).await;

        alice
            .post("/api/v1/federation/unfollow", &whom)
            .await
            .expect(204);
        until("undo", async || {
            state(&bob, FOLLOWERS).await.is_none().then_some(())
        })
        .await;
        assert_eq!(state(&bob, FOLLOWING).await.as_deref(), Some("accepted"));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn attacks_32_and_33_only_the_two_people_answer_and_undo() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        a.member("mallory").await;
        b.member("mallory").await;
        alice
            .post(FOLLOW, &json!({"handle": handle(&b, "bob")}))
            .await
            .expect(200);
        followed(&bob, FOLLOWERS).await;
        let page = alice.get(FOLLOWING).await.expect(200);
        assert!(page["items"][0]["user"]["actor"].is_string());

        // Somebody else on the follower's server takes it back; by id, and embedded.
        let (mallory, forged) = (actor(&a, "mallory"), key(&a, "mallory").await);
        let follow = json!({
            "id": format!("{mallory}#f"), "type": "Follow",
            "actor": actor(&a, "alice"), "object": actor(&b, "bob"),
        });
        let undo = json!({
            "id": format!("{mallory}#undo"), "type": "Undo", "actor": mallory, "object": follow,
        });
        let answer = post(&b, "/inbox", &forged, &undo).await;
        assert!(matches!(answer.status, 202 | 403), "{:#}", answer.json);
        followed(&bob, FOLLOWERS).await;

        // Somebody else on the followee's server refuses it.
        let (mallory, forged) = (actor(&b, "mallory"), key(&b, "mallory").await);
        let reject = json!({
            "id": format!("{mallory}#reject"), "type": "Reject", "actor": mallory,
            "object": {
                "id": format!("{}#f", actor(&a, "alice")), "type": "Follow",
                "actor": actor(&a, "alice"), "object": actor(&b, "bob"),
            },
        });
        let answer = post(&a, "/inbox", &forged, &reject).await;
        assert!(matches!(answer.status, 202 | 403), "{:#}", answer.json);
        // An Accept of a follow that nobody asked for.
        let accept = json!({
            "id": format!("{mallory}#accept"), "type": "Accept", "actor": mallory,
            "object": {
                "id": a.url("/follows/1"), "type": "Follow",
                "actor": actor(&a, "alice"), "object": mallory,
            },
        });
        assert_eq!(post(&a, "/inbox", &forged, &accept).await.status, 202);
        followed(&alice, FOLLOWING).await;
        let page = alice.get(FOLLOWING).await.expect(200);
        assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page:#}");
        a.stop().await;
        b.stop().await;
    });
}
