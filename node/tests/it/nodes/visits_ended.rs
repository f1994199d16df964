//! What ends a visit: the member, their home server, the host, and time (I9).

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use federation_core::SystemClock;
use federation_core::clock::Clock as _;
use federation_core::store::sql::Backend;
use federation_core::testing::{ManualClock, TestDatabase, on_each_backend};
use serde_json::{Value, json};

use super::visits::{VISIT, VISITS, visit, visitor};
use crate::chat::world::{Answer, Member, Socket, World};
use crate::federation::channels::{join, square};
use crate::federation::pair::{open, pair, until};

const CHANNELS: &str = "/api/v1/channels";

/// The same member, signed in once more.
async fn again<'a>(member: &Member<'a>, name: &str) -> Member<'a> {
    let body = json!({"username": name, "password": "correct horse battery staple"});
    let login = member.world.url("/api/v1/auth/login");
    let answer = Answer::of(member.world.http.post(login).json(&body)).await;
    let answer = answer.expect(200);
    let text = |key: &str| answer[key].as_str().unwrap().to_owned();
    Member {
        world: member.world,
        id: member.id.clone(),
        token: text("access_token"),
        refresh: text("refresh_token"),
    }
}

/// Ends all sign-ins of bob by the command, while no server runs.
fn sign_out_bob(database: &TestDatabase, data: &Path) {
    let output = Command::new(env!("CARGO_BIN_EXE_folkmoot"))
        .env_clear()
        .env("FOLKMOOT_DATABASE__URL", database.url_text())
        .current_dir(data)
        .args(["token", "revoke", "bob", "--json", "--data-dir"])
        .arg(data)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
}

/// A visit with its socket open, and the id of the visitor there.
async fn there<'a>(by: &Member<'_>, host: &'a World) -> (Member<'a>, Socket, Value, String) {
    let opened = visit(by, host).await;
    let client = visitor(host, &opened);
    let (socket, ready) = client.socket(None).await;
    let id = ready["user"]["id"].as_str().unwrap().to_owned();
    (client, socket, opened, id)
}

