//! What operators see of deliveries and peers, and how they send again what was given up.

use federation_core::outbox::sql::{enqueue, expire};
use federation_core::outbox::{DeliveryId, Outgoing, Target};
use federation_core::store::sql::DatabaseError;
use federation_core::testing::on_each_backend;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use url::Url;

use crate::app::{Reply, TestApp};

const DELIVERIES: &str = "/api/v1/federation/deliveries";

fn outgoing(app: &TestApp, number: u32, host: &str) -> Outgoing {
    let url = |text: String| Url::parse(&text).unwrap();
    let origin = app.origin();
    Outgoing {
        activity_id: url(format!("{origin}/activities/{number}")),
        actor_id: url(format!("{origin}/users/alice")),
        object_id: None,
        body: "{}".to_owned(),
        ordering_key: None,
        targets: vec![Target {
            inbox: url(format!("https://{host}/inbox")),
            recipients: vec![url(format!("https://{host}/users/bob"))],
        }],
    }
}

/// Queues one delivery, and gives it up at once when asked to.
async fn delivery(app: &TestApp, number: u32, host: &str, dead: bool) -> DeliveryId {
    let outgoing = outgoing(app, number, host);
    let now = app.app().ctx().now();
    let later = now.plus(std::time::Duration::from_secs(1));
    let queued = app.app().ctx().db().write(move |connection| {
        let ids = enqueue(connection, &outgoing, now)?;
        if dead {
            expire(connection, later, 100, now, None)?;
        }
        Ok::<_, DatabaseError>(ids)
    });
    queued.await.unwrap().remove(0)
}

async fn retry(app: &TestApp, id: impl ToString, access: &str) -> Reply {
    let path = format!("{DELIVERIES}/{}/retry", id.to_string());
    app.call(Method::POST, &path).bearer(access).send().await
}

fn ids(reply: &Reply) -> Vec<String> {
    let items = reply.json["items"].as_array().expect("a list");
    let id = |item: &Value| item["id"].as_str().unwrap().to_owned();
    items.iter().map(id).collect()
}

#[test]
fn dead_deliveries_are_listed_and_sent_again() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let owner = app.signup("alice").await;
        let dead = delivery(&app, 1, "one.invalid", true).await.to_string();
        let other = delivery(&app, 2, "two.invalid", true).await.to_string();

        let list = |query: &str| {
            let path = format!("{DELIVERIES}{query}");
            let (app, access) = (&app, owner.access.clone());
            async move { app.get(&path, &access).await }
        };
        let reply = list("?state=dead").await;
        assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.json);
        assert_eq!(ids(&reply), [other.as_str(), dead.as_str()]);
        let first = &reply.json["items"][1];
        assert_eq!(first["state"], "dead");
        assert_eq!(first["peer"], "one.invalid");
        assert_eq!(first["inbox"], "https://one.invalid/inbox");
        assert_eq!(first["recipients"][0], "https://one.invalid/users/bob");
        assert!(first["settled_at"].is_string());

        assert_eq!(ids(&list("?peer=One.invalid").await), [dead.as_str()]);
        list("?peer=no/domain")
            .await
            .assert_problem(400, "invalid_peer");
        let of_peer = "/api/v1/federation/peers/two.invalid/deliveries?state=dead";
        assert_eq!(
            ids(&app.get(of_peer, &owner.access).await),
            [other.as_str()]
        );
        assert!(ids(&list("?state=delivered").await).is_empty());

        let page = list("?state=dead&limit=1").await;
        assert_eq!(ids(&page), [other.as_str()]);
        assert_eq!(page.text("/next"), other);
        assert!(page.headers["link"].to_str().unwrap().contains("before="));
        let rest = list(&format!("?state=dead&limit=1&before={other}")).await;
        assert_eq!(ids(&rest), [dead.as_str()]);
        assert_eq!(rest.json["next"], Value::Null);

        let again = retry(&app, &dead, &owner.access).await;
        assert_eq!(again.status, StatusCode::OK, "{:?}", again.json);
        assert_eq!(again.text("/state"), "queued");
        assert_eq!(again.json["settled_at"], Value::Null);
        assert_eq!(ids(&list("?state=dead").await), [other.as_str()]);
        let twice = retry(&app, &dead, &owner.access).await;
        twice.assert_problem(409, "delivery_not_ended");
        let shown = app
            .get(&format!("{DELIVERIES}/{dead}"), &owner.access)
            .await;
        assert_eq!(shown.text("/id"), dead);
        app.stop().await;
    });
}

#[test]
fn only_admins_look_at_deliveries_and_peers() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let owner = app.signup("alice").await;
        let member = app.signup("bob").await;
        let dead = delivery(&app, 1, "one.invalid", true).await;
        for path in [
            DELIVERIES.to_owned(),
            format!("{DELIVERIES}/{dead}"),
            "/api/v1/federation/peers".to_owned(),
            "/api/v1/federation/peers/one.invalid".to_owned(),
            "/api/v1/federation/peers/one.invalid/deliveries".to_owned(),
        ] {
            let reply = app.get(&path, &member.access).await;
            reply.assert_problem(403, "forbidden");
            let reply = app.call(Method::GET, &path).send().await;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{path}");
        }
        let reply = retry(&app, dead, &member.access).await;
        reply.assert_problem(403, "forbidden");
        let list = format!("{DELIVERIES}?state=dead");
        let reply = app.get(&list, &owner.access).await;
        assert_eq!(ids(&reply), [dead.to_string()]);
        app.stop().await;
    });
}

#[test]
fn bad_questions_get_clear_answers() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let owner = app.signup("alice").await;
        for query in ["?state=lost", "?before=x", "?limit=-1", "?colour=red"] {
            let reply = app
                .get(&format!("{DELIVERIES}{query}"), &owner.access)
                .await;
            reply.assert_problem(400, "invalid_query");
        }
        // Every text is a place in a list of names.
        for list in ["peers", "policies"] {
            let path = format!("/api/v1/federation/{list}?after=a%00");
            assert_eq!(app.get(&path, &owner.access).await.status, StatusCode::OK);
        }
        for id in ["nothing", "0197a3c2-7b1e-7c55-8f00-6b7d2f6f1a11"] {
            retry(&app, id, &owner.access)
                .await
                .assert_problem(404, "not_found");
        }
        let path = "/api/v1/federation/peers/never.example";
        let reply = app.get(path, &owner.access).await;
        reply.assert_problem(404, "not_found");
        app.stop().await;
    });
}
