//! Headers and lists of followers, honest and forged; numbers are those of the attack checklist.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::clock::Timestamp;
use crate::fetch::{Directory, DirectoryConfig, MemoryActorCache, Transport};
use crate::testing::{ManualClock, ScriptedTransport};
use crate::vocab::{Actor, ActorKind};
use url::Url;

const BOB: &str = "https://there.example/users/bob";
const LIST: &str = "https://there.example/users/bob/followers_synchronization";
const ALICE: &str = "https://here.example/users/alice";
const DAVE: &str = "https://here.example/users/dave";

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn bob() -> Actor {
    let mut bob = Actor::new(url(BOB), ActorKind::Person, url(&format!("{BOB}/inbox")));
    bob.followers = Some(url(&format!("{BOB}/followers")));
    bob
}

fn header(followers: &[&str]) -> Synchronization {
    let followers: Vec<Url> = followers.iter().map(|id| url(id)).collect();
    Synchronization {
        collection_id: url(&format!("{BOB}/followers")),
        url: url(LIST),
        digest: followers.iter().collect(),
    }
}

fn directory(web: &Arc<ScriptedTransport>) -> Directory {
    let transport: Arc<dyn Transport> = Arc::<ScriptedTransport>::clone(web);
    let clock = ManualClock::new(Timestamp::from_millis(1_795_190_734_000));
    Directory::new(
        transport,
        Arc::new(MemoryActorCache::default()),
        None,
        Arc::new(clock),
        DirectoryConfig::default(),
    )
}

fn list(items: &[&str]) -> serde_json::Value {
    json!({"id": LIST, "type": "OrderedCollection", "orderedItems": items})
}

async fn compare(
    web: &Arc<ScriptedTransport>,
    header: &Synchronization,
    known: &[&str],
) -> Result<Option<Reconciliation>, ReconcileError> {
    let known: Vec<Url> = known.iter().map(|id| url(id)).collect();
    let own = url("https://here.example/");
    reconcile(&directory(web), header, &bob(), &own, &known).await
}

#[test]
fn the_digest_is_that_of_the_proposal() {
    let vector = "c33f48cd341ef046a206b8a72ec97af65079f9a3a9b90eef79c5920dce45c61f";
    let ids = [
        "https://testing.example.org/users/1",
        "https://testing.example.org/users/2",
    ];
    let ids = ids.map(url);
    let digest: FollowersDigest = ids.iter().collect();
    assert_eq!(digest.to_string(), vector);
    assert_eq!(vector.to_uppercase().parse(), Ok(digest));
    let mut less = digest;
    less.toggle(&ids[0]);
    assert_eq!(less, ids.iter().skip(1).collect());
    for text in [
        "",
        "c33f",
        vector.trim_start_matches('c'),
        &format!("{vector}0"),
        &vector.replace('c', "g"),
    ] {
        assert_eq!(
            text.parse::<FollowersDigest>(),
            Err(InvalidDigest),
            "{text}"
        );
    }
}