#[test]
fn I9_a_visit_ends_with_the_member_or_their_sign_in_at_home() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let bob = b.member("bob").await;
        let phone = again(&bob, "bob").await;

        // By the member.
        let (client, mut socket, opened, _) = there(&bob, &a).await;
        let (kept, mut kept_open, _, _) = there(&phone, &a).await;
        let path = format!("{VISITS}/{}", opened["id"].as_str().unwrap());
        bob.delete(&path).await.expect(204);
        assert_eq!(socket.closed().await, 4401);
        let refused = client.get(CHANNELS).await;
        refused.expect_problem(401, "invalid_token");
        bob.delete(&path).await.expect_problem(404, "not_found");

        // With the sign-in that it was opened by, and no other.
        let (client, mut socket, _, _) = there(&bob, &a).await;
        let out = json!({"refresh_token": bob.refresh});
        bob.post("/api/v1/auth/logout", &out).await.expect(204);
        assert_eq!(socket.closed().await, 4401);
        let refused = client.get(CHANNELS).await;
        refused.expect_problem(401, "invalid_token");
        kept_open.silent().await;
        assert_eq!(kept.get(CHANNELS).await.status, 200);
        until("only the other visit", async || {
            let open = phone.get(VISITS).await.expect(200);
            (open["items"].as_array().unwrap().len() == 1).then_some(())
        })
        .await;
        drop((bob, phone, client, kept));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn I9_a_visit_ends_with_the_account_at_home() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (owner, bob) = (b.member("owner").await, b.member("bob").await);
        let (client, mut socket, _, _) = there(&bob, &a).await;
        let path = format!("/api/v1/admin/users/{}/suspend", bob.id);
        owner
            .post(&path, &json!({"reason": "floods"}))
            .await
            .expect(200);
        assert_eq!(socket.closed().await, 4401);
        let refused = client.get(CHANNELS).await;
        refused.expect_problem(401, "invalid_token");
        drop((owner, bob, client));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn I9_a_visitor_is_suspended_banned_and_shut_out_at_once() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (community, square) = square(&alice).await;
        join(&bob, &a).await;

        // Suspended by the host, and let in again.
        let (client, mut socket, _, id) = there(&bob, &a).await;
        let began = Instant::now();
        let path = format!("/api/v1/admin/users/{id}");
        let suspend = format!("{path}/suspend");
        let why = json!({"reason": "floods"});
        alice.post(&suspend, &why).await.expect(200);
        assert_eq!(socket.closed().await, 4401);
        assert!(began.elapsed() < Duration::from_secs(1));
        let refused = client.get(CHANNELS).await;
        refused.expect_problem(401, "invalid_token");
        let anew = visitor(&a, &visit(&bob, &a).await);
        let refused = anew.get(CHANNELS).await;
        refused.expect_problem(403, "suspended");
        let unsuspend = format!("{path}/unsuspend");
        alice.post(&unsuspend, &json!({})).await.expect(200);

        // Banned from the community: the visit goes on, and sees nothing of it.
        let (client, mut socket, _, _) = there(&bob, &a).await;
        let ban = format!("/api/v1/communities/{community}/bans/{id}");
        alice.put(&ban, &why).await.expect(200);
        let left = socket.next_op("community.left").await;
        assert_eq!(left["d"]["reason"], "banned");
        alice.say(&square, "without bob").await;
        let heard = socket.told_before_heartbeat().await;
        let heard = heard.iter().filter(|it| it["op"] == "message.created");
        assert_eq!(heard.count(), 0);
        let messages = format!("/api/v1/channels/{square}/messages");
        let refused = client.get(&messages).await;
        refused.expect_problem(404, "not_found");

        // The domain is blocked.
        let began = Instant::now();
        a.app.parts().edge.blocked().block("127.0.0.1").unwrap();
        assert_eq!(socket.closed().await, 4401);
        assert!(began.elapsed() < Duration::from_secs(2));
        let refused = client.get(CHANNELS).await;
        assert!(matches!(refused.status, 401 | 403), "{:#}", refused.json);
        let refused = bob
            .post(VISIT, &json!({"host": a.app.address().to_string()}))
            .await;
        refused.expect_problem(403, "visit_refused");
        drop((alice, bob, client, anew));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn a_visit_is_over_when_its_time_is() {
    on_each_backend(async |database: TestDatabase| {
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let other = TestDatabase::create(Backend::Sqlite);
        let a = World::start_by(&database, clock.clone(), |config| {
            open(config);
            config.federation.handshake.session_hours = 1;
        })
        .await;
        let b = World::start_by(&other, clock.clone(), open).await;
        let bob = b.member("bob").await;
        let (client, mut socket, _, _) = there(&bob, &a).await;
        clock.advance(Duration::from_mins(61));
        assert_eq!(socket.closed().await, 4401);
        let refused = client.get(CHANNELS).await;
        refused.expect_problem(401, "invalid_token");
        drop((bob, client));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn a_visit_ends_although_the_home_server_was_away_when_its_sign_in_did() {
    on_each_backend(async |database: TestDatabase| {
        let other = TestDatabase::create(Backend::Sqlite);
        let a = World::start_with(&other, open).await;
        let b = World::start_with(&database, open).await;
        let bob = b.member("bob").await;
        let (client, mut socket, _, _) = there(&bob, &a).await;
        let token = client.token.clone();
        drop((bob, client));
        let (port, data) = b.stop().await;
        sign_out_bob(&database, data.path());
        let b = World::start_at(&database, data, port, open).await;
        assert_eq!(socket.closed().await, 4401);
        let late = a.returning(token, String::new());
        let refused = late.get(CHANNELS).await;
        refused.expect_problem(401, "invalid_token");
        drop(late);
        a.stop().await;
        b.stop().await;
    });
}
