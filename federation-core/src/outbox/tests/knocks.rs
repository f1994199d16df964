//! One attempt: which signatures a peer is offered, and what is learned from its answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, StatusCode};
use url::Url;

use crate::clock::Timestamp;
use crate::fetch::{FetchError, FetchLimits, OutboundRequest, OutboundResponse};
use crate::inbox::InboundRequest;
use crate::outbox::delivery::{ClaimedDelivery, DeliveryId, PeerHealth};
use crate::outbox::outcome::Outcome;
use crate::outbox::post::{Posted, Poster};
use crate::outbox::{KeySource, KeySourceError};
use crate::signature::{
    ACCEPT_SIGNATURE, Algorithm, BodyDigest, PeerScheme, PrivateKey, Scheme, SigningKey,
    VerificationPolicy, VerifiedSignature, inspect,
};
use crate::testing::{ManualClock, ScriptedTransport};

const NOW: Timestamp = Timestamp::from_millis(1_795_190_734_000);
const BODY: &[u8] = b"{\"type\":\"Create\"}";

#[derive(Clone, Debug)]
struct Keys {
    present: SigningKey,
    previous: Option<SigningKey>,
}

fn key(name: &str) -> SigningKey {
    let id = Url::parse(&format!("https://here.example/users/alice#{name}")).unwrap();
    SigningKey::new(id, PrivateKey::generate(Algorithm::Ed25519).unwrap())
}

impl KeySource for Keys {
    fn signing_key<'a>(
        &'a self,
        _actor: &'a Url,
    ) -> BoxFuture<'a, Result<SigningKey, KeySourceError>> {
        Box::pin(async { Ok(self.present.clone()) })
    }

    fn previous_key<'a>(
        &'a self,
        _actor: &'a Url,
    ) -> BoxFuture<'a, Result<Option<SigningKey>, KeySourceError>> {
        Box::pin(async { Ok(self.previous.clone()) })
    }
}

/// What a peer makes of a signature that verifies.
type Manners = fn(&VerifiedSignature) -> (u16, HeaderMap);

struct Setup {
    keys: Keys,
    inbox: Url,
    known: Option<PeerScheme>,
}

impl Setup {
    fn new(known: Option<PeerScheme>) -> Self {
        let keys = Keys {
            present: key("new"),
            previous: None,
        };
        let inbox = Url::parse("https://there.example/inbox").unwrap();
        Self { keys, inbox, known }
    }

    /// Posts to a peer of these manners; gives what came of it and how often it was asked.
    async fn post(&self, manners: Manners) -> (Posted, usize) {
        let web = Arc::new(ScriptedTransport::new());
        let keys = self.keys.clone();
        web.on(self.inbox.as_str(), move |request| {
            let (status, headers) = manners(&verify(request, &keys));
            Ok(answer(request, status, headers))
        });
        self.post_through(web).await
    }

    async fn post_through(&self, web: Arc<ScriptedTransport>) -> (Posted, usize) {
        let poster = Poster {
            transport: Arc::<ScriptedTransport>::clone(&web),
            keys: Arc::new(self.keys.clone()),
            clock: Arc::new(ManualClock::new(NOW)),
            limits: FetchLimits::delivery(),
            decorator: None,
        };
        let delivery = ClaimedDelivery {
            id: DeliveryId::new(NOW),
            lane: 1,
            lease: String::new(),
            peer: "there.example".to_owned(),
            inbox: self.inbox.clone(),
            recipients: Vec::new(),
            activity_id: Url::parse("https://here.example/1").unwrap(),
            actor_id: Url::parse("https://here.example/users/alice").unwrap(),
            body: Bytes::from_static(BODY),
            attempts: 0,
            last_status: None,
            queued_at: NOW,
            peer_health: PeerHealth {
                signature_scheme: self.known.map(|known| known.as_str().to_owned()),
                ..PeerHealth::default()
            },
        };
        let result = poster.post(&delivery, BodyDigest::of(BODY)).await;
        (result, web.requests().len())
    }
}

/// The request as the peer reads it; every one of them carries a valid signature.
fn verify(request: &OutboundRequest, keys: &Keys) -> VerifiedSignature {
    let target = match request.url.query() {
        Some(query) => format!("{}?{query}", request.url.path()),
        None => request.url.path().to_owned(),
    };
    let received = InboundRequest::new(
        request.method.clone(),
        &request.url,
        &target,
        request.headers.clone(),
        request.body.clone(),
    );
    let claim = inspect(&received.unwrap(), &VerificationPolicy::default(), NOW).unwrap();
    let all = [Some(&keys.present), keys.previous.as_ref()];
    let named = all.into_iter().flatten();
    let key = named.into_iter().find(|key| key.key_id() == claim.key_id());
    claim.verify(&key.unwrap().key().public_key()).unwrap()
}

fn answer(request: &OutboundRequest, status: u16, headers: HeaderMap) -> OutboundResponse {
    let status = StatusCode::from_u16(status).unwrap();
    OutboundResponse::new(status, headers, Bytes::new(), request.url.clone())
}

fn when(accepted: bool) -> (u16, HeaderMap) {
    (if accepted { 202 } else { 401 }, HeaderMap::new())
}

#[tokio::test]
async fn a_stranger_is_offered_draft_cavage_which_is_remembered() {
    let (posted, requests) = Setup::new(None)
        .post(|signature| when(signature.scheme() == Scheme::Cavage))
        .await;
    assert_eq!(posted.outcome, Outcome::Delivered { status: 202 });
    assert_eq!((posted.learned, requests), (Some(PeerScheme::Cavage), 1));
}

