//! Every route says what it needs, is documented, and is held to it.

use federation_core::testing::on_each_backend;
use http::Method;
use serde_json::Value;

use crate::app::TestApp;

/// A path with something in the place of its parts.
fn concrete(path: &str) -> String {
    let some = "0197a3c2-7b1e-7c55-8f00-6b7d2f6f1a11";
    let part = |part: &str| {
        if part.starts_with('{') {
            some.to_owned()
        } else {
            part.to_owned()
        }
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Method, path and needs of every operation of the document.
fn operations(document: &Value) -> Vec<(Method, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let item = item.as_object().unwrap().clone();
        let path = path.clone();
        item.into_iter().map(move |(method, operation)| {
            let method = method.to_uppercase().parse().unwrap();
            (method, path.clone(), operation)
        })
    };
    paths.iter().flat_map(of_path).collect()
}

#[test]
fn every_route_needs_what_it_says() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        // The first member owns the node, the second holds no privilege beyond a member's.
        app.signup("owner").await;
        let member = app.signup("member").await;
        let document = app.get("/api/openapi.json", &member.access).await.json;
        assert_eq!(document["openapi"], "3.1.0");
        let operations = operations(&document);
        assert!(operations.len() > 30, "{}", operations.len());
        for (method, path, operation) in operations {
            let route = format!("{method} {path}");
            let needs = operation["x-needs"].as_str().unwrap_or_default();
            assert!(!needs.is_empty(), "{route} says nothing of its needs");
            assert!(operation["summary"].is_string(), "{route} has no summary");
            let url = concrete(&path);
            let bare = app.call(method.clone(), &url).send().await;
            let is_open = operation["security"] == serde_json::json!([]);
            if is_open {
                assert_ne!(bare.json["code"], "undeclared_route", "{route}");
                continue;
            }
            bare.assert_problem(401, "unauthenticated");
            let forged = app.call(method.clone(), &url).bearer("forged").send().await;
            forged.assert_problem(401, "invalid_token");
            let is_member = needs.starts_with("a member");
            let privilege = needs.strip_prefix("the privilege ");
            assert!(is_member || privilege.is_some(), "{route}: {needs}");
            let held = privilege.is_some_and(|name| {
                let name: folkmoot::base::privilege::Privilege = name.parse().unwrap();
                let role = folkmoot::base::role::Role::User;
                folkmoot::base::privilege::Privileges::of_role(role).contains(name)
            });
            if !is_member && !held {
                let refused = app.call(method, &url).bearer(&member.access).send().await;
                refused.assert_problem(403, "forbidden");
            }
        }
        app.stop().await;
    });
}

#[test]
fn the_document_is_readable_and_whole() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let reply = app.call(Method::GET, "/api/openapi.json").send().await;
        let text = reply.json.to_string();
        let schemas = reply.json["components"]["schemas"].as_object().unwrap();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name} is not described");
        }
        let page = app.call(Method::GET, "/api/docs").send().await;
        assert_eq!(page.status, 200);
        assert!(
            page.headers["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
        app.stop().await;
    });
}
