//! The handshake of a running server under attack, over HTTP.

use std::time::Duration;

use federation_core::SystemClock;
use federation_core::clock::Clock as _;
use federation_core::handshake::{Ended, Scope};
use federation_core::signature::Scheme;
use federation_core::store::sql::Backend;
use federation_core::testing::{TestDatabase, on_each_backend};
use futures_util::future::join_all;
use http::HeaderValue;
use serde_json::json;

use super::signer::{
    CHALLENGE, Call, INTROSPECT, REVOKE, challenge, introspect, node_key, session,
};
use crate::chat::world::World;
use crate::federation::pair::{actor, key, open, pair, post};

#[test]
fn handshake_over_http_replayed_or_hundredfold_gives_one_session() {
    on_each_backend(async |database: TestDatabase| {
        let (issuer, holder, _other) = pair(&database).await;
        let key = node_key(&holder).await;
        let asked = challenge(&issuer, &key, None, &["stream"])
            .await
            .expect(201);
        let proof = Call::proof(&asked);
        let headers = proof.headers(&issuer, &key, SystemClock.now());
        let all = (0..100).map(|_| proof.send_with(&issuer, headers.clone()));
        let mut statuses: Vec<u16> = join_all(all).await.iter().map(|one| one.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses[0], 201);
        assert!(
            statuses[1..].iter().all(|status| *status == 401),
            "{statuses:?}"
        );
        let replayed = proof.send_with(&issuer, headers).await;
        replayed.expect_problem(401, "challenge_unknown");
        issuer.stop().await;
        holder.stop().await;
    });
}

#[test]
fn handshake_over_http_stolen_challenges_and_tokens_are_no_use_to_another_node() {
    on_each_backend(async |database: TestDatabase| {
        let (issuer, holder, _other) = pair(&database).await;
        let third = TestDatabase::create(Backend::Sqlite);
        let thief = World::start_with(&third, open).await;
        let (key, thiefs) = (node_key(&holder).await, node_key(&thief).await);
        let asked = challenge(&issuer, &key, None, &["stream"])
            .await
            .expect(201);
        let stolen = Call::proof(&asked).send(&issuer, &thiefs).await;
        stolen.expect_problem(403, "not_the_holder");
        let late = Call::proof(&asked).send(&issuer, &key).await;
        late.expect_problem(401, "challenge_unknown");

        let granted = session(&issuer, &key, None, &["stream"]).await;
        let told = introspect(&issuer, &thiefs, &granted["session_token"]).await;
        assert_eq!(told, json!({"active": false}));
        for named in [
            json!({"token": granted["session_token"]}),
            json!({"session_id": granted["session_id"]}),
        ] {
            let refused = Call::new(REVOKE, named).send(&issuer, &thiefs).await;
            refused.expect_problem(403, "not_the_holder");
        }
        let told = introspect(&issuer, &key, &granted["session_token"]).await;
        assert_eq!(told["active"], true);
        for world in [issuer, holder, thief] {
            world.stop().await;
        }
    });
}

/// What is done to a proof before it is sent.
type Damage = fn(&mut Call);

#[test]
fn handshake_over_http_damaged_proofs_are_refused_and_end_the_challenge() {
    on_each_backend(async |database: TestDatabase| {
        let (issuer, holder, _other) = pair(&database).await;
        let key = node_key(&holder).await;
        let damages: [(&str, Damage); 6] = [
            ("signature_scheme", |call| call.scheme = Scheme::Cavage),
            ("signature_tag", |call| call.tag = None),
            ("signature_tag", |call| call.tag = Some("other".to_owned())),
            ("signature_incomplete", |call| call.nonce = None),
            ("nonce_refused", |call| call.nonce = Some("x".repeat(43))),
            ("signature_refused", |call| {
                call.signed_for = Some("http://127.0.0.1:1/api/v1/node/verify".to_owned());
            }),
        ];
        for (code, damage) in damages {
            let asked = challenge(&issuer, &key, None, &["stream"])
                .await
                .expect(201);
            let mut proof = Call::proof(&asked);
            damage(&mut proof);
            proof.send(&issuer, &key).await.expect_problem(401, code);
            let late = Call::proof(&asked).send(&issuer, &key).await;
            late.expect_problem(401, "challenge_unknown");
        }

        // A body that was changed on the way.
        let asked = challenge(&issuer, &key, None, &["stream"])
            .await
            .expect(201);
        let mut proof = Call::proof(&asked);
        let headers = proof.headers(&issuer, &key, SystemClock.now());
        proof.body["more"] = json!(1);
        let refused = proof.send_with(&issuer, headers).await;
        refused.expect_problem(401, "signature_refused");

        // A call that was signed six minutes ago, and one that nobody signed.
        let old = SystemClock.now().minus(Duration::from_mins(6));
        let call = Call::new(CHALLENGE, json!({"subject": null, "scopes": ["stream"]}));
        let refused = call
            .send_with(&issuer, call.headers(&issuer, &key, old))
            .await;
        refused.expect_problem(401, "signature_refused");
        let refused = call.send_with(&issuer, http::HeaderMap::new()).await;
        refused.expect_problem(401, "signature_missing");
        issuer.stop().await;
        holder.stop().await;
    });
}

