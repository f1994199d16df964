//! The directory against a scripted web: what is shared, remembered, bounded, and not believed.

use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::*;
use crate::fetch::guard::GuardPolicy;
use crate::fetch::{FetchError, GuardError};
use crate::signature::{Algorithm, PrivateKey, SigningKey};
use crate::testing::{ManualClock, ScriptedTransport};

const ALICE: &str = "https://a.example/users/alice";
const MAIN_KEY: &str = "https://a.example/users/alice#main-key";
const BOB: &str = "https://b.example/users/bob";

struct World {
    web: Arc<ScriptedTransport>,
    clock: Arc<ManualClock>,
    store: MemoryActorCache,
    directory: Arc<Directory>,
}

impl World {
    fn new() -> Self {
        Self::with(DirectoryConfig::default(), None)
    }

    fn with(config: DirectoryConfig, signer: Option<Arc<dyn RequestSigner>>) -> Self {
        let web = Arc::new(ScriptedTransport::guarded(GuardPolicy::default()));
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_000)));
        let store = MemoryActorCache::default();
        let directory = Arc::new(Directory::new(
            Arc::clone(&web) as Arc<dyn Transport>,
            Arc::new(store.clone()),
            signer,
            Arc::clone(&clock) as Arc<dyn Clock>,
            config,
        ));
        Self {
            web,
            clock,
            store,
            directory,
        }
    }

    fn redirect(&self, from: &str, to: &str) {
        let headers = HeaderMap::from_iter([(LOCATION, to.parse().unwrap())]);
        self.web.answer(from, StatusCode::FOUND, headers);
    }
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn pem() -> String {
    let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    key.public_key().to_pem().unwrap()
}

fn key(id: &str, owner: &str, pem: &str) -> Value {
    json!({"id": id, "owner": owner, "publicKeyPem": pem})
}

fn actor(id: &str, name: &str, key: &Value) -> Value {
    json!({
        "id": id, "type": "Person", "preferredUsername": name, "inbox": format!("{id}/inbox"),
        "publicKey": key,
    })
}

fn alice() -> Value {
    actor(ALICE, "alice", &key(MAIN_KEY, ALICE, &pem()))
}

mod actors {
    use super::*;

    #[tokio::test]
    async fn shares_one_fetch_between_all_who_ask_at_once() {
        let world = World::new();
        world.web.serve(ALICE, &alice());
        world.web.hold();
        let asking: Vec<_> = (0..50)
            .map(|_| {
                let directory = Arc::clone(&world.directory);
                tokio::spawn(async move { directory.actor(&url(ALICE)).await })
            })
            .collect();
        tokio::task::yield_now().await;
        world.web.release();
        for asked in asking {
            assert_eq!(asked.await.unwrap().unwrap().id, url(ALICE));
        }
        assert_eq!(world.web.count(ALICE), 1);
    }

    #[tokio::test]
    async fn remembers_until_it_is_no_longer_fresh_and_across_restarts() {
        let world = World::new();
        world.web.serve(ALICE, &alice());
        world.directory.actor(&url(ALICE)).await.unwrap();
        world.clock.advance(Duration::from_hours(23));
        world.directory.forget(&url(ALICE)).await;
        world.directory.actor(&url(ALICE)).await.unwrap();
        assert_eq!(world.web.count(ALICE), 1);
        world.clock.advance(Duration::from_hours(2));
        world.directory.actor(&url(ALICE)).await.unwrap();
        assert_eq!(world.web.count(ALICE), 2);
    }

    #[tokio::test]
    async fn attack_60_remembers_failures() {
        let world = World::new();
        for _ in 0..20 {
            let error = world.directory.actor(&url(ALICE)).await.unwrap_err();
            assert_eq!(error.status(), Some(StatusCode::NOT_FOUND));
        }
        assert_eq!(world.web.count(ALICE), 1);
        world.web.serve(ALICE, &alice());
        world.clock.advance(Duration::from_mins(2));
        assert!(world.directory.actor(&url(ALICE)).await.is_ok());
    }

    #[tokio::test]
    async fn waits_as_long_as_the_server_asks() {
        let world = World::new();
        let headers = HeaderMap::from_iter([(RETRY_AFTER, "600".parse().unwrap())]);
        world
            .web
            .answer(ALICE, StatusCode::SERVICE_UNAVAILABLE, headers);
        let error = world.directory.actor(&url(ALICE)).await.unwrap_err();
        assert!(error.is_retryable());
        assert_eq!(error.retry_after(), Some(Duration::from_mins(10)));
        world.clock.advance(Duration::from_mins(9));
        world.directory.actor(&url(ALICE)).await.unwrap_err();
        assert_eq!(world.web.count(ALICE), 1);
    }

