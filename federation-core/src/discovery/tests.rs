//! Discovery against a scripted web: what is asked, what is believed, what is served.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use url::Url;
use webfinger::Resource;

use super::*;
use crate::Timestamp;
use crate::fetch::{Directory, DirectoryConfig, GuardPolicy, MemoryActorCache};
use crate::testing::{ManualClock, ScriptedTransport};

const INDEX: &str = "https://a.example/.well-known/nodeinfo";
const ABOUT: &str = "https://a.example/.well-known/webfinger?resource=https%3A%2F%2Fa.example%2F";
const JRD: &str = "application/jrd+json";

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn directory(web: &Arc<ScriptedTransport>) -> Directory {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_000)));
    let store = Arc::new(MemoryActorCache::default());
    let web = Arc::clone(web);
    Directory::new(web, store, None, clock, DirectoryConfig::default())
}

fn guarded() -> Arc<ScriptedTransport> {
    Arc::new(ScriptedTransport::guarded(GuardPolicy::default()))
}

async fn ask(web: &Arc<ScriptedTransport>) -> Result<NodeInfo, NodeInfoError> {
    node_info(&directory(web), &url("https://a.example/users/alice")).await
}

fn index(web: &ScriptedTransport, rel: &str, href: &str) {
    let links = json!({"links": [{"rel": rel, "href": href}]});
    web.serve_as(INDEX, "application/json", links.to_string());
}

fn actor(web: &ScriptedTransport, id: &str, kind: &str) {
    web.serve(
        id,
        &json!({"id": id, "type": kind, "inbox": format!("{id}/inbox")}),
    );
}

mod node_info {
    use super::*;

    #[tokio::test]
    async fn reads_what_it_serves_in_both_versions() {
        let web = guarded();
        let mut software = Software::new("folkmoot", "0.1.0");
        software.homepage = Some(url("https://folkmoot.example/"));
        let newest = NodeInfo::new(software, true).with_usage(UserCounts::new(9, 5, 3), Some(70));
        let site = Site::new(&url("https://a.example"));
        web.serve(INDEX, &json!(site.node_info_index()));
        let (at_2_1, at_2_0) = (
            "https://a.example/nodeinfo/2.1",
            "https://a.example/nodeinfo/2.0",
        );
        web.serve(at_2_1, &json!(newest));
        assert_eq!(ask(&web).await.unwrap(), newest);
        let shown = json!(newest);
        assert_eq!(shown["usage"]["users"]["activeHalfyear"], 5);
        assert_eq!(shown["services"], json!({"inbound": [], "outbound": []}));

        let older = newest.into_version_2_0();
        let names: Vec<_> = json!(older)["software"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        assert_eq!(names, ["name", "version"]);
        index(&web, NODE_INFO_2_0_REL, at_2_0);
        web.serve(at_2_0, &json!(older));
        assert_eq!(ask(&web).await.unwrap(), older);
    }

    #[tokio::test]
    async fn attack_47_does_not_follow_the_index_elsewhere() {
        let web = guarded();
        for inside in [
            "https://127.0.0.1/nodeinfo",
            "https://10.0.0.1/",
            "https://b.example/nodeinfo",
            "http://a.example/nodeinfo",
        ] {
            index(&web, NODE_INFO_REL, inside);
            let outcome = ask(&web).await;
            assert!(
                matches!(outcome, Err(NodeInfoError::NoDocument)),
                "{inside}"
            );
        }
        let asked = web.requests();
        assert!(asked.iter().all(|sent| sent.url.path() == NODE_INFO_PATH));
    }

    #[tokio::test]
    async fn survives_documents_of_every_shape() {
        let web = guarded();
        index(&web, NODE_INFO_2_0_REL, "https://a.example/n");
        for odd in [
            json!({}),
            json!({"software": []}),
            json!({"software": {"name": 7}}),
        ] {
            web.serve("https://a.example/n", &odd);
            let outcome = ask(&web).await;
            assert!(matches!(outcome, Err(NodeInfoError::NoSoftware)), "{odd}");
        }
        let old = json!({"version": "1.0", "software": {"name": "x".repeat(9999)}, "protocols": {"inbound": ["activitypub", 7]}, "usage": [], "metadata": []});
        web.serve("https://a.example/n", &old);
        let read = ask(&web).await.unwrap();
        assert_eq!(read.software.name.len(), 128);
        assert_eq!(read.protocols, ["activitypub"]);
        let long = format!("https://a.example/{}", "x".repeat(300));
        let linked = json!({"software": {"name": "x", "homepage": long, "repository": "data:,x"}});
        let read = NodeInfo::from_map(linked.as_object().unwrap()).unwrap();
        assert_eq!(read.software.homepage, Some(url(&long)));
        assert_eq!(read.software.repository, None);
        let odd = json!({"links": [7, {"href": 1}, {"rel": "x"}, {"type": NODE_INFO_2_0_REL, "href": "https://a.example/n"}]});
        let index = NodeInfoIndex::from_map(odd.as_object().unwrap());
        let link = NodeInfoLink::new(NODE_INFO_2_0_REL, url("https://a.example/n"));
        assert_eq!(index.links, [link]);
    }

    #[tokio::test]
    async fn says_whether_to_ask_again() {
        let web = guarded();
        web.answer(INDEX, StatusCode::BAD_GATEWAY, HeaderMap::new());
        assert!(ask(&web).await.unwrap_err().is_retryable());
        web.answer(INDEX, StatusCode::NOT_FOUND, HeaderMap::new());
        assert!(!ask(&web).await.unwrap_err().is_retryable());
    }
}

mod application {
    use super::*;

