//! Passwords: changed, forgotten, and set anew by mail.

use std::time::Duration;

use federation_core::testing::{TestDatabase, on_each_backend};
use folkmoot::config::Secret;
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::post::Post;
use super::world::World;
use crate::app::{Member, PASSWORD, Reply};
use crate::port;

const RESET: &str = "/api/v1/auth/password/reset";
const CONFIRM: &str = "/api/v1/auth/password/reset/confirm";
const NEXT: &str = "another long password";

async fn start(database: TestDatabase, port: u16) -> World {
    World::start_with(database, |config| {
        config.mail.smtp_url = Some(Secret::new(format!("smtp://127.0.0.1:{port}")));
        config.mail.from = Some("Folkmoot <folkmoot@chat.example>".to_owned());
    })
    .await
}

async fn signup(world: &World, name: &str, email: &str) -> Member {
    let body = json!({"username": name, "password": PASSWORD, "email": email});
    world.app.post("/api/v1/auth/signup", &body).await.member()
}

/// A member whose address is proved by the code that came there.
async fn proved(world: &World, post: &Post, name: &str, email: &str) -> Member {
    let member = signup(world, name, email).await;
    let letter = post.next(world).await;
    assert_eq!(letter.to, email);
    let body = json!({"token": letter.code()});
    let reply = world.app.post("/api/v1/auth/email/confirm", &body).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT, "{:?}", reply.json);
    member
}

async fn ask(world: &World, text: &str) {
    let reply = world
        .app
        .post(RESET, &json!({"username_or_email": text}))
        .await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{:?}", reply.json);
    assert_eq!(reply.json, Value::Null);
}

async fn code_for(world: &World, post: &Post, text: &str) -> String {
    // One message a minute at most.
    world.time.advance(Duration::from_mins(1));
    ask(world, text).await;
    post.next(world).await.code()
}

async fn set(world: &World, code: &str, password: &str) -> Reply {
    let body = json!({"token": code, "new_password": password});
    world.app.post(CONFIRM, &body).await
}

async fn login(world: &World, name: &str, password: &str) -> Reply {
    let body = json!({"username": name, "password": password});
    world.login_from("192.0.2.1", &body).await
}

#[test]
fn a_forgotten_password_is_set_anew_by_mail() {
    let post = Post::start();
    on_each_backend(async |database| {
        let world = start(database, post.port).await;
        let alice = proved(&world, &post, "alice", "Alice@there.example").await;
        let shown = world.app.get("/api/v1/auth/email", &alice.access).await;
        assert_eq!(
            shown.json,
            json!({"email": "Alice@there.example", "confirmed": true})
        );
        for text in ["alice", "alice@THERE.example"] {
            let code = code_for(&world, &post, text).await;
            set(&world, &code, "short")
                .await
                .assert_problem(422, "invalid_password");
            let done = set(&world, &code, NEXT).await;
            assert_eq!(done.status, StatusCode::NO_CONTENT, "{:?}", done.json);
            let note = post.next(&world).await;
            assert!(
                note.text.contains("your password was changed"),
                "{}",
                note.text
            );
            assert!(
                note.text.contains("Auto-Submitted: auto-generated"),
                "{}",
                note.text
            );
        }
        let me = world.app.get("/api/v1/users/@me", &alice.access).await;
        me.assert_problem(401, "session_ended");
        let old = login(&world, "alice", PASSWORD).await;
        old.assert_problem(401, "wrong_credentials");
        assert_eq!(login(&world, "alice", NEXT).await.status, StatusCode::OK);
        world.app.stop().await;
    });
}

#[test]
fn attack_a_code_for_a_new_password_counts_once_for_its_account_in_its_time() {
    let post = Post::start();
    on_each_backend(async |database| {
        let world = start(database, post.port).await;
        proved(&world, &post, "alice", "alice@there.example").await;
        proved(&world, &post, "bob", "bob@there.example").await;
        let first = code_for(&world, &post, "alice").await;
        let second = code_for(&world, &post, "alice").await;
        let uses = join_all((0..8).map(|_| set(&world, &second, NEXT))).await;
        let good = uses
            .iter()
            .filter(|reply| reply.status == StatusCode::NO_CONTENT);
        assert_eq!(good.count(), 1);
        post.next(&world).await;
        // Neither it nor an earlier one counts any more.
        for code in [&first, &second] {
            set(&world, code, "a third password")
                .await
                .assert_problem(403, "invalid_code");
        }
        // Bob's account was not touched, whatever the code said.
        assert_eq!(login(&world, "bob", PASSWORD).await.status, StatusCode::OK);
        let late = code_for(&world, &post, "alice").await;
        world.time.advance(Duration::from_hours(1));
        set(&world, &late, NEXT)
            .await
            .assert_problem(403, "invalid_code");
        // A code to prove an address sets no password.
        let alice = login(&world, "alice", NEXT).await.member();
        let asked = world
            .send(Method::POST, "/api/v1/auth/email", &alice, &json!({}))
            .await;
        assert_eq!(asked.status, StatusCode::ACCEPTED, "{:?}", asked.json);
        let proof = post.next(&world).await.code();
        set(&world, &proof, NEXT)
            .await
            .assert_problem(403, "invalid_code");
        // Whoever reads an address that was given up gets in no more.
        let code = code_for(&world, &post, "alice").await;
        let email = json!({"email": "alice@new.example"});
        let me = "/api/v1/users/@me";
        let moved = world.send(Method::PATCH, me, &alice, &email).await;
        assert_eq!(moved.status, StatusCode::OK, "{:?}", moved.json);
        set(&world, &code, "of somebody else")
            .await
            .assert_problem(403, "invalid_code");
        let body = json!({"token": proof});
        let old = world.app.post("/api/v1/auth/email/confirm", &body).await;
        old.assert_problem(403, "invalid_code");
        world.app.stop().await;
    });
}

