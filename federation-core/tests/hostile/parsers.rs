//! Parsers that take bytes or a text, and nothing else.

use federation_core::Timestamp;
use federation_core::collection::{Cursor, Cut};
use federation_core::discovery::{HostMeta, NodeInfo, NodeInfoIndex};
use federation_core::fetch::{
    BlockedDomains, DomainPolicy, GuardPolicy, canonical_host, is_activity_media_type,
};
use federation_core::media::inert_headers;
use federation_core::proof::{self, ProofPolicy};
use federation_core::signature::{Algorithm, PrivateKey, PublicKey, parse_key_id};
use federation_core::vocab::{
    self, Activity, Actor, Collection, Entity, KeyDocument, MAX_ID_BYTES, Object, Value, parse_id,
};
use url::Url;
use webfinger::{Handle, Jrd, Query, Resource};

use super::{corpus, on_each};

fn now() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-20T16:30:00Z").unwrap()
}

/// What is read is written so that it reads as the same again; what is not says that asking again
/// does not help.
macro_rules! settled {
    ($kind:ident, $bytes:expr) => {
        match $kind::parse($bytes) {
            Ok(read) => {
                let written = read.to_value();
                let again = $kind::from_value(written.clone()).expect("what was written is read");
                assert_eq!(again.to_value(), written);
            }
            Err(error) => {
                assert!(!error.is_retryable());
                assert!(!error.to_string().is_empty());
            }
        }
    };
}

#[test]
fn documents_are_read_alike_each_time_or_refused() {
    on_each(corpus::documents(), Vec::as_slice, |bytes| {
        settled!(Activity, bytes);
        settled!(Actor, bytes);
        settled!(Collection, bytes);
        settled!(Entity, bytes);
        settled!(Object, bytes);
        if let Err(error) = vocab::parse_value(bytes) {
            assert!(!error.is_retryable());
        }
        if let Err(error) = KeyDocument::parse(bytes) {
            assert!(!error.is_retryable());
        }
        if let Ok(object) = Object::parse(bytes) {
            let _ = object.as_question();
            let _ = (object.content_in(&["en"]), object.name_in(&["de-AT"]));
            let _ = (
                object.as_activity(),
                object.as_actor(),
                object.unknown_fields(),
            );
        }
        let Ok(map) = vocab::parse(bytes) else {
            return;
        };
        let plain: Value = serde_json::from_slice(bytes).expect("strictly read is JSON");
        assert_eq!(Value::Object(map.clone()), plain);
        for policy in [ProofPolicy::default(), ProofPolicy::any_age()] {
            if let Err(error) = proof::inspect(&map, &policy, now()) {
                assert!(!error.is_retryable() && !error.to_string().is_empty());
            }
        }
        let index = NodeInfoIndex::from_map(&map);
        assert!(index.links.len() <= 32);
        if let Some(info) = NodeInfo::from_map(&map) {
            assert!(info.software.name.chars().count() <= 128);
        }
    });
}

#[test]
fn discovery_documents_name_urls_or_are_refused() {
    on_each(corpus::documents(), Vec::as_slice, |bytes| {
        match HostMeta::parse(bytes) {
            Ok(read) => {
                let lookup = read.lookup_url("acct:alice@a.example");
                assert!(lookup.is_none_or(|url| url.has_host()));
            }
            Err(error) => assert!(!error.is_retryable()),
        }
        match Jrd::from_slice(bytes) {
            Ok(document) => match document.self_link() {
                Ok(url) => assert!(matches!(url.scheme(), "https" | "http")),
                Err(error) => assert!(!error.is_retryable()),
            },
            Err(error) => assert!(!error.is_retryable()),
        }
    });
}

#[test]
fn keys_are_usable_or_refused() {
    on_each(corpus::documents(), Vec::as_slice, |bytes| {
        let _ = PublicKey::from_spki_der(bytes);
        let _ = PublicKey::from_pkcs1_der(bytes);
        let _ = PublicKey::from_ed25519(bytes);
        for algorithm in [Algorithm::RsaSha256, Algorithm::Ed25519] {
            let _ = PrivateKey::from_der(algorithm, bytes);
        }
        let text = String::from_utf8_lossy(bytes);
        let keys = [PublicKey::from_pem(&text), PublicKey::from_multibase(&text)];
        for key in keys {
            match key {
                Ok(key) => assert!(key.verify(b"message", bytes).is_err()),
                Err(error) => assert!(!error.is_retryable() && !error.to_string().is_empty()),
            }
        }
    });
}

#[test]
fn texts_have_one_reading_or_none() {
    let policy = GuardPolicy::default();
    let blocked = BlockedDomains::new(["blocked.example"]).unwrap();
    on_each(corpus::documents(), Vec::as_slice, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        if let Some(id) = parse_id(&text) {
            assert!(text.len() <= MAX_ID_BYTES && id.has_host());
            assert_eq!(parse_id(id.as_str()).as_ref(), Some(&id));
        }
        match text.parse::<Handle>() {
            Ok(handle) => assert_eq!(Handle::from_acct(&handle.acct()), Ok(handle)),
            Err(error) => assert!(!error.is_retryable()),
        }
        match Query::parse(&text) {
            Ok(query) => assert!(query.rels.len() <= 32),
            Err(error) => assert!(!error.is_retryable()),
        }
        let _ = Resource::parse(&text);
        if let Err(error) = parse_key_id(&text, false) {
            assert!(!error.is_retryable());
        }
        let host = canonical_host(&text);
        assert_eq!(canonical_host(&host), host);
        assert!(!blocked.is_blocked(&text) || text.to_lowercase().contains("blocked"));
        if let Ok(url) = Url::parse(&text) {
            let _ = policy.check_url(&url);
        }
        let served = inert_headers(&text);
        let served = served["content-type"].to_str().unwrap();
        assert!(!is_activity_media_type(served));
        if is_activity_media_type(&text) {
            assert!(text.to_lowercase().contains("json"));
        }
        if let Some(time) = Timestamp::parse_rfc3339(&text) {
            assert_eq!(Timestamp::parse_rfc3339(&time.to_rfc3339()), Some(time));
        }
        if let Some(time) = Timestamp::parse_http_date(&text) {
            assert_eq!(Timestamp::parse_http_date(&time.to_http_date()), Some(time));
        }
        if let Ok(Some(cut)) = Cut::from_query(Some(&text)) {
            assert!((1..=200).contains(&cut.limit()));
        }
        match text.parse::<Cursor>() {
            Ok(cursor) => assert_eq!(cursor.as_str(), text),
            Err(error) => assert!(!error.is_retryable()),
        }
    });
}