    #[tokio::test]
    async fn uses_what_it_knows_while_the_server_is_down_but_not_for_ever() {
        let world = World::new();
        world.web.serve(ALICE, &alice());
        world.directory.actor(&url(ALICE)).await.unwrap();
        world
            .web
            .on(ALICE, |_| Err(FetchError::Connect("down".into())));
        world.clock.advance(Duration::from_hours(48));
        assert!(world.directory.actor(&url(ALICE)).await.is_ok());
        world.clock.advance(Duration::from_hours(24 * 6));
        assert!(world.directory.actor(&url(ALICE)).await.is_err());
    }

    #[tokio::test]
    async fn believes_gone_only_from_410_and_remembers_it() {
        let world = World::new();
        world.web.serve(ALICE, &alice());
        world.directory.actor(&url(ALICE)).await.unwrap();
        world.web.answer(ALICE, StatusCode::GONE, HeaderMap::new());
        world.clock.advance(Duration::from_hours(1));
        assert!(
            world
                .directory
                .refresh(&url(ALICE))
                .await
                .unwrap_err()
                .is_gone()
        );
        let stored = world.store.load(&url(ALICE)).await.unwrap().unwrap();
        assert!(stored.gone_at.is_some());
        world.directory.forget(&url(ALICE)).await;
        assert!(
            world
                .directory
                .actor(&url(ALICE))
                .await
                .unwrap_err()
                .is_gone()
        );
        assert_eq!(world.web.count(ALICE), 2);
    }

    #[tokio::test]
    async fn refreshes_at_most_once_per_interval() {
        let world = World::new();
        world.web.serve(ALICE, &alice());
        for _ in 0..5 {
            world.directory.refresh(&url(ALICE)).await.unwrap();
        }
        assert_eq!(world.web.count(ALICE), 1);
        world.clock.advance(Duration::from_mins(1));
        for _ in 0..5 {
            world.directory.refresh_key(&url(MAIN_KEY)).await.unwrap();
        }
        assert_eq!(world.web.count(ALICE), 2);
    }

    #[tokio::test]
    async fn signs_its_gets_when_it_can() {
        let key_id = url("https://here.example/actor#main-key");
        let key = SigningKey::new(key_id, PrivateKey::generate(Algorithm::Ed25519).unwrap());
        let world = World::with(DirectoryConfig::default(), Some(Arc::new(key)));
        world.redirect("https://a.example/@alice", ALICE);
        world.web.serve(ALICE, &alice());
        let found = world
            .directory
            .actor_at(&url("https://a.example/@alice"))
            .await
            .unwrap();
        assert_eq!(found.id, url(ALICE));
        let signatures: Vec<_> = world
            .web
            .requests()
            .iter()
            .map(|sent| sent.headers["signature"].clone())
            .collect();
        assert!(signatures.len() >= 2);
        assert_ne!(
            signatures[0], signatures[1],
            "each hop is signed for its own URL"
        );
    }
}

mod identity {
    use super::*;

    #[tokio::test]
    async fn attack_21_does_not_believe_an_id_on_another_host() {
        let world = World::new();
        let forged = actor(
            BOB,
            "bob",
            &key("https://b.example/users/bob#k", BOB, &pem()),
        );
        world.web.serve(ALICE, &forged);
        world.web.serve("https://a.example/@bob", &forged);
        for asked in [ALICE, "https://a.example/@bob"] {
            let error = world.directory.actor_at(&url(asked)).await.unwrap_err();
            assert!(matches!(error, DirectoryError::Document(_)), "{error:?}");
        }
        assert!(world.directory.actor(&url(ALICE)).await.is_err());
        assert_eq!(world.store.load(&url(BOB)).await.unwrap(), None);
        assert_eq!(world.web.count(BOB), 0);
    }

    #[tokio::test]
    async fn attack_21_confirms_another_id_on_the_same_host_at_that_id() {
        let world = World::new();
        world.web.serve("https://a.example/upload/fake", &alice());
        let error = world
            .directory
            .actor_at(&url("https://a.example/upload/fake"))
            .await;
        assert!(error.is_err(), "the id has to be found at the id");
        world.web.serve("https://a.example/upload/other", &alice());
        let genuine = alice();
        world.web.serve(ALICE, &genuine);
        let found = world
            .directory
            .actor_at(&url("https://a.example/upload/other"))
            .await
            .unwrap();
        assert_eq!(
            found.public_keys[0].material.as_str(),
            genuine["publicKey"]["publicKeyPem"]
        );
        let strict = world
            .directory
            .actor(&url("https://a.example/upload/other"))
            .await;
        assert!(matches!(strict, Err(DirectoryError::IdMismatch { .. })));
    }

