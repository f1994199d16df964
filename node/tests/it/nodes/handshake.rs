//! Two servers, one of which acts at the other.

use federation_core::SystemClock;
use federation_core::clock::Clock as _;
use federation_core::handshake::{Ended, Scope, Scopes};
use federation_core::testing::{TestDatabase, on_each_backend};
use serde_json::json;
use url::Url;

use super::signer::{Call, REVOKE, challenge, introspect, node_key, session};
use crate::chat::world::World;
use crate::federation::pair::{actor, open, pair};

fn origin(world: &World) -> Url {
    world.url("/").parse().unwrap()
}

#[test]
fn a_node_opens_a_session_for_itself_and_for_a_member_and_ends_them() {
    on_each_backend(async |database: TestDatabase| {
        let (issuer, holder, _other) = pair(&database).await;
        holder.member("alice").await;
        let alice = actor(&holder, "alice");
        let (nodes, granted) = (&holder.app.parts().nodes, &issuer.app.parts().nodes);
        let scopes = Scopes::from(Scope::ChatRead).with(Scope::ChatWrite);
        let there = origin(&issuer);
        let own = nodes.session_at(&there, None, Scope::Stream.into());
        let hers = nodes.session_at(&there, Some(&alice), scopes);
        let (own, hers) = (own.await.unwrap(), hers.await.unwrap());
        assert_eq!((own.scopes, hers.scopes), (Scope::Stream.into(), scopes));

        let now = SystemClock.now();
        let sessions = granted.sessions();
        let found = sessions.authorise(hers.token.as_str(), Scope::ChatRead, now);
        let found = found.await.unwrap();
        assert_eq!(found.subject, Some(alice.clone()));
        assert_eq!(found.holder.as_str(), holder.url("/actor"));
        let client = nodes.held().client();
        let told = client.introspect(&there, &hers.token).await;
        assert_eq!(told.unwrap().active().unwrap().sub, alice);

        let mut watch = sessions.watch(&found);
        let (ended, revoked) = tokio::join!(watch.ended(), client.revoke(&hers));
        revoked.unwrap();
        assert_eq!(ended, Ended::Revoked);
        let refused = sessions.authorise(hers.token.as_str(), Scope::ChatRead, now);
        assert_eq!(refused.await.unwrap_err().code(), "invalid_token");
        let kept = sessions.authorise(own.token.as_str(), Scope::Stream, now);
        assert_eq!(kept.await.unwrap().subject, None);

        // The same session as long as it is good.
        let again = nodes.session_at(&there, None, Scope::Stream.into());
        assert_eq!(again.await.unwrap().id, own.id);
        issuer.stop().await;
        holder.stop().await;
    });
}

#[test]
fn answers_are_what_the_specification_says() {
    on_each_backend(async |database: TestDatabase| {
        let (issuer, holder, _other) = pair(&database).await;
        let key = node_key(&holder).await;
        let asked = challenge(&issuer, &key, None, &["stream", "later:thing"]).await;
        assert_eq!(asked.headers["cache-control"], "no-store");
        let asked = asked.expect(201);
        assert_eq!(asked["audience"], issuer.url(""));
        let granted = Call::proof(&asked).send(&issuer, &key).await.expect(201);
        assert_eq!(granted["token_type"], "Bearer");
        assert_eq!(granted["scope"], "stream");
        let told = introspect(&issuer, &key, &granted["session_token"]).await;
        assert_eq!(told["client_id"], holder.url("/actor"));
        assert_eq!(told["sub"], told["client_id"]);
        assert_eq!(
            (&told["iss"], &told["aud"]),
            (&asked["audience"], &asked["audience"])
        );

        let refused = challenge(&issuer, &key, None, &["later:thing"]).await;
        refused.expect_problem(403, "scope_refused");
        let id = refused.headers["x-request-id"].to_str().unwrap();
        assert_eq!(refused.json["instance"], format!("urn:uuid:{id}"));
        let by_id = Call::new(REVOKE, json!({"session_id": granted["session_id"]}));
        assert_eq!(by_id.send(&issuer, &key).await.expect(200), json!({}));
        let told = introspect(&issuer, &key, &granted["session_token"]).await;
        assert_eq!(told, json!({"active": false}));
        issuer.stop().await;
        holder.stop().await;
    });
}

#[test]
fn the_operator_says_what_is_granted() {
    on_each_backend(async |database: TestDatabase| {
        let issuer = World::start_with(&database, |config| {
            open(config);
            config.federation.handshake.scopes = Scope::ChatRead.into();
            config.federation.handshake.session_hours = 1;
        })
        .await;
        let other = TestDatabase::create(federation_core::store::sql::Backend::Sqlite);
        let holder = World::start_with(&other, open).await;
        let key = node_key(&holder).await;
        let granted = session(&issuer, &key, None, &["chat:read", "stream"]).await;
        assert_eq!(granted["scope"], "chat:read");
        let told = introspect(&issuer, &key, &granted["session_token"]).await;
        let lifetime = told["exp"].as_i64().unwrap() - told["iat"].as_i64().unwrap();
        assert_eq!(lifetime, 3600);
        issuer.stop().await;
        holder.stop().await;
    });
}

#[test]
fn sessions_survive_a_restart_and_open_nothing_after_their_end() {
    on_each_backend(async |database: TestDatabase| {
        let (issuer, holder, _other) = pair(&database).await;
        let key = node_key(&holder).await;
        let kept = session(&issuer, &key, None, &["stream"]).await;
        let ended = session(&issuer, &key, None, &["stream"]).await;
        let by_token = Call::new(REVOKE, json!({"token": ended["session_token"]}));
        by_token.send(&issuer, &key).await.expect(200);
        let (port, data) = issuer.stop().await;
        let issuer = World::start_at(&database, data, port, open).await;
        let told = introspect(&issuer, &key, &kept["session_token"]).await;
        assert_eq!(told["active"], true);
        let told = introspect(&issuer, &key, &ended["session_token"]).await;
        assert_eq!(told["active"], false);
        issuer.stop().await;
        holder.stop().await;
    });
}
