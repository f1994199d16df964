//! Lookups against a scripted web: what resolves, and each way a host can lie.

use std::collections::HashMap;
use std::convert::Infallible;

use super::*;
use crate::jrd::Link;

#[derive(Default)]
struct Web(HashMap<String, Fetched>);

impl Web {
    fn with(mut self, asked: &str, document: &Jrd) -> Self {
        let body = serde_json::to_vec(document).unwrap();
        self.put(asked, 200, Some(MEDIA_TYPE), body, None);
        self
    }

    fn put(
        &mut self,
        asked: &str,
        status: u16,
        media_type: Option<&str>,
        body: Vec<u8>,
        final_url: Option<&str>,
    ) {
        let url = lookup_url(&handle(asked), Scheme::Https).unwrap();
        let final_url = final_url.map_or_else(|| url.clone(), |to| Url::parse(to).unwrap());
        let content_type = media_type.map(str::to_owned);
        self.0.insert(
            url.into(),
            Fetched {
                status,
                content_type,
                body,
                final_url,
            },
        );
    }

    async fn resolve(&self, asked: &str) -> Result<Resolved, ResolveError<Infallible>> {
        resolve(self, &handle(asked), Scheme::Https).await
    }
}

impl Fetch for Web {
    type Error = Infallible;

    async fn fetch(&self, url: &Url) -> Result<Fetched, Infallible> {
        Ok(self
            .0
            .get(url.as_str())
            .cloned()
            .unwrap_or_else(|| Fetched {
                status: 404,
                content_type: None,
                body: Vec::new(),
                final_url: url.clone(),
            }))
    }
}

fn handle(text: &str) -> Handle {
    text.parse().unwrap()
}

fn about(subject: &str, actor: &str) -> Jrd {
    Jrd::new(subject)
        .with_link(Link::profile_page("https://x.example"))
        .with_link(Link::actor(actor))
}

const ALICE: &str = "https://example.org/users/alice";

#[tokio::test]
async fn a_handle_on_one_host_resolves_and_is_confirmed() {
    let web = Web::default().with(
        "@Alice@example.org",
        &about("acct:alice@example.org", ALICE),
    );
    let found = web.resolve("@Alice@example.org").await.unwrap();
    assert_eq!(
        (found.handle.to_string().as_str(), found.actor.as_str()),
        ("@alice@example.org", ALICE)
    );
    found.confirm(&web, "alice", Scheme::Https).await.unwrap();
    let lie = found.confirm(&web, "bob", Scheme::Https).await;
    assert!(matches!(lie, Err(ResolveError::NotConfirmed)));
}

#[tokio::test]
async fn split_domains_resolve_from_both_sides() {
    let actor = "https://social.example.org/users/alice";
    let document = about("acct:alice@example.org", actor);
    let web = Web::default()
        .with("@alice@example.org", &document)
        .with("@alice@social.example.org", &document);
    for asked in ["@alice@example.org", "@alice@social.example.org"] {
        let found = web.resolve(asked).await.unwrap();
        assert_eq!(found.handle, handle("@alice@example.org"));
        found.confirm(&web, "alice", Scheme::Https).await.unwrap();
    }
}

#[tokio::test]
async fn a_host_cannot_claim_an_actor_elsewhere() {
    let web = Web::default()
        .with(
            "@alice@evil.example",
            &about("acct:alice@evil.example", ALICE),
        )
        .with(
            "@alice@example.org",
            &about("acct:alice@example.org", ALICE),
        );
    let found = web.resolve("@alice@evil.example").await.unwrap();
    let confirmed = found.confirm(&web, "alice", Scheme::Https).await;
    assert!(matches!(confirmed, Err(ResolveError::NotConfirmed)));
}

#[tokio::test]
async fn a_host_cannot_speak_for_another_account() {
    let forged = about("acct:alice@example.org", "https://evil.example/users/alice");
    let web = Web::default().with("@mallory@evil.example", &forged).with(
        "@alice@example.org",
        &about("acct:alice@example.org", ALICE),
    );
    let result = web.resolve("@mallory@evil.example").await;
    assert!(matches!(result, Err(ResolveError::SubjectMismatch)));
}

#[tokio::test]
async fn an_endless_chain_of_subjects_ends_at_the_second() {
    let web = Web::default()
        .with("@a@a.example", &about("acct:a@b.example", ALICE))
        .with("@a@b.example", &about("acct:a@c.example", ALICE))
        .with("@a@c.example", &about("acct:a@c.example", ALICE));
    assert!(matches!(
        web.resolve("@a@a.example").await,
        Err(ResolveError::SubjectMismatch)
    ));
}

#[tokio::test]
async fn answers_that_prove_nothing_are_refused() {
    let body = serde_json::to_vec(&about("acct:a@a.example", ALICE)).unwrap();
    let mut web = Web::default();
    web.put("@a@a.example", 200, Some("text/html"), body.clone(), None);
    assert!(matches!(
        web.resolve("@a@a.example").await,
        Err(ResolveError::MediaType)
    ));
    web.put("@a@a.example", 200, None, body.clone(), None);
    assert!(matches!(
        web.resolve("@a@a.example").await,
        Err(ResolveError::MediaType)
    ));
    web.put(
        "@a@a.example",
        200,
        Some("application/json"),
        body.clone(),
        None,
    );
    web.resolve("@a@a.example").await.unwrap();
    web.put(
        "@a@a.example",
        200,
        Some(MEDIA_TYPE),
        body.clone(),
        Some("http://a.example/"),
    );
    assert!(matches!(
        web.resolve("@a@a.example").await,
        Err(ResolveError::Downgraded)
    ));
    web.put("@a@a.example", 503, Some(MEDIA_TYPE), body.clone(), None);
    assert!(matches!(
        web.resolve("@a@a.example").await,
        Err(ResolveError::Status(503))
    ));
    web.put("@a@a.example", 410, None, Vec::new(), None);
    assert!(matches!(
        web.resolve("@a@a.example").await,
        Err(ResolveError::NotFound)
    ));
    web.put(
        "@a@a.example",
        200,
        Some(MEDIA_TYPE),
        b"<html>".to_vec(),
        None,
    );
    assert!(matches!(
        web.resolve("@a@a.example").await,
        Err(ResolveError::Document(_))
    ));
    web.put("@a@a.example", 200, Some(MEDIA_TYPE), b"{}".to_vec(), None);
    assert!(matches!(
        web.resolve("@a@a.example").await,
        Err(ResolveError::NoSubject)
    ));
    let plain = about("acct:a@a.example", "http://a.example/a");
    let web = Web::default().with("@a@a.example", &plain);
    assert!(matches!(
        web.resolve("@a@a.example").await,
        Err(ResolveError::InsecureActor)
    ));
}

#[test]
fn lookup_urls_keep_ports_and_addresses() {
    let url = lookup_url(&handle("@bob@127.0.0.1:8081"), Scheme::Http).unwrap();
    let expected =
        "http://127.0.0.1:8081/.well-known/webfinger?resource=acct%3Abob%40127.0.0.1%3A8081";
    assert_eq!(url.as_str(), expected);
}
