//! Serving collections: pages both ways, who sees what, and cursors of every shape.

use serde_json::json;
use url::Url;

use super::*;
use crate::vocab::{Object, ObjectOrId, Value};

const ID: &str = "https://a.example/c";

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// Entries numbered down from `newest`; those of `readers` alone when there are any.
#[derive(Debug, Default)]
struct Numbers {
    newest: usize,
    readers: Vec<Url>,
    count_only: bool,
    broken: bool,
}

impl Numbers {
    fn may_see(&self, viewer: &Viewer) -> bool {
        let reader = viewer.actor().is_some_and(|id| self.readers.contains(id));
        self.readers.is_empty() || reader
    }
}

fn number(cursor: &Cursor) -> Option<usize> {
    cursor.as_str().parse().ok()
}

impl PageSource for Numbers {
    type Error = String;

    async fn outline(&self, id: &Url, viewer: &Viewer) -> Result<Option<Outline>, String> {
        if self.broken {
            return Err("out of order".to_owned());
        }
        if *id != url(ID) || !self.may_see(viewer) {
            return Ok(None);
        }
        let outline = Outline::new()
            .with_total(self.newest.try_into().unwrap())
            .with_owner(url("https://a.example/alice"))
            .with_property("summary", json!("Numbers"));
        Ok(Some(if self.count_only {
            outline.count_only()
        } else {
            outline
        }))
    }

    async fn page(&self, _id: &Url, cut: &Cut, viewer: &Viewer) -> Result<Option<Page>, String> {
        assert!(self.may_see(viewer), "asked without having been shown");
        let (high, low) = match cut.position() {
            Position::Start => (self.newest, self.newest.saturating_sub(cut.limit())),
            Position::Before(cursor) => match number(cursor) {
                Some(last) if last <= self.newest => {
                    let high = last.saturating_sub(1);
                    (high, high.saturating_sub(cut.limit()))
                }
                _ => return Ok(None),
            },
            Position::After(cursor) => match number(cursor) {
                Some(first) => ((first + cut.limit()).min(self.newest), first),
                None => return Ok(None),
            },
        };
        let items = (low + 1..=high)
            .rev()
            .map(|n| url(&format!("{ID}/{n}")).into());
        let cursor = |n: usize| n.to_string().parse().ok();
        Ok(Some(
            Page::new(items.collect())
                .with_next(if low > 0 { cursor(low + 1) } else { None })
                .with_prev(if high < self.newest {
                    cursor(high)
                } else {
                    None
                }),
        ))
    }
}

async fn get(source: &Numbers, query: Option<&str>, viewer: &Viewer) -> Result<Value, u16> {
    let served = serve(source, &url(ID), query, viewer).await;
    served
        .map(|served| served.document)
        .map_err(|error| error.status().as_u16())
}

fn query_of(page: &Value) -> Option<String> {
    Some(url(page.as_str()?).query()?.to_owned())
}

#[tokio::test]
async fn pages_lead_through_the_whole_collection_and_back() {
    let source = Numbers {
        newest: 120,
        ..Numbers::default()
    };
    let whole = get(&source, None, &Viewer::Anonymous).await.unwrap();
    assert_eq!(whole["type"], "OrderedCollection");
    assert_eq!(whole["totalItems"], 120);
    assert_eq!(whole["attributedTo"], "https://a.example/alice");
    assert_eq!(whole["summary"], "Numbers");
    assert_eq!(whole.get("orderedItems"), None);
    let mut next = query_of(&whole["first"]);
    let mut seen = Vec::new();
    let mut last = Value::Null;
    while let Some(query) = next {
        let page = get(&source, Some(&query), &Viewer::Anonymous)
            .await
            .unwrap();
        assert_eq!(page["type"], "OrderedCollectionPage");
        assert_eq!(page["partOf"], ID);
        assert_eq!(page["id"], format!("{ID}?{query}"));
        seen.extend(page["orderedItems"].as_array().unwrap().iter().cloned());
        next = query_of(&page["next"]);
        last = page;
    }
    let expected: Vec<_> = (1..=120)
        .rev()
        .map(|n| json!(format!("{ID}/{n}")))
        .collect();
    assert_eq!(seen, expected);
    let before = get(
        &source,
        query_of(&last["prev"]).as_deref(),
        &Viewer::Anonymous,
    )
    .await
    .unwrap();
    assert_eq!(before["orderedItems"][0], format!("{ID}/70"));
    assert_eq!(before["orderedItems"].as_array().unwrap().len(), PAGE_ITEMS);
}

