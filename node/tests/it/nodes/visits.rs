//! Members who visit another server with their account at home: what they see there, and what not.

use std::future::ready;

use axum::Router;
use axum::response::Redirect;
use federation_core::store::sql::Backend;
use federation_core::testing::{TestDatabase, on_each_backend};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::signer::{challenge, node_key, session};
use crate::chat::world::{Answer, Member, World};
use crate::federation::channels::{join, square};
use crate::federation::pair::{actor, contents, handle, open, pair};
use crate::port;

pub(super) const VISIT: &str = "/api/v1/node/visit";
pub(super) const VISITS: &str = "/api/v1/node/visits";

/// Opens a visit; answers what the home server says of it.
pub(super) async fn visit(by: &Member<'_>, host: &World) -> Value {
    let wanted = json!({"host": host.app.address().to_string()});
    by.post(VISIT, &wanted).await.expect(200)
}

/// The visitor as a client of the server that is visited.
pub(super) fn visitor<'a>(host: &'a World, visit: &Value) -> Member<'a> {
    let token = visit["token"].as_str().unwrap().to_owned();
    host.returning(token, String::new())
}

fn messages(channel: &str) -> String {
    format!("/api/v1/channels/{channel}/messages")
}

#[test]
fn a_member_visits_reads_and_is_told_and_writes_at_home() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (_, square) = square(&alice).await;
        alice.say(&square, "before").await;
        let mirror = join(&bob, &a).await;

        let wanted = json!({"host": a.app.address().to_string()});
        let answer = bob.post(VISIT, &wanted).await;
        assert_eq!(answer.headers["cache-control"], "no-store");
        let opened = answer.expect(200);
        assert_eq!(opened["url"], a.url(""));
        assert_eq!(opened["gateway"], format!("ws://{}/ws", a.app.address()));
        assert_eq!(opened["token_type"], "Bearer");
        assert_eq!(opened["scopes"], json!(["chat:read", "chat:write"]));
        let listed = bob.get(VISITS).await.expect(200);
        assert_eq!(listed["items"][0]["id"], opened["id"]);
        let token = opened["token"].as_str().unwrap();
        assert!(!listed.to_string().contains(token), "{listed:#}");

        let there = visitor(&a, &opened);
        let (mut socket, ready) = there.socket(None).await;
        assert_eq!(ready["user"]["handle"], handle(&b, "bob"));
        assert_eq!(ready["user"]["actor"], actor(&b, "bob").as_str());
        assert_eq!(ready["expires_at"], opened["expires_at"]);
        let me = ready["user"]["id"].clone();
        alice.say(&square, "hello").await;
        let told = socket.next_op("message.created").await;
        assert_eq!(told["d"]["content"], "hello");
        assert_eq!(contents(&there, &square).await, ["hello", "before"]);
        let channels = there.get("/api/v1/communities").await.expect(200);
        assert_eq!(channels["items"].as_array().unwrap().len(), 1);

        // What is told to nobody but those who look on now may be said here.
        let (mut at_alice, _) = alice.socket(None).await;
        let typing = format!("/api/v1/channels/{square}/typing");
        assert_eq!(there.post(&typing, &json!({})).await.status, 204);
        assert_eq!(at_alice.next_op("typing").await["d"]["user_id"], me);

        // What others are told in the name of the member is said at home, and comes back.
        let refused = there
            .post(&messages(&square), &json!({"content": "no"}))
            .await;
        refused.expect_problem(403, "at_home_only");
        let idle = json!({"op": "presence", "d": {"status": "idle"}});
        socket.send(&idle).await;
        assert_eq!(socket.next_op("error").await["d"]["code"], "at_home_only");
        bob.say(&mirror, "from home").await;
        let back = socket.next_op("message.created").await["d"].clone();
        assert_eq!(back["content"], "from home");
        assert_eq!(back["author"]["id"], me);
        drop((alice, bob, there));
        a.stop().await;
        b.stop().await;
    });
}