#[test]
fn handshake_over_http_is_for_nodes_and_their_own_users_alone() {
    on_each_backend(async |database: TestDatabase| {
        let (issuer, holder, _other) = pair(&database).await;
        holder.member("alice").await;
        issuer.member("bob").await;
        let (node, alices) = (node_key(&holder).await, key(&holder, "alice").await);
        let refused = challenge(&issuer, &alices, None, &["chat:read"]).await;
        refused.expect_problem(403, "not_a_node");
        let foreign = actor(&issuer, "bob");
        let refused = challenge(&issuer, &node, Some(foreign.as_str()), &["chat:read"]).await;
        refused.expect_problem(403, "foreign_subject");
        let nobody = holder.url("/users/nobody");
        let refused = challenge(&issuer, &node, Some(&nobody), &["chat:read"]).await;
        refused.expect_problem(403, "subject_unusable");
        let itself = challenge(&issuer, &node_key(&issuer).await, None, &["stream"]).await;
        itself.expect_problem(403, "holder_is_issuer");
        issuer.stop().await;
        holder.stop().await;
    });
}

#[test]
fn handshake_over_http_blocked_domain_is_refused_and_loses_what_is_open() {
    on_each_backend(async |database: TestDatabase| {
        let (issuer, holder, _other) = pair(&database).await;
        let key = node_key(&holder).await;
        let granted = session(&issuer, &key, None, &["stream"]).await;
        let sessions = issuer.app.parts().nodes.sessions();
        let token = granted["session_token"].as_str().unwrap();
        let found = sessions.authorise(token, Scope::Stream, SystemClock.now());
        let mut watch = sessions.watch(&found.await.unwrap());
        issuer
            .app
            .parts()
            .edge
            .blocked()
            .block("127.0.0.1")
            .unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(1), watch.ended());
        assert_eq!(ended.await.expect("open for over a second"), Ended::Blocked);
        for path in [CHALLENGE, INTROSPECT, REVOKE] {
            let body = json!({"token": token, "subject": null, "scopes": ["stream"]});
            let refused = Call::new(path, body).send(&issuer, &key).await;
            refused.expect_problem(403, "domain_blocked");
        }
        issuer.stop().await;
        holder.stop().await;
    });
}

#[test]
fn handshake_over_http_subject_that_leaves_loses_its_sessions() {
    on_each_backend(async |database: TestDatabase| {
        let (issuer, holder, _other) = pair(&database).await;
        holder.member("alice").await;
        let alice = actor(&holder, "alice");
        let (node, alices) = (node_key(&holder).await, key(&holder, "alice").await);
        let granted = session(&issuer, &node, Some(alice.as_str()), &["chat:read"]).await;
        let delete = json!({
            "@context": "https://www.w3.org/ns/activitystreams", "type": "Delete",
            "id": format!("{alice}#delete"), "actor": alice, "object": alice,
        });
        let answer = post(&issuer, "/inbox", &alices, &delete).await;
        assert_eq!(answer.status, 202, "{:#}", answer.json);
        let told = introspect(&issuer, &node, &granted["session_token"]).await;
        assert_eq!(told, json!({"active": false}));
        issuer.stop().await;
        holder.stop().await;
    });
}

#[test]
fn handshake_over_http_tells_no_secret_in_its_refusals() {
    on_each_backend(async |database: TestDatabase| {
        let (issuer, holder, _other) = pair(&database).await;
        let key = node_key(&holder).await;
        let asked = challenge(&issuer, &key, None, &["stream"])
            .await
            .expect(201);
        let mut proof = Call::proof(&asked);
        proof.nonce = Some("wrong".to_owned());
        let mut headers = proof.headers(&issuer, &key, SystemClock.now());
        headers.insert("x-other", HeaderValue::from_static("1"));
        let refused = proof.send_with(&issuer, headers).await;
        refused.expect_problem(401, "nonce_refused");
        let nonce = asked["nonce"].as_str().unwrap();
        assert!(!refused.json.to_string().contains(nonce));
        assert_eq!(refused.headers["www-authenticate"], "Signature");
        issuer.stop().await;
        holder.stop().await;
    });
}