    #[tokio::test]
    async fn attack_22_does_not_believe_other_media_types() {
        let world = World::new();
        for media_type in [
            "application/json",
            "text/html",
            "text/plain",
            "application/ld+json",
            "image/png",
        ] {
            world.web.serve_as(ALICE, media_type, alice().to_string());
            let error = world.directory.actor(&url(ALICE)).await.unwrap_err();
            assert!(matches!(error, DirectoryError::Document(_)), "{media_type}");
            assert!(!error.is_retryable());
            world.clock.advance(Duration::from_hours(1));
        }
    }

    #[tokio::test]
    async fn attack_25_does_not_carry_authority_across_a_redirect() {
        let world = World::new();
        // The attacker's page redirects to the victim's server, which shows an attacker's id.
        world.redirect(ALICE, "https://b.example/upload");
        world.web.serve("https://b.example/upload", &alice());
        let error = world.directory.actor(&url(ALICE)).await.unwrap_err();
        assert!(matches!(error, DirectoryError::Document(_)), "{error:?}");
        world.clock.advance(Duration::from_hours(1));
        // A redirect to another server's honest document is that server's actor, not this one.
        world.redirect(ALICE, BOB);
        world.web.serve(
            BOB,
            &actor(
                BOB,
                "bob",
                &key("https://b.example/users/bob#k", BOB, &pem()),
            ),
        );
        let error = world.directory.actor(&url(ALICE)).await.unwrap_err();
        assert!(
            matches!(error, DirectoryError::IdMismatch { .. }),
            "{error:?}"
        );
        world.clock.advance(Duration::from_hours(1));
        world.redirect(ALICE, "http://a.example/users/alice");
        assert!(world.directory.actor(&url(ALICE)).await.is_err());
    }

    #[tokio::test]
    async fn attack_53_ends_redirects_of_signed_fetches() {
        let world = World::new();
        world.redirect(ALICE, "https://a.example/2");
        world.redirect("https://a.example/2", ALICE);
        let error = world.directory.actor(&url(ALICE)).await.unwrap_err();
        assert!(matches!(error, DirectoryError::Document(_)));
        world.redirect(BOB, "https://127.0.0.1/users/bob");
        let error = world.directory.actor(&url(BOB)).await.unwrap_err();
        assert!(!error.is_retryable());
        assert!(
            world
                .web
                .requests()
                .iter()
                .all(|sent| sent.url.host_str() != Some("127.0.0.1"))
        );
    }

    #[tokio::test]
    async fn attack_52_refuses_keys_inside_without_a_request() {
        let world = World::new();
        for inside in [
            "http://internal/",
            "https://127.0.0.1/key",
            "https://10.0.0.1/actor#main-key",
            "https://[::1]/actor#main-key",
            "https://localhost/u#k",
            "http://a.example/users/alice#main-key",
        ] {
            let error = world.directory.key(&url(inside)).await.unwrap_err();
            assert!(!error.is_retryable(), "{inside}: {error:?}");
            let mut cause: &(dyn std::error::Error) = &error;
            while let Some(deeper) = cause.source() {
                cause = deeper;
            }
            assert!(cause.is::<GuardError>(), "{inside}: {cause:?}");
        }
        assert!(world.web.requests().is_empty());
    }
}

mod keys {
    use super::*;

    #[tokio::test]
    async fn finds_a_key_in_its_actor() {
        let world = World::new();
        world.web.serve(ALICE, &alice());
        let found = world.directory.key(&url(MAIN_KEY)).await.unwrap();
        assert_eq!(
            (&found.owner.id, &found.key_id),
            (&url(ALICE), &url(MAIN_KEY))
        );
        world.directory.key(&url(MAIN_KEY)).await.unwrap();
        assert_eq!(world.web.requests().len(), 1);
        // Older servers name the actor itself.
        assert_eq!(
            world.directory.key(&url(ALICE)).await.unwrap().key_id,
            url(MAIN_KEY)
        );
    }

