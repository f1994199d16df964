//! Every route says what it needs, is documented, and is held to it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

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
fn every_route_tells_of_what_comes_before_its_handler() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let document = app.call(Method::GET, "/api/openapi.json").send().await.json;
        let mut names = BTreeSet::new();
        for (method, path, operation) in operations(&document) {
            let route = format!("{method} {path}");
            let name = operation["operationId"].as_str().unwrap().to_owned();
            assert!(names.insert(name), "{route} shares its name");
            let mut due = vec!["403", "408", "429", "500", "503"];
            if operation["security"] != serde_json::json!([]) {
                due.push("401");
            }
            if operation["requestBody"]["content"]["application/json"].is_object() {
                due.extend(["400", "413", "415", "422"]);
            }
            let parameters = operation["parameters"].as_array();
            for parameter in parameters.into_iter().flatten() {
                let is_path = parameter["in"] == "path";
                due.push(if is_path { "404" } else { "400" });
                let schema = &parameter["schema"];
                let is_typed = schema["type"].is_string() || schema["$ref"].is_string();
                assert!(is_typed, "{route}: {parameter}");
            }
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let is_told = answer["description"].is_string() || answer["$ref"].is_string();
                assert!(is_told, "{route} does not say what {status} means");
            }
            for status in due {
                let answer = &operation["responses"][status];
                assert!(answer.is_object(), "{route} does not tell of {status}");
            }
        }
        app.stop().await;
    });
}

/// Schemas of one name would take each other's place in the document.
#[test]
fn every_schema_has_its_own_name() {
    let mut names = BTreeSet::new();
    for source in rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = fs::read_to_string(&source).unwrap();
        for derived in text.split("ToSchema").skip(1) {
            let item = derived.split_inclusive('{').next().unwrap();
            if item.contains("schema(as = ") || item.contains(';') {
                continue;
            }
            let words: Vec<&str> = item.split_whitespace().collect();
            let kind = words
                .iter()
                .position(|word| ["struct", "enum"].contains(word));
            let Some(name) = kind.and_then(|at| words.get(at + 1)) else {
                continue;
            };
            assert!(
                names.insert((*name).to_owned()),
                "{name} in {}",
                source.display()
            );
        }
    }
    assert!(names.len() > 30, "{names:?}");
}

/// A handler that takes a `Creation` takes its header.
#[test]
fn every_creation_tells_of_its_header() {
    let mut found = 0;
    for source in rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = fs::read_to_string(&source).unwrap();
        for handler in text.split("#[utoipa::path").skip(1) {
            let handler = handler.split("\n}").next().unwrap();
            if handler.contains("Creation<") {
                found += 1;
                let route = handler.split("tag").next().unwrap();
                assert!(handler.contains("IdempotencyKey"), "{route}");
            }
        }
    }
    assert!(found > 3, "{found}");
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| {
        if path.is_dir() {
            rust_files(&path)
        } else {
            vec![path]
        }
    };
    paths.flat_map(below).collect()
}

#[test]
fn the_document_is_readable_and_whole() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let reply = app.call(Method::GET, "/api/openapi.json").send().await;
        let text = reply.json.to_string();
        let schemas = reply.json["components"]["schemas"].as_object().unwrap();
        let responses = reply.json["components"]["responses"].as_object().unwrap();
        for part in text.split("#/components/responses/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(responses.contains_key(name), "{name} is not described");
        }
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

/// A browser sends cookies along with whatever other pages ask of it; here they open nothing.
#[test]
fn attack_no_route_reads_or_sets_a_cookie() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let owner = app.signup("owner").await;
        let cookies = format!(
            "token={0}; access_token={0}; session={0}; Authorization=Bearer {0}; refresh_token={1}",
            owner.access, owner.refresh
        );
        let document = app.get("/api/openapi.json", &owner.access).await.json;
        for (method, path, operation) in operations(&document) {
            let route = format!("{method} {path}");
            let call = app.call(method, &concrete(&path));
            let reply = call.header("cookie", &cookies).send().await;
            assert!(!reply.headers.contains_key("set-cookie"), "{route}");
            if operation["security"] != serde_json::json!([]) {
                assert_eq!(reply.status, 401, "{route}");
                assert_eq!(reply.json["code"], "unauthenticated", "{route}");
            }
        }
        // Nothing was ended or deleted on the way.
        let me = app.get("/api/v1/users/@me", &owner.access).await;
        assert_eq!(me.status, 200);
        app.stop().await;
    });
}
