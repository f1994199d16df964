//! The end of accounts, here and at other nodes.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use federation_core::store::sql::DatabaseError;
use federation_core::testing::{TestDatabase, on_each_backend};
use folkmoot::base::ids::{ChannelId, MessageId, UserId};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::staff::{audited, call, put_roles};
use crate::app::{PASSWORD, TestApp};
use crate::federation::pair::{actor, contents, conversation, fetch, handle, pair, until};

const ME: &str = "/api/v1/users/@me";

#[test]
fn a_deleted_account_is_gone_and_its_name_is_not_given_again() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let owner = app.signup("owner").await;
        let alice = app.signup("alice").await;
        let bob = app.signup("bob").await;
        let wrong = json!({"password": "not the password"});
        call(&app, Method::DELETE, ME, &alice, &wrong)
            .await
            .assert_problem(403, "wrong_password");
        let right = json!({"password": PASSWORD});
        call(&app, Method::DELETE, ME, &owner, &right)
            .await
            .assert_problem(409, "last_owner");
        let body = json!({"bio": "secret life", "email": "a@example.org"});
        call(&app, Method::PATCH, ME, &alice, &body).await;
        let dm = json!({"recipients": ["bob"]});
        let channel = call(&app, Method::POST, "/api/v1/dms", &alice, &dm)
            .await
            .text("/id");
        let path = format!("/api/v1/channels/{channel}/messages");
        for number in 0..3 {
            call(
                &app,
                Method::POST,
                &path,
                &alice,
                &json!({"content": format!("m{number}")}),
            )
            .await;
        }
        let communities = app.get("/api/v1/communities", &alice.access).await;
        let id = communities.text("/items/0/id");
        let own = format!("/api/v1/communities/{id}/members/@me");
        call(
            &app,
            Method::PATCH,
            &own,
            &alice,
            &json!({"nickname": "Al"}),
        )
        .await;
        let id: UserId = alice.id.parse().unwrap();
        assert_eq!(kept(&app, id).await, 1);
        let gone = call(&app, Method::DELETE, ME, &alice, &right).await;
        assert_eq!(gone.status, StatusCode::ACCEPTED, "{:#}", gone.json);
        app.get(ME, &alice.access)
            .await
            .assert_problem(401, "session_ended");
        let login = json!({"username": "alice", "password": PASSWORD});
        app.post("/api/v1/auth/login", &login)
            .await
            .assert_problem(401, "wrong_credentials");
        app.post("/api/v1/auth/signup", &login)
            .await
            .assert_problem(409, "username_taken");
        let document = app
            .call(Method::GET, "/users/alice")
            .header("accept", "application/activity+json");
        assert_eq!(document.send().await.status, StatusCode::GONE);
        let show = format!("/api/v1/admin/deletions/{}", gone.text("/deletion"));
        until("the end of the deletion", async || {
            let shown = app.get(&show, &owner.access).await;
            (shown.json["state"] == "done").then_some(())
        })
        .await;
        let left = app.get(&path, &bob.access).await;
        assert_eq!(left.json["items"], json!([]));
        assert_eq!(kept(&app, id).await, 0);
        let known = app
            .get(&format!("/api/v1/admin/users/{}", alice.id), &owner.access)
            .await;
        assert_eq!(known.text("/state"), "deleted");
        assert!(!known.json.to_string().contains("secret life"));
        assert!(!known.json.to_string().contains("example.org"));
        app.stop().await;
    });
}

#[test]
fn operators_delete_accounts_along_the_ladder_of_roles() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let owner = app.signup("owner").await;
        let bob = app.signup("bob").await;
        let admin = app.signup("admin").await;
        put_roles(&app, &owner, &admin, "admin", &[]).await;
        for (who, code) in [
            (&owner.id, 403),
            (&admin.id, 403),
            (&bob.id, 202),
            (&bob.id, 404),
        ] {
            let path = format!("/api/v1/admin/users/{who}");
            let reply = call(&app, Method::DELETE, &path, &admin, &Value::Null).await;
            assert_eq!(reply.status.as_u16(), code, "{:#}", reply.json);
        }
        let acts = audited(&app).await;
        let deleted = acts.iter().filter(|(_, act, _)| act == "user.delete");
        assert_eq!(deleted.count(), 1, "{acts:?}");
        app.stop().await;
    });
}