    #[tokio::test]
    async fn follows_a_stand_alone_key_and_a_stub_to_the_owner() {
        let world = World::new();
        let key_id = "https://a.example/users/alice/main-key";
        let own = key(key_id, ALICE, &pem());
        world.web.serve(ALICE, &actor(ALICE, "alice", &own));
        let stub =
            json!({"id": ALICE, "type": "Person", "preferredUsername": "alice", "publicKey": own});
        for document in [own, stub] {
            world.web.serve(key_id, &document);
            let found = world.directory.key(&url(key_id)).await.unwrap();
            assert_eq!(found.owner.id, url(ALICE));
            world.clock.advance(Duration::from_hours(25));
        }
        assert_eq!(world.web.count(key_id), 2);
    }

    #[tokio::test]
    async fn attack_03_does_not_believe_a_key_that_its_owner_does_not_list() {
        let world = World::new();
        world.web.serve(ALICE, &alice());
        let elsewhere = "https://evil.example/key";
        world.web.serve(elsewhere, &key(elsewhere, ALICE, &pem()));
        let error = world.directory.key(&url(elsewhere)).await.unwrap_err();
        assert!(
            matches!(error, DirectoryError::KeyElsewhere { .. }),
            "{error:?}"
        );
        // On the victim's own server, for example as an upload.
        let upload = "https://a.example/upload/key";
        world.web.serve(upload, &key(upload, ALICE, &pem()));
        let error = world.directory.key(&url(upload)).await.unwrap_err();
        assert!(
            matches!(error, DirectoryError::KeyNotListed { .. }),
            "{error:?}"
        );
        // A fragment that the actor does not have.
        let error = world
            .directory
            .key(&url("https://a.example/users/alice#other"))
            .await
            .unwrap_err();
        assert!(
            matches!(error, DirectoryError::KeyNotListed { .. }),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn attack_03_does_not_believe_an_actor_that_lists_a_key_of_another() {
        let world = World::new();
        let stolen = key(MAIN_KEY, BOB, &pem());
        world.web.serve(ALICE, &actor(ALICE, "alice", &stolen));
        let error = world.directory.key(&url(MAIN_KEY)).await.unwrap_err();
        assert!(
            matches!(error, DirectoryError::KeyNotListed { .. }),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn attack_05_does_not_take_a_key_document_with_another_id() {
        let world = World::new();
        world.web.serve(ALICE, &alice());
        let asked = "https://a.example/keys/1";
        world.web.serve(asked, &key(MAIN_KEY, ALICE, &pem()));
        let error = world.directory.key(&url(asked)).await.unwrap_err();
        assert!(
            matches!(error, DirectoryError::WrongKeyId { .. }),
            "{error:?}"
        );
        // Nothing was kept under the asked id, and the real key is untouched.
        assert!(world.directory.key(&url(asked)).await.is_err());
        assert!(world.directory.key(&url(MAIN_KEY)).await.is_ok());
    }

    #[tokio::test]
    async fn attack_24_takes_nothing_from_the_page_for_people() {
        let world = World::new();
        let mut forged = actor(
            BOB,
            "bob",
            &key("https://b.example/users/bob#k", BOB, &pem()),
        );
        forged["url"] = json!(ALICE);
        world.web.serve(BOB, &forged);
        let found = world.directory.actor(&url(BOB)).await.unwrap();
        assert_eq!(found.id, url(BOB));
        assert_eq!(world.store.load(&url(ALICE)).await.unwrap(), None);
        assert!(world.directory.key(&url(MAIN_KEY)).await.is_err());
    }

    #[tokio::test]
    async fn learns_a_new_key_when_the_actor_has_rotated() {
        let world = World::new();
        world.web.serve(ALICE, &alice());
        let old = world.directory.key(&url(MAIN_KEY)).await.unwrap();
        let second = "https://a.example/users/alice#second";
        world
            .web
            .serve(ALICE, &actor(ALICE, "alice", &key(second, ALICE, &pem())));
        world.clock.advance(Duration::from_mins(5));
        assert!(world.directory.key(&url(second)).await.is_ok());
        assert!(world.directory.key(&url(MAIN_KEY)).await.is_err());
        drop(old);
    }

    #[tokio::test]
    async fn attack_60_bounds_fetches_by_many_key_ids_of_one_host() {
        let world = World::new();
        for number in 0..500 {
            let key_id = format!("https://victim.example/users/{number}#main-key");
            let _ = world.directory.key(&url(&key_id)).await;
        }
        let sent = world.web.requests().len();
        let burst = usize::try_from(FetchBudget::default().burst).unwrap();
        assert!(sent <= burst, "{sent} requests");
        let error = world
            .directory
            .key(&url("https://victim.example/x#k"))
            .await
            .unwrap_err();
        assert!(matches!(error, DirectoryError::OverBudget { .. }) && error.is_retryable());
    }

    #[tokio::test]
    async fn attack_04_reads_a_key_id_in_one_way() {
        let world = World::new();
        world.web.serve(ALICE, &alice());
        for odd in [
            "https://a.example@evil.example/users/alice#main-key",
            "https://alice@a.example/users/alice#main-key",
        ] {
            assert!(world.directory.key(&url(odd)).await.is_err(), "{odd}");
        }
        let upper = world
            .directory
            .key(&url("HTTPS://A.EXAMPLE:443/users/alice#main-key"))
            .await;
        assert_eq!(upper.unwrap().key_id, url(MAIN_KEY));
    }

    #[tokio::test]
    async fn names_a_key_that_cannot_be_used() {
        let world = World::new();
        world.web.serve(
            ALICE,
            &actor(ALICE, "alice", &key(MAIN_KEY, ALICE, "no key at all")),
        );
        let error = world.directory.key(&url(MAIN_KEY)).await.unwrap_err();
        assert!(
            matches!(error, DirectoryError::UnusableKey { .. }),
            "{error:?}"
        );
    }
}

mod handles {
    use super::*;

    fn jrd(subject: &str, actor: &str) -> String {
        json!({"subject": subject, "links": [{"rel": "self", "type": "application/activity+json", "href": actor}]}).to_string()
    }

    impl World {
        fn webfinger(&self, host: &str, asked: &str, media_type: &str, body: String) {
            let asked = asked.replace(':', "%3A").replace('@', "%40");
            let url = format!("https://{host}/.well-known/webfinger?resource={asked}");
            self.web.serve_as(&url, media_type, body);
        }
    }

    const JRD: &str = "application/jrd+json";

    #[tokio::test]
    async fn resolves_a_handle_that_its_actor_goes_by() {
        let world = World::new();
        world.web.serve(ALICE, &alice());
        world.webfinger(
            "a.example",
            "acct:alice@a.example",
            JRD,
            jrd("acct:alice@a.example", ALICE),
        );
        let found = world
            .directory
            .resolve_handle("@alice@a.example")
            .await
            .unwrap();
        assert_eq!(found.id, url(ALICE));
        assert!(matches!(
            world.directory.resolve_handle("alice").await,
            Err(DirectoryError::Handle(_))
        ));
    }

    #[tokio::test]
    async fn attack_40_does_not_believe_a_handle_without_the_way_back() {
        let world = World::new();
        world.web.serve(ALICE, &alice());
        world.webfinger(
            "a.example",
            "acct:alice@a.example",
            JRD,
            jrd("acct:alice@a.example", ALICE),
        );
        let lies = [
            // Another host claims alice as its own.
            (
                "evil.example",
                "acct:alice@evil.example",
                JRD,
                jrd("acct:alice@evil.example", ALICE),
            ),
            (
                "c.example",
                "acct:mallory@c.example",
                JRD,
                jrd("acct:mallory@c.example", ALICE),
            ),
            // Another name on alice's host.
            (
                "a.example",
                "acct:root@a.example",
                JRD,
                jrd("acct:root@a.example", ALICE),
            ),
            // The subject is somebody else.
            (
                "d.example",
                "acct:bob@d.example",
                JRD,
                jrd("acct:alice@a.example", "https://d.example/users/bob"),
            ),
            // The media type is that of an upload.
            (
                "e.example",
                "acct:bob@e.example",
                "text/html",
                jrd("acct:bob@e.example", ALICE),
            ),
            // The link leads inside.
            (
                "f.example",
                "acct:bob@f.example",
                JRD,
                jrd("acct:bob@f.example", "https://127.0.0.1/users/bob"),
            ),
        ];
        for (host, asked, media_type, body) in lies {
            world.webfinger(host, asked, media_type, body);
            let handle = asked.replace("acct:", "@");
            let outcome = world.directory.resolve_handle(&handle).await;
            assert!(outcome.is_err(), "{handle}");
        }
    }

    #[tokio::test]
    async fn resolves_a_handle_on_another_domain_that_agrees() {
        let world = World::new();
        world.web.serve(ALICE, &alice());
        let split = jrd("acct:alice@example.org", ALICE);
        world.webfinger("example.org", "acct:alice@example.org", JRD, split.clone());
        world.webfinger("a.example", "acct:alice@a.example", JRD, split);
        let found = world
            .directory
            .resolve_handle("@alice@example.org")
            .await
            .unwrap();
        assert_eq!(found.id, url(ALICE));
    }
}