#[tokio::test]
async fn attack_67_what_a_viewer_may_not_see_is_not_there() {
    let (alice, bob) = (url("https://b.example/alice"), url("https://b.example/bob"));
    let source = Numbers {
        newest: 3,
        readers: vec![alice.clone()],
        ..Numbers::default()
    };
    for query in [
        None,
        Some("page=true"),
        Some("page=true&before=2"),
        Some("page=true&after=zzz"),
    ] {
        for viewer in [Viewer::Anonymous, Viewer::Actor(bob.clone())] {
            assert_eq!(get(&source, query, &viewer).await, Err(404), "{query:?}");
        }
    }
    let reader = Viewer::Actor(alice);
    assert_eq!(get(&source, None, &reader).await.unwrap()["totalItems"], 3);
    let served = serve(&source, &url(ID), None, &reader).await.unwrap();
    assert!(served.is_private);
    let hidden = Numbers {
        newest: 3,
        count_only: true,
        ..Numbers::default()
    };
    let outline = get(&hidden, None, &Viewer::Anonymous).await.unwrap();
    assert_eq!(
        (outline["totalItems"].as_u64(), outline.get("first")),
        (Some(3), None)
    );
    assert_eq!(
        get(&hidden, Some("page=true"), &Viewer::Anonymous).await,
        Err(404)
    );
}

#[tokio::test]
async fn cursors_of_every_shape_have_a_defined_answer() {
    let source = Numbers {
        newest: 3,
        ..Numbers::default()
    };
    let long = format!("page=true&before={}", "1".repeat(129));
    for query in [
        "page=true&before=",
        "page=true&before=%00",
        "page=true&before=../1",
        "page=true&before=1&before=2",
        "page=true&before=1&after=2",
        "before=%ff",
        "page=true&before=99",
        "page=true&after=x",
        long.as_str(),
    ] {
        assert_eq!(
            get(&source, Some(query), &Viewer::Anonymous).await,
            Err(400),
            "{query}"
        );
    }
    for query in ["", "x=y", "before=1", "page", "page=false&z=%zz&&&="] {
        assert!(
            get(&source, Some(query), &Viewer::Anonymous).await.is_ok(),
            "{query}"
        );
    }
    let broken = Numbers {
        broken: true,
        ..Numbers::default()
    };
    assert_eq!(get(&broken, None, &Viewer::Anonymous).await, Err(500));
    assert_eq!(Cut::new(Position::Start, usize::MAX).limit(), MAX_PAGE);
    assert_eq!(Cut::new(Position::Start, 0).limit(), 1);
}

#[tokio::test]
async fn attack_70_hidden_recipients_are_not_shown() {
    struct Outbox;

    impl PageSource for Outbox {
        type Error = String;

        async fn outline(&self, _: &Url, _: &Viewer) -> Result<Option<Outline>, String> {
            Ok(Some(Outline::new()))
        }

        async fn page(&self, _: &Url, _: &Cut, _: &Viewer) -> Result<Option<Page>, String> {
            let hidden = "https://b.example/hidden";
            let create = json!({
                "id": "https://a.example/1", "type": "Create", "bto": hidden,
                "object": [{"type": "Note", "bcc": [hidden], "to": "https://b.example/shown"}],
            });
            let create = Object::from_value(create).unwrap();
            Ok(Some(Page::new(vec![ObjectOrId::from(create)])))
        }
    }

    let served = serve(&Outbox, &url(ID), Some("page=1"), &Viewer::Anonymous)
        .await
        .unwrap();
    let text = served.document.to_string();
    assert!(text.contains("shown") && !text.contains("hidden"), "{text}");
    assert!(!served.is_private);
}

#[cfg(feature = "axum")]
mod served {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::time::Duration;

    use axum::body::{Body, to_bytes};
    use axum::extract::ConnectInfo;
    use http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
    use http::{HeaderMap, Method, Request, StatusCode};
    use tower_service::Service as _;

    use super::*;
    use crate::Timestamp;
    use crate::fetch::{BlockedDomains, Directory, DirectoryConfig, MemoryActorCache};
    use crate::inbox::{
        InboundLimiter, Inbox, InboxConfig, Rate, RateLimits, SourceAddress, TrustedProxies,
    };
    use crate::signature::{Algorithm, PrivateKey, Scheme, SigningKey, sign_request};
    use crate::testing::{ManualClock, ScriptedTransport};

    const BOB: &str = "https://b.example/bob";

    /// The collection of bob alone, at `/c`, and the key that bob signs with.
    fn app() -> (axum::Router, SigningKey, Timestamp) {
        limited_app(None)
    }

