//! The axum router and the ready client, against each other on loopback.
#![cfg(test)]
#![cfg(all(feature = "axum", feature = "client"))]

use std::io;

use url::Url;
use webfinger::Fetch as _;
use webfinger::Fetched;
use webfinger::Handle;
use webfinger::Jrd;
use webfinger::Link;
use webfinger::Resource;
use webfinger::Scheme;
use webfinger::client::HttpsClient;

async fn serve() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let origin = format!("http://{authority}");
    let own = authority.clone();
    let app: axum::Router = webfinger::router::router(move |resource: Resource| {
        let (own, actor) = (own.clone(), format!("{origin}/users/alice"));
        async move {
            let known = match resource {
                Resource::Account(handle) if handle.name() == "fault" => {
                    return Err(io::Error::other("secret detail"));
                }
                Resource::Account(handle) => handle.name() == "alice" && handle.authority() == own,
                Resource::Uri(url) => url.as_str() == actor,
            };
            let document = Jrd::new(format!("acct:alice@{own}"))
                .with_alias(actor.clone())
                .with_link(Link::actor(actor))
                .with_link(Link::profile_page("https://example.org/@alice"));
            Ok(known.then_some(document))
        }
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    authority
}

async fn fetch(authority: &str, query: &str) -> Fetched {
    let client = HttpsClient::new("webfinger-tests").unwrap();
    let url = Url::parse(&format!("http://{authority}/.well-known/webfinger{query}")).unwrap();
    client.fetch(&url).await.unwrap()
}

#[tokio::test]
async fn a_served_handle_resolves_and_is_confirmed() {
    let authority = serve().await;
    let client = HttpsClient::new("webfinger-tests").unwrap();
    let handle = Handle::new("alice", &authority).unwrap();
    let found = webfinger::resolve(&client, &handle, Scheme::Http)
        .await
        .unwrap();
    assert_eq!(
        found.actor.as_str(),
        format!("http://{authority}/users/alice")
    );
    found.confirm(&client, "alice", Scheme::Http).await.unwrap();
}

#[tokio::test]
async fn the_statuses_are_those_of_rfc_7033() {
    let authority = serve().await;
    let alice = format!("resource=acct:alice@{authority}");
    let actor = format!("?resource=http://{authority}/users/alice");
    for (query, status) in [
        (String::new(), 400),
        ("?rel=self".to_owned(), 400),
        ("?resource=alice".to_owned(), 400),
        (format!("?{alice}&{alice}"), 400),
        (format!("?resource=acct:bob@{authority}"), 404),
        ("?resource=acct:alice@elsewhere.example".to_owned(), 404),
        ("?resource=urn:isbn:1".to_owned(), 404),
        (format!("?resource=acct:fault@{authority}"), 500),
        (format!("?rel=self&x=1&{alice}"), 200),
        (actor, 200),
    ] {
        let answer = fetch(&authority, &query).await;
        assert_eq!(answer.status, status, "{query}");
        assert!(
            !String::from_utf8_lossy(&answer.body).contains("secret"),
            "{query}"
        );
    }
}

#[tokio::test]
async fn relations_are_filtered_and_the_media_type_is_set() {
    let authority = serve().await;
    let answer = fetch(
        &authority,
        &format!("?resource=acct:alice@{authority}&rel=self"),
    )
    .await;
    assert_eq!(answer.content_type.as_deref(), Some("application/jrd+json"));
    let document = Jrd::from_slice(&answer.body).unwrap();
    assert_eq!((document.links.len(), document.aliases.len()), (1, 1));
}

#[tokio::test]
async fn every_answer_may_be_read_by_browsers() {
    let authority = serve().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for query in ["", "?resource=acct:bob@elsewhere.example"] {
        let url = format!("http://{authority}/.well-known/webfinger{query}");
        let answer = http.get(url).send().await.unwrap();
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    }
}