    const ACTOR: &str = "https://a.example/actor";

    async fn find(web: &Arc<ScriptedTransport>) -> Result<Url, ApplicationError> {
        let server = url("https://a.example/users/alice?page#x");
        let found = application_actor(&directory(web), &server).await?;
        Ok(found.id.clone())
    }

    fn about(web: &ScriptedTransport, links: &Value) {
        let document = json!({"subject": "https://a.example/", "links": links});
        web.serve_as(ABOUT, JRD, document.to_string());
    }

    fn link(rel: &str, href: &str) -> Value {
        json!({"rel": rel, "type": "application/activity+json", "href": href})
    }

    #[tokio::test]
    async fn is_found_the_three_ways_that_servers_show_it() {
        let web = guarded();
        actor(&web, ACTOR, "Application");
        actor(&web, "https://a.example/users/alice", "Person");
        // FEP-d556; `self` is then the only member of the server.
        let own = link("self", "https://a.example/users/alice");
        about(&web, &json!([own, link(SERVICE_REL, ACTOR)]));
        assert_eq!(find(&web).await.unwrap(), url(ACTOR));
        assert_eq!(web.count(INDEX), 0);
        // FEP-2677.
        about(&web, &json!([own]));
        index(&web, APPLICATION_REL, ACTOR);
        assert_eq!(find(&web).await.unwrap(), url(ACTOR));
        // As Mastodon has it.
        index(&web, "x", ACTOR);
        about(&web, &json!([link("self", ACTOR)]));
        assert_eq!(find(&web).await.unwrap(), url(ACTOR));
    }

    #[tokio::test]
    async fn attack_40_no_server_names_the_actor_of_another() {
        let web = guarded();
        let foreign = "https://b.example/actor";
        actor(&web, foreign, "Application");
        actor(&web, "http://a.example/actor", "Application");
        for named in [
            foreign,
            "http://a.example/actor",
            "https://a.example:8443/actor",
        ] {
            about(&web, &json!([link(SERVICE_REL, named)]));
            let outcome = find(&web).await;
            assert!(
                matches!(outcome, Err(ApplicationError::Elsewhere)),
                "{named}"
            );
        }
        about(&web, &json!([]));
        index(&web, APPLICATION_REL, foreign);
        assert!(matches!(find(&web).await, Err(ApplicationError::Elsewhere)));
        assert_eq!(web.count(foreign), 0);
    }