#[test]
fn attack_nobody_learns_who_has_an_account_by_asking_for_a_password() {
    let post = Post::start();
    on_each_backend(async |database| {
        let world = start(database, post.port).await;
        proved(&world, &post, "alice", "alice@there.example").await;
        // An address that is not proved is not written to: it may be a stranger's.
        signup(&world, "carol", "carol@there.example").await;
        post.next(&world).await;
        let worked = world.app.app().parts().auth.passwords.worked();
        for text in [
            "nobody",
            "nobody@there.example",
            "carol",
            "carol@there.example",
            "",
            "a\0b",
        ] {
            ask(&world, text).await;
        }
        ask(&world, &"x".repeat(100_000)).await;
        post.nothing(&world).await;
        assert_eq!(world.app.app().parts().auth.passwords.worked(), worked);
        // Nobody's mailbox is flooded: one message a minute, five a day.
        for _ in 0..3 {
            ask(&world, "alice").await;
        }
        post.next(&world).await;
        post.nothing(&world).await;
        // An address that asks too often waits, whomever it asks for.
        let mut last = StatusCode::ACCEPTED;
        for _ in 0..20 {
            let body = json!({"username_or_email": "nobody"});
            last = world.app.post(RESET, &body).await.status;
        }
        assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
        world.app.stop().await;
    });
}

#[test]
fn changing_a_password_ends_the_other_sessions() {
    let post = Post::start();
    on_each_backend(async |database| {
        let world = start(database, post.port).await;
        let alice = proved(&world, &post, "alice", "alice@there.example").await;
        let other = login(&world, "alice", PASSWORD).await.member();
        let code = code_for(&world, &post, "alice").await;
        let path = "/api/v1/auth/password";
        let body = |old: &str| json!({"old": old, "new": NEXT});
        let refused = world
            .send(Method::POST, path, &alice, &body("not it, no"))
            .await;
        refused.assert_problem(403, "wrong_password");
        let changed = world
            .send(Method::POST, path, &alice, &body(PASSWORD))
            .await;
        assert_eq!(changed.status, StatusCode::NO_CONTENT, "{:?}", changed.json);
        let me = async |member: &Member| {
            let call = world.app.call(Method::GET, "/api/v1/users/@me");
            call.bearer(&member.access).send().await
        };
        me(&other).await.assert_problem(401, "session_ended");
        assert_eq!(me(&alice).await.status, StatusCode::OK);
        assert!(
            post.next(&world)
                .await
                .text
                .contains("your password was changed")
        );
        let audited = world.audited(&alice).await;
        assert_eq!(audited, ["email.confirm", "password.change"]);
        // A code that was on its way is worth nothing.
        set(&world, &code, "of somebody else")
            .await
            .assert_problem(403, "invalid_code");
        assert_eq!(login(&world, "alice", NEXT).await.status, StatusCode::OK);
        world.app.stop().await;
    });
}

#[test]
fn messages_wait_for_a_mail_server_that_is_away_or_busy_and_are_given_up_when_refused() {
    on_each_backend(async |database| {
        let port = port::free();
        let world = start(database, port).await;
        signup(&world, "alice", "alice@there.example").await;
        signup(&world, "bob", "nobody@there.example").await;
        world.time.advance(Duration::from_secs(5));
        // What waits is not readable in the database.
        assert_eq!(world.waiting().await.0, 2);
        let server = Post::start_at(port, 2);
        let letter = server.next(&world).await;
        assert_eq!(letter.to, "alice@there.example");
        assert!(letter.text.contains("Message-ID: <"), "{}", letter.text);
        while world.waiting().await.0 > 0 {
            world.time.advance(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server.nothing(&world).await;
        world.app.stop().await;
    });
}

#[test]
fn without_mail_nothing_is_queued_and_who_is_signed_in_is_told() {
    on_each_backend(async |database| {
        let world = World::start(database).await;
        let alice = signup(&world, "alice", "alice@there.example").await;
        ask(&world, "alice").await;
        assert_eq!(world.waiting().await, (0, 0));
        let asked = world
            .send(Method::POST, "/api/v1/auth/email", &alice, &json!({}))
            .await;
        asked.assert_problem(409, "mail_off");
        world.app.stop().await;
    });
}