/// Every operation of the document that needs somebody signed in: method, path with something in the
/// place of its parts, and whether visitors may come.
fn operations(document: &Value) -> Vec<(Method, String, bool)> {
    let some = "0197a3c2-7b1e-7c55-8f00-6b7d2f6f1a11";
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let parts = path.split('/');
        let parts = parts.map(|part| if part.starts_with('{') { some } else { part });
        let path = parts.collect::<Vec<_>>().join("/");
        for (method, operation) in item.as_object().unwrap() {
            if operation["security"] != json!([]) {
                let method: Method = method.to_uppercase().parse().unwrap();
                found.push((method, path.clone(), operation["x-visitors"] == true));
            }
        }
    }
    found
}

#[test]
fn attack_a_visitor_reaches_no_account_no_privilege_and_nothing_written() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        square(&alice).await;
        join(&bob, &a).await;
        let there = visitor(&a, &visit(&bob, &a).await);
        let document = there.world.http.get(a.url("/api/openapi.json"));
        let document = Answer::of(document).await.expect(200);
        let (mut open_to_all, mut closed) = (0, 0);
        for (method, path, is_open) in operations(&document) {
            let answer = Answer::of(there.request(method.clone(), &path)).await;
            let is_refused = answer.json["code"] == "at_home_only";
            assert_eq!(is_refused, !is_open, "{method} {path}: {:#}", answer.json);
            if is_open {
                assert!(method == Method::GET || path.ends_with("/typing"), "{path}");
                open_to_all += 1;
            } else {
                answer.expect_problem(403, "at_home_only");
                closed += 1;
            }
        }
        assert!(open_to_all > 10 && closed > 60, "{open_to_all} {closed}");
        drop((alice, bob, there));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn attack_a_visitor_sees_what_the_member_may_see_and_no_more() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, dora) = (a.member("alice").await, a.member("dora").await);
        let (bob, carl) = (b.member("bob").await, b.member("carl").await);
        let (community, square) = square(&alice).await;
        join(&bob, &a).await;
        let dm = alice.dm(&["dora"]).await;
        alice.say(&dm, "secret").await;
        let secret = json!({"name": "secret", "is_private": true});
        let channels = format!("/api/v1/communities/{community}/channels");
        let secret = alice.post(&channels, &secret).await.expect(201);
        let hidden = secret["id"].as_str().unwrap().to_owned();
        alice.say(&hidden, "behind").await;

        let bobs = visitor(&a, &visit(&bob, &a).await);
        let (mut socket, _) = bobs.socket(None).await;
        for closed in [&dm, &hidden] {
            let refused = bobs.get(&messages(closed)).await;
            refused.expect_problem(404, "not_found");
        }
        alice.say(&dm, "more").await;
        alice.say(&hidden, "more").await;
        alice.say(&square, "for all").await;
        // It was said last, so that whatever comes of the others comes before it.
        let told = socket.next_op("message.created").await;
        assert_eq!(told["d"]["content"], "for all");

        // Who is in no channel of this server sees none, and nobody.
        let (mut at_dora, _) = dora.socket(None).await;
        let (_at_alice, _) = alice.socket(None).await;
        at_dora.presence(&alice).await;
        let carls = visitor(&a, &visit(&carl, &a).await);
        let refused = carls.get(&messages(&square)).await;
        refused.expect_problem(404, "not_found");
        let (_socket, ready) = carls.socket(None).await;
        assert_eq!(ready["user"]["handle"], handle(&b, "carl"));
        assert_eq!(ready["online"]["count"], 0, "{ready:#}");
        let mine = carls.get("/api/v1/channels").await.expect(200);
        assert_eq!(mine["items"], json!([]));
        drop((alice, dora, bob, carl, bobs, carls));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn attack_tokens_of_nodes_open_nothing_else() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let third = TestDatabase::create(Backend::Sqlite);
        let c = World::start_with(&third, open).await;
        c.member("owner").await;
        let look = async |at: &World, token: &Value| {
            let token = token.as_str().unwrap().to_owned();
            let client = at.returning(token, String::new());
            client.get("/api/v1/channels").await
        };
        // At a third server, and at the one that asked for it.
        let opened = visit(&bob, &a).await;
        assert_eq!(look(&a, &opened["token"]).await.status, 200);
        for other in [&b, &c] {
            let refused = look(other, &opened["token"]).await;
            refused.expect_problem(401, "invalid_token");
        }
        // The node itself is nobody, and a stream is not for reading.
        let key = node_key(&b).await;
        let bobs = actor(&b, "bob");
        let own = session(&a, &key, None, &["chat:read"]).await;
        let refused = look(&a, &own["session_token"]).await;
        refused.expect_problem(401, "invalid_token");
        let stream = session(&a, &key, Some(bobs.as_str()), &["stream"]).await;
        let refused = look(&a, &stream["session_token"]).await;
        refused.expect_problem(403, "insufficient_scope");
        // Nobody asks for members of others: neither of the host nor of a third.
        for (world, name) in [(&a, "alice"), (&c, "owner")] {
            let whose = actor(world, name);
            let refused = challenge(&a, &key, Some(whose.as_str()), &["chat:read"]).await;
            refused.expect_problem(403, "foreign_subject");
        }
        // Without the scope for it nothing is said, not even that one writes.
        let reading = session(&a, &key, Some(bobs.as_str()), &["chat:read"]).await;
        let reading = reading["session_token"].as_str().unwrap().to_owned();
        let reader = a.returning(reading, String::new());
        let (_, square) = square(&alice).await;
        let typing = format!("/api/v1/channels/{square}/typing");
        let refused = reader.post(&typing, &json!({})).await;
        refused.expect_problem(403, "insufficient_scope");
        drop((alice, bob, reader));
        for world in [a, b, c] {
            world.stop().await;
        }
    });
}