    #[tokio::test]
    async fn attack_25_an_index_found_elsewhere_names_nobody() {
        let web = guarded();
        let body = json!({"links": [{"rel": APPLICATION_REL, "href": ACTOR}]}).to_string();
        web.on(INDEX, move |_| {
            let at = url("https://b.example/.well-known/nodeinfo");
            Ok(crate::fetch::OutboundResponse::new(
                StatusCode::OK,
                HeaderMap::new(),
                body.clone().into(),
                at,
            ))
        });
        actor(&web, ACTOR, "Application");
        assert!(matches!(find(&web).await, Err(ApplicationError::NotNamed)));
    }

    #[tokio::test]
    async fn attack_22_an_upload_at_the_address_names_nobody() {
        let web = guarded();
        actor(&web, ACTOR, "Application");
        let document = json!({"links": [link(SERVICE_REL, ACTOR)]}).to_string();
        web.serve_as(ABOUT, "text/plain", document);
        assert!(matches!(find(&web).await, Err(ApplicationError::NotNamed)));
    }

    #[tokio::test]
    async fn says_whether_to_ask_again() {
        let web = guarded();
        assert!(!find(&web).await.unwrap_err().is_retryable());
        about(&web, &json!([link(SERVICE_REL, ACTOR)]));
        web.answer(ACTOR, StatusCode::BAD_GATEWAY, HeaderMap::new());
        assert!(find(&web).await.unwrap_err().is_retryable());
        let nowhere = url("data:,x");
        let outcome = application_actor(&directory(&web), &nowhere).await;
        assert!(matches!(outcome, Err(ApplicationError::NotAServer)));
    }
}

mod site {
    use super::*;

    #[derive(Debug)]
    struct Members;

    impl Accounts for Members {
        type Error = std::convert::Infallible;

        async fn by_name(&self, name: &str) -> Result<Option<Account>, Self::Error> {
            let id = url("https://social.example.org/users/alice");
            let page = url("https://social.example.org/@alice");
            let alice = Account::new("alice", id).with_profile(page);
            Ok(name.eq_ignore_ascii_case("alice").then_some(alice))
        }

        async fn by_url(&self, asked: &Url) -> Result<Option<Account>, Self::Error> {
            let alice = self.by_name("alice").await?;
            Ok(
                alice
                    .filter(|alice| alice.actor == *asked || alice.profile.as_ref() == Some(asked)),
            )
        }
    }

    fn split() -> Site {
        let application = Account::new("instance.actor", url("https://social.example.org/actor"));
        Site::new(&url("https://social.example.org/x?y"))
            .with_handle_domain("example.org")
            .unwrap()
            .with_application(application)
    }

    async fn subject(resource: &str) -> Option<String> {
        let resource = Resource::parse(resource).unwrap();
        let found = split().look_up(&Members, resource).await.unwrap();
        found.and_then(|document| document.subject)
    }

    #[tokio::test]
    async fn accounts_are_answered_on_both_domains_with_one_subject() {
        for asked in [
            "acct:alice@example.org",
            "acct:ALICE@example.org",
            "acct:alice@social.example.org",
            "https://social.example.org/users/alice",
            "https://social.example.org/@alice",
        ] {
            let found = subject(asked).await;
            assert_eq!(found.as_deref(), Some("acct:alice@example.org"), "{asked}");
        }
        for asked in [
            "acct:alice@other.example",
            "acct:alice@example.org:8443",
            "acct:bob@example.org",
            "https://other.example/users/alice",
        ] {
            assert_eq!(subject(asked).await, None, "{asked}");
        }
    }

    #[tokio::test]
    async fn the_server_is_answered_by_its_origin_handle_and_actor() {
        for asked in [
            "https://social.example.org",
            "https://social.example.org/actor",
            "acct:instance.actor@social.example.org",
        ] {
            let resource = Resource::parse(asked).unwrap();
            let found = split().look_up(&Members, resource).await.unwrap().unwrap();
            let rels: Vec<_> = found.links.iter().map(|link| link.rel.as_str()).collect();
            assert_eq!(rels, ["self", SERVICE_REL, APPLICATION_REL], "{asked}");
        }
    }