#[tokio::test]
async fn a_refusal_is_answered_with_the_other_scheme_at_once() {
    for (known, taken, learned) in [
        (None, Scheme::Rfc9421, PeerScheme::Rfc9421),
        (
            Some(PeerScheme::Cavage),
            Scheme::Rfc9421,
            PeerScheme::Rfc9421,
        ),
        (
            Some(PeerScheme::Rfc9421),
            Scheme::Cavage,
            PeerScheme::CavageOnly,
        ),
    ] {
        let manners: Manners = match taken {
            Scheme::Cavage => |signature| when(signature.scheme() == Scheme::Cavage),
            Scheme::Rfc9421 => |signature| when(signature.scheme() == Scheme::Rfc9421),
        };
        let (posted, requests) = Setup::new(known).post(manners).await;
        assert_eq!(posted.outcome, Outcome::Delivered { status: 202 });
        assert_eq!((posted.learned, requests), (Some(learned), 2));
        // What was learned is what the next attempt begins with.
        let (next, requests) = Setup::new(Some(learned)).post(manners).await;
        assert_eq!((next.learned, requests), (Some(learned), 1));
    }
}

#[tokio::test]
async fn one_that_takes_draft_cavage_alone_is_not_asked_again_unless_it_asks() {
    let setup = Setup::new(Some(PeerScheme::CavageOnly));
    let (posted, requests) = setup.post(|_signature| when(false)).await;
    assert_eq!(posted.outcome.status(), Some(401));
    assert!(matches!(posted.outcome, Outcome::Refused { .. }));
    assert_eq!((posted.learned, requests), (None, 1));

    let (posted, requests) = setup
        .post(|signature| {
            if signature.nonce() == Some("n1") && signature.tag() == Some("t") {
                return when(true);
            }
            let mut headers = HeaderMap::new();
            let demand =
                "sig=(\"@method\" \"@authority\" \"@query\" \"date\");nonce=\"n1\";tag=\"t\"";
            headers.insert(ACCEPT_SIGNATURE, HeaderValue::from_static(demand));
            (401, headers)
        })
        .await;
    assert_eq!(posted.outcome, Outcome::Delivered { status: 202 });
    assert_eq!((posted.learned, requests), (Some(PeerScheme::Rfc9421), 2));
}

#[tokio::test]
async fn the_query_is_left_out_for_a_peer_that_wants_it_so() {
    let mut setup = Setup::new(None);
    setup.inbox.set_query(Some("for=bob"));
    let (posted, requests) = setup
        .post(|signature| when(signature.scheme() == Scheme::Cavage && !signature.query_covered()))
        .await;
    assert_eq!(posted.outcome, Outcome::Delivered { status: 202 });
    assert_eq!((posted.learned, requests), (Some(PeerScheme::Cavage), 2));
}

#[tokio::test]
async fn a_peer_that_does_not_know_the_new_key_gets_the_one_before() {
    for status in [400, 401, 403] {
        let mut setup = Setup::new(Some(PeerScheme::CavageOnly));
        setup.keys.previous = Some(key("old"));
        let manners: Manners = match status {
            400 => |signature| (if is_old(signature) { 202 } else { 400 }, HeaderMap::new()),
            401 => |signature| when(is_old(signature)),
            _ => |signature| (if is_old(signature) { 202 } else { 403 }, HeaderMap::new()),
        };
        let (posted, requests) = setup.post(manners).await;
        assert_eq!(posted.outcome, Outcome::Delivered { status: 202 });
        assert_eq!(requests, 2, "{status}");
    }
    // Without one, a request that is not understood is not sent again.
    let (posted, requests) = Setup::new(None)
        .post(|_signature| (400, HeaderMap::new()))
        .await;
    assert!(matches!(
        posted.outcome,
        Outcome::Rejected {
            status: Some(400),
            ..
        }
    ));
    assert_eq!(requests, 1);
}

fn is_old(signature: &VerifiedSignature) -> bool {
    signature.key_id().fragment() == Some("old")
}

#[tokio::test]
async fn no_failure_of_the_peer_makes_it_knock_again() {
    for status in [408, 429, 500, 502, 503, 504] {
        let web = Arc::new(ScriptedTransport::new());
        web.on("https://there.example/inbox", move |request| {
            Ok(answer(request, status, HeaderMap::new()))
        });
        let (posted, requests) = Setup::new(None).post_through(web).await;
        assert!(matches!(posted.outcome, Outcome::Retry { .. }), "{status}");
        assert_eq!((posted.learned, requests), (None, 1), "{status}");
    }
    let web = Arc::new(ScriptedTransport::new());
    web.on("https://there.example/inbox", |_request| {
        let deadline = Duration::from_secs(1);
        Err(FetchError::Timeout { deadline })
    });
    let (posted, requests) = Setup::new(None).post_through(web).await;
    assert!(matches!(posted.outcome, Outcome::Retry { .. }));
    assert_eq!(requests, 1);
}

#[tokio::test]
async fn a_peer_that_refuses_everything_is_asked_four_times_at_most() {
    let mut setup = Setup::new(None);
    setup.inbox.set_query(Some("x"));
    setup.keys.previous = Some(key("old"));
    let (posted, requests) = setup.post(|_signature| when(false)).await;
    assert_eq!(posted.outcome.status(), Some(401));
    assert!(matches!(posted.outcome, Outcome::Refused { .. }));
    assert_eq!((posted.learned, requests), (None, 4));
}