#[test]
fn reads_what_servers_write() {
    let sent = header(&[ALICE]);
    let (id, list, digest) = (&sent.collection_id, &sent.url, sent.digest);
    for text in [
        sent.to_string(),
        format!(r#"collectionId="{id}",digest="{digest}",url="{list}""#),
        format!(r#" digest = "{digest}" , url="{list}", new="x,y=z", collectionId="{id}" "#),
    ] {
        assert_eq!(Synchronization::parse(&text).unwrap(), sent, "{text}");
    }
}

#[test]
fn attack_44_headers_that_say_two_things_or_nothing() {
    let good = header(&[ALICE]).to_string();
    let doubled = format!(r#"{good}, url="https://evil.example/list""#);
    let twice = SynchronizationError::Twice { name: "url" };
    assert_eq!(Synchronization::parse(&doubled), Err(twice));
    let long = format!(r#"{good}, x="{}""#, "y".repeat(MAX_HEADER_BYTES));
    let too_long = Err(SynchronizationError::TooLong);
    assert_eq!(Synchronization::parse(&long), too_long);
    for text in [
        "",
        "collectionId",
        "=",
        r#"collectionId=""#,
        &format!("{good},"),
        &good.replace('"', ""),
        &good.replace("digest=\"", "digest=\"0"),
        &good.replace("https://there.example/users/bob/f", "javascript:x"),
        &good.replace("url=", "uri="),
    ] {
        assert!(Synchronization::parse(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn reading_a_header_never_panics(text in "\\PC{0,200}") {
        let _ = Synchronization::parse(&text);
    }

    #[test]
    fn what_is_written_is_read(number in 0_u32..9, more in 0_u32..9) {
        let followers: Vec<Url> = (0..number).map(|n| url(&format!("{ALICE}/{n}-{more}"))).collect();
        let mut sent = header(&[]);
        sent.digest = followers.iter().collect();
        prop_assert_eq!(Synchronization::parse(&sent.to_string()).unwrap(), sent);
    }
}

#[tokio::test]
async fn attack_44_headers_of_other_authorities_are_ignored() {
    let web = Arc::new(ScriptedTransport::new());
    let good = header(&[DAVE]);
    for (collection_id, list) in [
        ("https://there.example/users/carol/followers", LIST),
        ("https://evil.example/users/bob/followers", LIST),
        (
            "https://there.example/users/bob/followers",
            "https://evil.example/list",
        ),
        (
            "https://there.example/users/bob/followers",
            "http://there.example/list",
        ),
        (
            "https://there.example/users/bob/followers",
            "https://there.example:8443/list",
        ),
        (
            "https://there.example/users/bob/followers",
            "https://here.example/list",
        ),
    ] {
        let mut forged = good.clone();
        (forged.collection_id, forged.url) = (url(collection_id), url(list));
        web.serve(
            list,
            &json!({"id": list, "type": "OrderedCollection", "orderedItems": []}),
        );
        let refused = compare(&web, &forged, &[ALICE]).await.unwrap_err();
        assert!(matches!(refused, ReconcileError::Header(_)), "{refused:?}");
        assert!(!refused.is_retryable());
    }
    assert!(web.requests().is_empty());
}

#[tokio::test]
async fn agreement_costs_no_request() {
    let web = Arc::new(ScriptedTransport::new());
    let same = header(&[ALICE, DAVE]);
    assert_eq!(compare(&web, &same, &[DAVE, ALICE]).await.unwrap(), None);
    let elsewhere = "https://elsewhere.example/users/erin";
    let known = [DAVE, ALICE, elsewhere];
    assert_eq!(compare(&web, &same, &known).await.unwrap(), None);
    assert!(web.requests().is_empty());
}

#[tokio::test]
async fn a_list_of_another_state_is_taken_over() {
    let web = Arc::new(ScriptedTransport::new());
    web.serve(LIST, &list(&[DAVE]));
    let change = compare(&web, &header(&[DAVE]), &[ALICE])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(change.ended, [url(ALICE)]);
    assert_eq!(change.unknown, [url(DAVE)]);
}

#[tokio::test]
async fn attack_44_nothing_ends_by_the_digest_alone() {
    // The digest says that nobody follows; the list says otherwise.
    let web = Arc::new(ScriptedTransport::new());
    web.serve(LIST, &list(&[ALICE]));
    assert_eq!(compare(&web, &header(&[]), &[ALICE]).await.unwrap(), None);
    // The list cannot be had, is somebody else's, or is not whole.
    web.answer(LIST, StatusCode::INTERNAL_SERVER_ERROR, HeaderMap::new());
    let refused = compare(&web, &header(&[]), &[ALICE]).await.unwrap_err();
    assert!(refused.is_retryable(), "{refused:?}");
    web.serve(
        LIST,
        &json!({"id": "https://there.example/other", "type": "OrderedCollection"}),
    );
    assert!(compare(&web, &header(&[]), &[ALICE]).await.is_err());
    let broken_off = json!({
        "id": LIST, "type": "OrderedCollection", "first": format!("{LIST}?page=1"),
    });
    web.serve(LIST, &broken_off);
    let refused = compare(&web, &header(&[]), &[ALICE]).await.unwrap_err();
    assert!(matches!(refused, ReconcileError::Incomplete), "{refused:?}");
}

#[tokio::test]
async fn attack_44_a_list_speaks_for_followers_here_alone() {
    let web = Arc::new(ScriptedTransport::new());
    let stranger = "https://elsewhere.example/users/erin";
    web.serve(LIST, &list(&[ALICE, stranger]));
    let known = [ALICE, DAVE, "https://third.example/users/frank"];
    let change = compare(&web, &header(&[]), &known).await.unwrap().unwrap();
    assert_eq!(change.ended, [url(DAVE)]);
    assert!(change.unknown.is_empty());
}

#[test]
fn a_list_shows_a_server_its_own_part() {
    let followers = [
        url(ALICE),
        url("https://elsewhere.example/users/erin"),
        url(DAVE),
    ];
    let reader = url("https://here.example/actor");
    let shown = partial_collection(url(LIST), &followers, &reader).unwrap();
    let ids: Vec<_> = shown.items.iter().filter_map(|item| item.id()).collect();
    assert_eq!(ids, [&url(ALICE), &url(DAVE)]);
    assert_eq!(shown.total_items, Some(2));
    let many: Vec<Url> = (0..=MAX_LISTED)
        .map(|n| url(&format!("{ALICE}/{n}")))
        .collect();
    assert!(partial_collection(url(LIST), &many, &reader).is_none());
}