    #[tokio::test]
    async fn a_handle_on_another_domain_resolves_through_its_host_meta() {
        let web = guarded();
        let site = split();
        let alice = Members.by_name("alice").await.unwrap().unwrap();
        let mut document = crate::vocab::Actor::new(
            alice.actor.clone(),
            crate::vocab::ActorKind::Person,
            url("https://social.example.org/inbox"),
        );
        document.preferred_username = Some("alice".to_owned());
        document.webfinger = Some(site.handle("alice"));
        web.serve(alice.actor.as_str(), &document.to_value());
        web.serve_as(
            "https://example.org/.well-known/host-meta",
            HOST_META_MEDIA_TYPE,
            host_meta(site.origin()),
        );
        web.serve_as(
            "https://social.example.org/.well-known/webfinger?resource=acct%3Aalice%40example.org",
            JRD,
            json!(site.describe(&alice)).to_string(),
        );
        let directory = directory(&web);
        let found = directory
            .resolve_handle("@alice@example.org")
            .await
            .unwrap();
        assert_eq!(found.id, alice.actor);
        let handle = directory.handle_of(&found).await.unwrap();
        assert_eq!(handle.to_string(), "@alice@example.org");
    }
}

#[cfg(feature = "axum")]
mod served {
    use axum::body::{Body, to_bytes};
    use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE};
    use tower_service::Service as _;

    use super::*;

    #[derive(Debug)]
    struct Nobody;

    impl Accounts for Nobody {
        type Error = String;

        async fn by_name(&self, _name: &str) -> Result<Option<Account>, String> {
            Ok(None)
        }

        async fn by_url(&self, _url: &Url) -> Result<Option<Account>, String> {
            Err("out of order".to_owned())
        }
    }

    #[expect(clippy::future_not_send, reason = "stays on the thread of its test")]
    async fn get(path: &str) -> (StatusCode, String, String) {
        let application = Account::new("app", url("https://a.example/actor"));
        let site = Site::new(&url("https://a.example")).with_application(application);
        let mut software = Software::new("moot", "1");
        software.homepage = Some(url("https://a.example/"));
        let describe = move || {
            let described = NodeInfo::new(software.clone(), false);
            async move { Ok::<_, String>(described) }
        };
        let mut app: axum::Router = router(&site, describe, Nobody);
        let request = http::Request::get(path).body(Body::empty()).unwrap();
        let answer = app.call(request).await.unwrap();
        let status = answer.status();
        let header = |name| {
            answer
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        let media_type = header(CONTENT_TYPE).unwrap_or_default();
        assert_eq!(
            header(ACCESS_CONTROL_ALLOW_ORIGIN).as_deref(),
            Some("*"),
            "{path}"
        );
        let body = to_bytes(answer.into_body(), 65_536).await.unwrap();
        (
            status,
            media_type,
            String::from_utf8(body.to_vec()).unwrap(),
        )
    }

    #[tokio::test]
    async fn one_line_serves_all_of_it() {
        for (path, media_type, part) in [
            (NODE_INFO_PATH, "application/json", "/nodeinfo/2.1"),
            ("/nodeinfo/2.1", NODE_INFO_MEDIA_TYPE, "homepage"),
            ("/nodeinfo/2.0", NODE_INFO_2_0_MEDIA_TYPE, "\"2.0\""),
            (HOST_META_PATH, HOST_META_MEDIA_TYPE, "lrdd"),
            (HOST_META_JSON_PATH, JRD, "lrdd"),
            (
                "/.well-known/webfinger?resource=acct:app@a.example",
                JRD,
                SERVICE_REL,
            ),
        ] {
            let (status, found, body) = get(path).await;
            assert_eq!(
                (status, found.as_str()),
                (StatusCode::OK, media_type),
                "{path}"
            );
            assert!(body.contains(part), "{body}");
        }
        let (status, ..) = get("/.well-known/webfinger?resource=acct:b@a.example").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        let (status, _, body) = get("/.well-known/webfinger?resource=https://a.example/b").await;
        assert_eq!(
            (status, body.as_str()),
            (StatusCode::INTERNAL_SERVER_ERROR, "")
        );
    }
}
