//! Members link the accounts they have, and take the links away.

use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::testing::on_each_backend;
use folkmoot::base::ids::UserId;
use folkmoot::config::Secret;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::World;
use super::issuer::REDIRECT;
use crate::app::{Member, PASSWORD};

const LINKS: &str = "/api/v1/auth/oidc/links";

#[test]
fn members_link_their_account_and_take_the_link_away() {
    on_each_backend(async |database| {
        let world = World::start(database, |_| {}).await;
        let alice = world.app.signup("alice").await;
        let unknown = world.sign_in("a.liddell").await;
        unknown.assert_problem(403, "external_account_unknown");
        let linked = world.link(&alice, "a.liddell").await;
        assert_eq!(linked.status, StatusCode::NO_CONTENT, "{:#}", linked.json);
        let signed_in = world.sign_in("a.liddell").await;
        let me = world.me(&signed_in.text("/access_token")).await;
        assert_eq!(me.json["username"], "alice");
        // The same person of the issuer stands for one account.
        let bob = world.app.signup("bob").await;
        let taken = world.link(&bob, "a.liddell").await;
        taken.assert_problem(409, "external_account_linked");
        let links = "/api/v1/auth/oidc/links";
        let listed = world.app.get(links, &alice.access).await;
        let id = listed.text("/items/0/id");
        assert_eq!(listed.json["items"][0]["issuer"], world.issuer.url);
        let path = format!("{links}/{id}");
        let foreign = world.app.call(Method::DELETE, &path).bearer(&bob.access);
        foreign.send().await.assert_problem(404, "not_found");
        let gone = world.app.call(Method::DELETE, &path).bearer(&alice.access);
        assert_eq!(gone.send().await.status, StatusCode::NO_CONTENT);
        let late = world.sign_in("a.liddell").await;
        late.assert_problem(403, "external_account_unknown");
        world.app.stop().await;
    });
}

#[test]
fn who_signs_in_by_the_issuer_alone_keeps_the_link() {
    on_each_backend(async |database| {
        let world = World::start(database, |config| config.oidc.auto_register = true).await;
        let carol = world.sign_in("carol").await.text("/access_token");
        let links = "/api/v1/auth/oidc/links";
        let id = world.app.get(links, &carol).await.text("/items/0/id");
        let path = format!("{links}/{id}");
        let last = world.app.call(Method::DELETE, &path).bearer(&carol);
        last.send().await.assert_problem(409, "last_sign_in");
        world.app.stop().await;
    });
}

/// Whoever gets at an open session does not make themselves a way in that stays.
#[test]
fn attack_a_link_takes_the_password_and_the_same_session() {
    on_each_backend(async |database| {
        let world = World::start(database, |_| {}).await;
        let alice = world.app.signup("alice").await;
        let nothing = json!({"redirect_uri": REDIRECT});
        let refused = world.begin_link(&alice.access, &nothing).await;
        refused.assert_problem(403, "wrong_password");
        let wrong = json!({"redirect_uri": REDIRECT, "password": "not the password"});
        let refused = world.begin_link(&alice.access, &wrong).await;
        refused.assert_problem(403, "wrong_password");
        let right = json!({"redirect_uri": REDIRECT, "password": PASSWORD});
        let started = world.begin_link(&alice.access, &right).await;
        assert_eq!(started.status, StatusCode::OK, "{:#}", started.json);
        let back = world.lead(&started.json, "mallory").await;
        let other = world.app.login("alice").await;
        let refused = world.finish_link(&other.access, &started.json, &back).await;
        refused.assert_problem(400, "invalid_state");
        let linked = world.finish_link(&alice.access, &started.json, &back).await;
        assert_eq!(linked.status, StatusCode::NO_CONTENT, "{:#}", linked.json);
        // Once.
        let again = world.finish_link(&alice.access, &started.json, &back).await;
        again.assert_problem(400, "invalid_state");
        world.app.stop().await;
    });
}

