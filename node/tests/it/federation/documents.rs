//! The documents that other servers read: actors, WebFinger, NodeInfo, host-meta.

use federation_core::testing::{TestDatabase, on_each_backend};
use federation_core::vocab::Actor;
use serde_json::Value;

use super::pair::{actor, fetch, handle, open};
use crate::chat::world::{Answer, World};

#[test]
fn actors_show_their_keys_and_collections() {
    on_each_backend(async |database: TestDatabase| {
        let a = World::start_with(&database, open).await;
        a.member("alice").await;
        for (path, kind) in [("/users/alice", "Person"), ("/actor", "Application")] {
            let answer = fetch(&a, path, None).await;
            assert_eq!(answer.headers["content-type"], "application/activity+json");
            assert_eq!(answer.headers["vary"], "Accept, Signature");
            let document = answer.expect(200);
            assert_eq!(document["id"], a.url(path));
            assert_eq!(document["type"], kind);
            assert_eq!(document["publicKey"]["owner"], a.url(path));
            assert_eq!(document["assertionMethod"][0]["type"], "Multikey");
            let read = Actor::from_value(document).unwrap();
            assert_eq!(read.public_keys.len(), 2);
            assert!(
                read.public_keys
                    .iter()
                    .all(|key| read.key(&key.id).is_some())
            );
            assert_eq!(read.shared_inbox.unwrap().as_str(), a.url("/inbox"));
        }
        for path in ["/users/nobody", "/users/Alice", "/users/nobody/followers"] {
            fetch(&a, path, None).await.expect_problem(404, "not_found");
        }
        let page = a
            .http
            .get(a.url("/users/alice"))
            .header("accept", "text/html");
        Answer::of(page).await.expect_problem(406, "not_acceptable");
        a.stop().await;
    });
}

#[test]
fn webfinger_finds_by_handle_and_by_id() {
    on_each_backend(async |database: TestDatabase| {
        let a = World::start_with(&database, open).await;
        a.member("alice").await;
        let acct = handle(&a, "alice").replacen('@', "acct:", 1);
        let ask = async |resource: &str| {
            let path = format!("/.well-known/webfinger?resource={resource}");
            Answer::of(a.http.get(a.url(&path))).await
        };
        for resource in [
            acct.clone(),
            acct.replace("alice", "ALICE"),
            actor(&a, "alice").into(),
        ] {
            let answer = ask(&resource).await;
            assert_eq!(answer.headers["content-type"], "application/jrd+json");
            let document = answer.expect(200);
            assert_eq!(document["subject"], acct);
            assert_eq!(document["links"][0]["href"], actor(&a, "alice").as_str());
        }
        let node = ask(&a.url("/")).await.expect(200);
        assert_eq!(node["links"][0]["href"], a.url("/actor"));
        assert_eq!(ask("acct:nobody@127.0.0.1").await.status, 404);
        assert_eq!(ask("").await.status, 400);
        a.stop().await;
    });
}

#[test]
fn nodeinfo_and_host_meta_tell_what_this_is() {
    on_each_backend(async |database: TestDatabase| {
        let a = World::start_with(&database, open).await;
        a.member("alice").await;
        let read = async |path: &str| Answer::of(a.http.get(a.url(path))).await.expect(200);
        let index = read("/.well-known/nodeinfo").await;
        let links: Vec<&Value> = index["links"].as_array().unwrap().iter().collect();
        assert_eq!(links.len(), 3);
        for version in ["2.0", "2.1"] {
            let document = read(&format!("/nodeinfo/{version}")).await;
            assert_eq!(document["version"], version);
            assert_eq!(document["software"]["name"], "folkmoot");
            assert_eq!(document["usage"]["users"]["total"], 1);
        }
        let meta = a
            .http
            .get(a.url("/.well-known/host-meta"))
            .send()
            .await
            .unwrap();
        let text = meta.text().await.unwrap();
        assert!(
            text.contains("/.well-known/webfinger?resource={uri}"),
            "{text}"
        );
        a.stop().await;
    });
}