#[test]
fn attack_whose_address_leads_on_to_somebody_gets_no_session_as_them() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let third = TestDatabase::create(Backend::Sqlite);
        let c = World::start_with(&third, open).await;
        c.member("victim").await;
        let (mallory, victim) = (actor(&b, "mallory"), actor(&c, "victim"));
        // The server is known with its key, and then says that the visitor is somewhere else.
        let key = node_key(&b).await;
        session(&a, &key, None, &["stream"]).await;
        let (port, _data) = b.stop().await;
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let elsewhere = Redirect::temporary(victim.as_str());
        let leads_on = Router::new().fallback(move || ready(elsewhere.clone()));
        let server = tokio::spawn(axum::serve(listener, leads_on).into_future());
        let refused = challenge(&a, &key, Some(mallory.as_str()), &["chat:read"]).await;
        refused.expect_problem(403, "subject_unusable");
        server.abort();
        a.stop().await;
        c.stop().await;
    });
}

#[test]
fn a_home_server_asks_for_its_own_members_where_it_may() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let bob = b.member("bob").await;
        let ask = async |host: &str| bob.post(VISIT, &json!({"host": host})).await;
        ask("not a host").await.expect_problem(422, "invalid_host");
        let address = a.app.address().to_string();
        let with_path = format!("{address}/path");
        ask(&with_path).await.expect_problem(422, "invalid_host");
        let own = b.app.address().to_string();
        ask(&own).await.expect_problem(422, "own_node");
        ask("10.0.0.1").await.expect_problem(422, "address_refused");
        let nobody = format!("127.0.0.1:{}", port::free());
        ask(&nobody).await.expect_problem(502, "peer_unreachable");
        let unknown = json!({"host": address, "subject": "https://a.example/users/eve"});
        assert_eq!(bob.post(VISIT, &unknown).await.status, 422);

        // By the member alone: what they gave to others does not lead to other nodes.
        let wanted = json!({
            "name": "bot", "scopes": ["read", "write"], "expires_in_days": 1,
        });
        let made = bob.post("/api/v1/auth/tokens", &wanted).await.expect(201);
        let bot = made["token"].as_str().unwrap().to_owned();
        let bot = b.returning(bot, String::new());
        let refused = bot.post(VISIT, &json!({"host": address})).await;
        refused.expect_problem(403, "first_party_only");

        let opened = visit(&bob, &a).await;
        let log = bob.get("/api/v1/admin/audit-log?action=node.visit").await;
        let log = log.expect(200);
        assert_eq!(log["items"].as_array().unwrap().len(), 1, "{log:#}");
        let token = opened["token"].as_str().unwrap();
        assert!(!log.to_string().contains(token), "{log:#}");

        b.app.parts().edge.blocked().block("127.0.0.1").unwrap();
        ask(&address).await.expect_problem(403, "domain_blocked");
        drop((bob, bot));
        a.stop().await;
        b.stop().await;
    });
}