#[test]
fn who_has_no_password_links_without_one() {
    on_each_backend(async |database| {
        let world = World::start(database, |config| config.oidc.auto_register = true).await;
        let carol = world.sign_in("carol").await.member();
        let linked = world.link(&carol, "carol.at.work").await;
        assert_eq!(linked.status, StatusCode::NO_CONTENT, "{:#}", linked.json);
        let signed_in = world.sign_in("carol.at.work").await.member();
        assert_eq!(signed_in.id, carol.id);
        world.app.stop().await;
    });
}

/// A thief's sign-in by a link does not outlive the link.
#[test]
fn attack_taking_a_link_away_ends_the_sign_ins_it_opened() {
    on_each_backend(async |database| {
        let world = World::start(database, |_| {}).await;
        let alice = world.app.signup("alice").await;
        world.link(&alice, "mallory").await;
        let thief = world.sign_in("mallory").await.member();
        assert_eq!(thief.id, alice.id);
        let id = world
            .app
            .get(LINKS, &alice.access)
            .await
            .text("/items/0/id");
        let path = format!("{LINKS}/{id}");
        let gone = world.app.call(Method::DELETE, &path).bearer(&alice.access);
        assert_eq!(gone.send().await.status, StatusCode::NO_CONTENT);
        let late = world.me(&thief.access).await;
        late.assert_problem(401, "session_ended");
        let refresh = json!({"refresh_token": thief.refresh});
        let late = world.app.post("/api/v1/auth/refresh", &refresh).await;
        late.assert_problem(401, "invalid_refresh_token");
        assert_eq!(world.me(&alice.access).await.status, StatusCode::OK);
        let audited = world.audited(&alice.id).await;
        assert_eq!(
            audited,
            ["external_identity.link", "external_identity.unlink"]
        );
        world.app.stop().await;
    });
}

#[test]
fn members_are_told_by_mail_of_links_that_come_and_go() {
    on_each_backend(async |database| {
        let world = World::start(database, |config| {
            // Nobody listens there: what is queued stays.
            config.mail.smtp_url = Some(Secret::new("smtp://127.0.0.1:9".to_owned()));
            config.mail.from = Some("Folkmoot <folkmoot@chat.example>".to_owned());
        })
        .await;
        let alice = world.app.signup("alice").await;
        prove_address(&world, &alice).await;
        let before = mails(&world).await;
        world.link(&alice, "carol").await;
        assert_eq!(mails(&world).await, before + 1);
        let id = world
            .app
            .get(LINKS, &alice.access)
            .await
            .text("/items/0/id");
        let path = format!("{LINKS}/{id}");
        let gone = world.app.call(Method::DELETE, &path).bearer(&alice.access);
        assert_eq!(gone.send().await.status, StatusCode::NO_CONTENT);
        assert_eq!(mails(&world).await, before + 2);
        world.app.stop().await;
    });
}

async fn prove_address(world: &World, member: &Member) {
    let id: UserId = member.id.parse().unwrap();
    let now = world.app.app().ctx().now().as_millis();
    let prove = move |connection: &mut Connection| {
        use diesel::prelude::*;
        use folkmoot::platform::db::schema::{confirmed_emails, users};
        let address = "alice@example.org";
        diesel::update(users::table.find(id))
            .set(users::email.eq(Some(address)))
            .execute(connection)?;
        diesel::insert_into(confirmed_emails::table)
            .values((
                confirmed_emails::user_id.eq(id),
                confirmed_emails::email.eq(address),
                confirmed_emails::confirmed_at.eq(now),
            ))
            .execute(connection)?;
        Ok::<_, DatabaseError>(())
    };
    world.app.app().ctx().db().write(prove).await.unwrap();
}

async fn mails(world: &World) -> i64 {
    let read = |connection: &mut Connection| {
        use diesel::prelude::*;
        use folkmoot::platform::db::schema::mails;
        Ok::<_, DatabaseError>(mails::table.count().get_result(connection)?)
    };
    world.app.app().ctx().db().read(read).await.unwrap()
}