    fn limited_app(limits: Option<RateLimits>) -> (axum::Router, SigningKey, Timestamp) {
        let now = Timestamp::from_millis(1_795_190_734_000);
        let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let id = format!("{BOB}#key");
        let pem = key.public_key().to_pem().unwrap();
        let public = json!({"id": id, "owner": BOB, "publicKeyPem": pem});
        let bob = json!({"id": BOB, "type": "Person", "inbox": BOB, "publicKey": public});
        let web = Arc::new(ScriptedTransport::new());
        web.serve(BOB, &bob);
        let clock = Arc::new(ManualClock::new(now));
        let store = Arc::new(MemoryActorCache::default());
        let config = DirectoryConfig::default();
        let directory = Arc::new(Directory::new(web, store, None, clock.clone(), config));
        let blocked = Arc::new(BlockedDomains::default());
        let origin = InboxConfig::new(url("https://a.example"));
        let mut inbox = Inbox::new(origin, directory, blocked, clock);
        if let Some(limits) = limits {
            inbox = inbox.limited(Arc::new(InboundLimiter::new(limits)));
        }
        let source = Numbers {
            newest: 60,
            readers: vec![url(BOB)],
            ..Numbers::default()
        };
        let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let app = Collections::new(inbox, source)
            .behind(proxies)
            .router(&["/c"]);
        (app, SigningKey::new(url(&id), key), now)
    }

    async fn get(
        app: &mut axum::Router,
        path: &str,
        headers: HeaderMap,
    ) -> (StatusCode, HeaderMap, Value) {
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        *request.headers_mut() = headers;
        let answer = app.call(request).await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (
            status,
            headers,
            serde_json::from_slice(&body).unwrap_or_default(),
        )
    }

    #[tokio::test]
    async fn attack_64_signed_requests_are_counted_by_where_they_come_from() {
        let limits = RateLimits {
            per_source: Some(Rate::new(1, Duration::from_secs(10))),
            ..RateLimits::default()
        };
        let (mut app, bob, now) = limited_app(Some(limits));
        let target = url("https://a.example/c");
        let signed = sign_request(Scheme::Cavage, &bob, &Method::GET, &target, None, now).unwrap();
        let connected = |text: &str| ConnectInfo::<SocketAddr>(text.parse().unwrap());
        let known = |text: &str| SourceAddress(text.parse().unwrap());
        let mut status = async |peer: Option<&str>, layer: Option<&str>, forwarded: &str| {
            let mut request = Request::get("/c").body(Body::empty()).unwrap();
            *request.headers_mut() = signed.clone();
            let hops = forwarded.parse().unwrap();
            request.headers_mut().insert("x-forwarded-for", hops);
            if let Some(peer) = peer {
                request.extensions_mut().insert(connected(peer));
            }
            if let Some(layer) = layer {
                request.extensions_mut().insert(known(layer));
            }
            app.call(request).await.unwrap().status().as_u16()
        };
        let (one, two) = (Some("203.0.113.1:4711"), Some("203.0.113.2:4711"));
        assert_eq!(status(one, None, "").await, 200);
        assert_eq!(status(one, None, "198.51.100.9").await, 429);
        assert_eq!(status(two, None, "").await, 200);
        // A trusted proxy's word is taken, and the application's before it.
        let proxy = Some("10.0.0.1:4711");
        assert_eq!(status(proxy, None, "203.0.113.1").await, 429);
        assert_eq!(status(proxy, None, "203.0.113.3").await, 200);
        assert_eq!(status(one, Some("203.0.113.4"), "").await, 200);
        assert_eq!(status(None, Some("203.0.113.4"), "").await, 429);
        // Nothing is known of the source: it is the peer alone that is counted.
        assert_eq!(status(None, None, "").await, 200);
    }

    #[tokio::test]
    async fn attack_67_the_signature_decides_who_sees_what() {
        let (mut app, bob, now) = app();
        let signed = |path: &str, key: &SigningKey| {
            let target = url("https://a.example").join(path).unwrap();
            sign_request(Scheme::Cavage, key, &Method::GET, &target, None, now).unwrap()
        };
        let (status, headers, _) = get(&mut app, "/c", HeaderMap::new()).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(headers[VARY].to_str().unwrap().contains("Signature"));

        let (status, headers, whole) = get(&mut app, "/c", signed("/c", &bob)).await;
        assert_eq!((status, &whole["totalItems"]), (StatusCode::OK, &json!(60)));
        assert_eq!(headers[CONTENT_TYPE], "application/activity+json");
        assert_eq!(headers[CACHE_CONTROL], "private, no-store");
        let page = "/c?page=true&before=11";
        let (status, _, shown) = get(&mut app, page, signed(page, &bob)).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(shown["orderedItems"].as_array().unwrap().len(), 10);

        // Signed for another path, or by a key that bob does not show.
        let (status, ..) = get(&mut app, page, signed("/d", &bob)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let other = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let forged = SigningKey::new(bob.key_id().clone(), other);
        let (status, ..) = get(&mut app, "/c", signed("/c", &forged)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
}
