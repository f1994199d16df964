//! People of other nodes who are suspended here; numbers are those of the attack checklist.

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::testing::{TestDatabase, on_each_backend};
use folkmoot::platform::db::schema::users;
use serde_json::{Value, json};

use super::pair::{actor, handle, key, pair, post, until};

#[test]
fn attack_20_a_suspended_actor_answers_and_undoes_nothing() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let mallory_of_b = b.member("mallory").await;
        let whom = json!({"handle": handle(&b, "mallory")});
        alice
            .post("/api/v1/federation/follow", &whom)
            .await
            .expect(200);
        let followers = async || {
            let page = mallory_of_b
                .get("/api/v1/federation/followers")
                .await
                .expect(200);
            page["items"].as_array().unwrap().len()
        };
        until("follow", async || (followers().await == 1).then_some(())).await;

        let id = actor(&a, "alice").to_string();
        let suspend = move |connection: &mut Connection| {
            diesel::update(users::table.filter(users::actor_uri.eq(&id)))
                .set(users::suspended_at.eq(Some(1_i64)))
                .execute(connection)?;
            Ok::<_, DatabaseError>(())
        };
        b.app.ctx().db().write(suspend).await.unwrap();

        let (me, signing) = (actor(&a, "alice"), key(&a, "alice").await);
        let sent = |kind: &str, object: Value| json!({"id": format!("{me}#{kind}"), "type": kind, "actor": me, "object": object});
        let follow = json!({
            "id": format!("{me}#f"), "type": "Follow", "actor": me, "object": actor(&b, "mallory"),
        });
        for activity in [
            sent("Undo", follow),
            sent("Follow", json!(actor(&b, "bob"))),
            sent("Update", json!(me)),
        ] {
            let status = post(&b, "/inbox", &signing, &activity).await.status;
            assert!(matches!(status, 202 | 503), "{status}");
        }
        assert_eq!(followers().await, 1);
        let page = bob.get("/api/v1/federation/followers").await.expect(200);
        assert_eq!(page["items"], json!([]));
        a.stop().await;
        b.stop().await;
    });
}
