//! Followers kept alike on both sides (FEP-8fcf).

use federation_core::followers::Reconciliation;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::testing::{TestDatabase, on_each_backend};
use folkmoot::accounts;
use folkmoot::follows::federate::receive_comparison;
use serde_json::json;
use url::Url;

use super::pair::{actor, fetch, handle, key, pair, until};

#[test]
fn attack_67_a_node_sees_its_own_part_of_somebodys_followers() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let whom = json!({"handle": handle(&b, "bob")});
        alice
            .post("/api/v1/federation/follow", &whom)
            .await
            .expect(200);
        until("follow", async || {
            let page = bob.get("/api/v1/federation/followers").await.expect(200);
            page["items"][0]["user"].is_object().then_some(())
        })
        .await;
        let path = "/users/bob/followers_synchronization";
        fetch(&b, path, None)
            .await
            .expect_problem(401, "signature_missing");
        let list = fetch(&b, path, Some(&key(&a, "alice").await))
            .await
            .expect(200);
        assert_eq!(list["orderedItems"], json!([actor(&a, "alice")]));
        assert_eq!(list["id"], b.url(path));
        assert_eq!(list["totalItems"], 1);
        // Nobody of this node follows alice, and none is shown to others.
        b.member("carol").await;
        let path = "/users/alice/followers_synchronization";
        let list = fetch(&a, path, Some(&key(&b, "carol").await))
            .await
            .expect(200);
        assert_eq!(list["orderedItems"], json!([]));
        a.stop().await;
        b.stop().await;
    });
}

/// A list that names every member makes this node send no more than a few activities at once (I11).
#[test]
fn attack_44_a_list_of_everybody_takes_back_a_few_follows_at_a_time() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, ctx) = (a.member("alice").await, b.app.ctx().clone());
        let bob = b.member("bob").await;
        let whom = json!({"handle": handle(&a, "alice")});
        bob.post("/api/v1/federation/follow", &whom)
            .await
            .expect(200);
        until("follow", async || {
            let page = alice.get("/api/v1/federation/followers").await.expect(200);
            page["items"][0]["user"].is_object().then_some(())
        })
        .await;
        let (origin, now) = (ctx.origin().clone(), ctx.now());
        let join = move |connection: &mut Connection| {
            let mut members: Vec<Url> = Vec::new();
            for number in 0..25 {
                let name = format!("member{number}").parse().unwrap();
                let member = accounts::store::insert_local(connection, &name, None, &origin, now);
                members.push(member.unwrap().actor_uri.parse().unwrap());
            }
            Ok::<_, DatabaseError>(members)
        };
        let mut change = Reconciliation::default();
        change.unknown = ctx.db().write(join).await.unwrap();
        let sender = b
            .app
            .parts()
            .edge
            .directory()
            .actor(&actor(&a, "alice"))
            .await;
        let (sender, held) = (sender.unwrap(), ctx.clone());
        let compare = move |connection: &mut Connection| {
            receive_comparison(connection, &held, &sender, &change, now)
        };
        assert_eq!(ctx.db().write(compare).await.unwrap(), 20);
        a.stop().await;
        b.stop().await;
    });
}