#[test]
fn other_nodes_hear_of_it_and_the_ledger_tells_which() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let owner = a.member("owner").await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let channel = alice.dm(&[&handle(&b, "bob")]).await;
        alice.say(&channel, "remember me").await;
        let there = conversation(&bob).await;
        until("the message", async || {
            (!contents(&bob, &there).await.is_empty()).then_some(())
        })
        .await;
        let body = json!({"password": "correct horse battery staple"});
        let request = alice.request(Method::DELETE, ME).json(&body);
        let gone = crate::chat::world::Answer::of(request).await.expect(202);
        let show = format!(
            "/api/v1/admin/deletions/{}",
            gone["deletion"].as_str().unwrap()
        );
        let ledger = until("the confirmation", async || {
            let shown = owner.get(&show).await.expect(200);
            (shown["state"] == "done" && shown["confirmed"] == 1).then_some(shown)
        })
        .await;
        assert_eq!(ledger["unconfirmed"], 0, "{ledger:#}");
        assert_eq!(ledger["peers"][0]["peer"], b.app.address().to_string());
        // Their words went from the other node too.
        until("the tombstones", async || {
            contents(&bob, &there).await.is_empty().then_some(())
        })
        .await;
        let answer = fetch(&a, "/users/alice", None).await;
        assert_eq!(answer.status, 410);
        assert_eq!(answer.json["type"], "Tombstone");
        let known = bob.get("/api/v1/dms").await.expect(200).to_string();
        assert!(known.contains(actor(&a, "alice").as_str()));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn a_node_that_cannot_be_reached_is_told_apart() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let owner = a.member("owner").await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let channel = alice.dm(&[&handle(&b, "bob")]).await;
        alice.say(&channel, "hi").await;
        conversation(&bob).await;
        b.stop().await;
        let body = json!({"password": "correct horse battery staple"});
        let request = alice.request(Method::DELETE, ME).json(&body);
        crate::chat::world::Answer::of(request).await.expect(202);
        let ledger = until("the ledger", async || {
            let page = owner.get("/api/v1/admin/deletions").await.expect(200);
            (page["items"][0]["state"] == "done").then(|| page["items"][0].clone())
        })
        .await;
        assert_eq!(ledger["confirmed"], 0, "{ledger:#}");
        assert_eq!(ledger["peers"][0]["state"], "queued");
        a.stop().await;
    });
}

/// A server process of its own on this database.
fn serve(data: &std::path::Path, database: &TestDatabase, port: u16) -> Child {
    Command::new(env!("CARGO_BIN_EXE_folkmoot"))
        .args(["--bind", &format!("127.0.0.1:{port}"), "--data-dir"])
        .arg(data)
        .env_clear()
        .env("FOLKMOOT_DATABASE__URL", database.url_text())
        .current_dir(data)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// In how many communities something is kept of a person.
async fn kept(app: &TestApp, user: UserId) -> i64 {
    use diesel::prelude::*;
    use federation_core::store::sql::Connection;
    use folkmoot::platform::db::schema::community_members;
    let count = move |connection: &mut Connection| {
        let rows = community_members::table.filter(community_members::user_id.eq(user));
        Ok::<i64, DatabaseError>(rows.count().get_result(connection)?)
    };
    app.app().ctx().db().read(count).await.unwrap()
}

/// Puts many messages of one person into one conversation.
async fn fill(app: &TestApp, channel: ChannelId, author: UserId, count: i64) {
    use diesel::prelude::*;
    use federation_core::store::sql::Connection;
    use folkmoot::platform::db::schema::messages;
    let now = app.app().ctx().now();
    let insert = move |connection: &mut Connection| {
        for seq in 0..count {
            let id = MessageId::new(now);
            diesel::insert_into(messages::table)
                .values((
                    messages::id.eq(id),
                    messages::channel_id.eq(channel),
                    messages::seq.eq(1000 + seq),
                    messages::author_id.eq(author),
                    messages::uri.eq(format!("http://127.0.0.1/messages/{id}")),
                    messages::content.eq("x"),
                    messages::html.eq("<p>x</p>"),
                    messages::created_at.eq(now.as_millis()),
                ))
                .execute(connection)?;
        }
        Ok::<_, DatabaseError>(())
    };
    app.app().ctx().db().write(insert).await.unwrap();
}

#[test]
fn a_deletion_goes_on_after_kill_9() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        app.signup("owner").await;
        let alice = app.signup("alice").await;
        app.signup("bob").await;
        let dm = json!({"recipients": ["bob"]});
        let channel = call(&app, Method::POST, "/api/v1/dms", &alice, &dm)
            .await
            .text("/id");
        fill(
            &app,
            channel.parse().unwrap(),
            alice.id.parse().unwrap(),
            2000,
        )
        .await;
        let port = app.app().address().port();
        let (database, data) = app.stop().await;
        let mut server = serve(data.path(), &database, port);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://127.0.0.1:{port}{ME}");
        let right = json!({"password": PASSWORD});
        until("the answer", async || {
            let asked = client
                .delete(&url)
                .bearer_auth(&alice.access)
                .json(&right)
                .send()
                .await;
            asked
                .ok()
                .filter(|reply| reply.status() == StatusCode::ACCEPTED)
                .map(drop)
        })
        .await;
        server.kill().unwrap();
        server.wait().unwrap();
        let clock = std::sync::Arc::new(federation_core::SystemClock);
        let app = TestApp::start_in(database, data, clock, |_| {}).await;
        let left = async || {
            use diesel::prelude::*;
            use federation_core::store::sql::Connection;
            use folkmoot::platform::db::schema::messages;
            let read = |connection: &mut Connection| {
                let rows = messages::table
                    .filter(messages::deleted_at.is_null())
                    .count();
                Ok::<_, DatabaseError>(rows.get_result::<i64>(connection)?)
            };
            app.app().ctx().db().read(read).await.unwrap()
        };
        let start = left().await;
        let owner = app.login("owner").await;
        until("the end of the deletion", async || {
            let page = app.get("/api/v1/admin/deletions", &owner.access).await;
            assert!(page.json["items"][0].is_object(), "the deletion was lost");
            (page.json["items"][0]["state"] == "done").then_some(())
        })
        .await;
        println!("killed with {start} of 2000 messages left");
        assert_eq!(left().await, 0);
        tokio::time::timeout(Duration::from_secs(10), app.stop())
            .await
            .unwrap();
    });
}
