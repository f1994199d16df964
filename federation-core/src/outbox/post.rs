//! One attempt: sign the request of a delivery and post it (ActivityPub s7.1).

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use thiserror::Error;
use url::Url;

use super::decorate::DeliveryDecorator;
use super::delivery::ClaimedDelivery;
use super::explain::explanation;
use super::outcome::Outcome;
use crate::clock::{Clock, Timestamp};
use crate::fetch::{FetchError, FetchLimits, GuardError, OutboundRequest, Transport};
use crate::signature::{
    BodyDigest, PeerScheme, RequestToSign, Scheme, SignatureDemand, SigningKey,
};

const ACTIVITY_JSON: HeaderValue = HeaderValue::from_static("application/activity+json");

/// Why there is no key to sign with.
#[derive(Debug, Error)]
#[error("no key to sign with: {reason}")]
pub struct KeySourceError {
    /// What went wrong; shown to operators.
    pub reason: String,
    /// Whether there may be one later.
    pub retryable: bool,
}

/// Where the keys of local actors are.
pub trait KeySource: fmt::Debug + Send + Sync + 'static {
    /// The key that `actor_id` signs with now.
    fn signing_key<'a>(
        &'a self,
        actor_id: &'a Url,
    ) -> BoxFuture<'a, Result<SigningKey, KeySourceError>>;

    /// The key that `actor_id` signed with before, while its document still lists it: for a peer
    /// that refuses the present one, since some learn of new keys late.
    fn previous_key<'a>(
        &'a self,
        _actor_id: &'a Url,
    ) -> BoxFuture<'a, Result<Option<SigningKey>, KeySourceError>> {
        Box::pin(async { Ok(None) })
    }
}

/// What one attempt needs beside the delivery.
#[derive(Clone, Debug)]
pub(super) struct Poster {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) keys: Arc<dyn KeySource>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: FetchLimits,
    pub(super) decorator: Option<Arc<dyn DeliveryDecorator>>,
}

/// What came of an attempt.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) outcome: Outcome,
    /// What the peer is known to take, where the answer told.
    pub(super) learned: Option<PeerScheme>,
}

impl From<Outcome> for Posted {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            learned: None,
        }
    }
}

/// One request of an attempt.
struct Knock {
    scheme: Scheme,
    key: SigningKey,
    without_query: bool,
    demand: Option<SignatureDemand>,
}

impl Poster {
    /// Signs, posts, and says what the answer means.
    ///
    /// A peer that refuses the signature (401 or 403) is asked once more by each other way it may
    /// want it: with the other scheme, without the query in `(request-target)`, with the key that
    /// was current before. Together they are one attempt and share its deadline; any other answer
    /// ends it.
    pub(super) async fn post(&self, delivery: &ClaimedDelivery, digest: BodyDigest) -> Posted {
        let key = match self.keys.signing_key(&delivery.actor_id).await {
            Ok(key) => key,
            Err(error) if error.retryable => return alone(error.to_string()).into(),
            Err(error) => return rejected(error.to_string()).into(),
        };
        let known = delivery.peer_health.signature_scheme.as_deref();
        let known = known.and_then(PeerScheme::parse);
        // Longer than one request may take, and well within the lease.
        let overdue = self.clock.now().plus(self.limits.deadline * 2);
        let first = Knock {
            scheme: PeerScheme::first(known),
            key,
            without_query: false,
            demand: None,
        };
        let (refusal, demand) = match self.knock(delivery, digest, &first, overdue).await {
            Reply::Refused { outcome, demand } => (outcome, demand),
            Reply::Final(outcome) => {
                let learned =
                    accepted(&outcome).then(|| PeerScheme::after(known, first.scheme, false));
                return Posted { outcome, learned };
            }
        };
        let mut tried_other = false;
        for knock in self
            .further(delivery, known, &first, &refusal, demand)
            .await
        {
            if self.clock.now() >= overdue {
                break;
            }
            let other = knock.scheme != first.scheme;
            match self.knock(delivery, digest, &knock, overdue).await {
                Reply::Refused { .. } => tried_other |= other,
                Reply::Final(outcome) => {
                    let refused_other = other || tried_other;
                    let learned = accepted(&outcome)
                        .then(|| PeerScheme::after(known, knock.scheme, refused_other));
                    return Posted { outcome, learned };
                }
            }
        }
        refusal.into()
    }

    /// The other ways to ask, likeliest first.
    async fn further(
        &self,
        delivery: &ClaimedDelivery,
        known: Option<PeerScheme>,
        first: &Knock,
        refusal: &Outcome,
        demand: Option<SignatureDemand>,
    ) -> Vec<Knock> {
        let mut knocks = Vec::new();
        let again = |scheme, key: &SigningKey| Knock {
            scheme,
            key: key.clone(),
            without_query: false,
            demand: None,
        };
        // 400 is what some servers answer to a signature by a key that they do not know yet.
        if matches!(refusal, Outcome::Refused { .. }) {
            let asked = demand.is_some();
            if first.scheme == Scheme::Cavage && delivery.inbox.query().is_some() {
                let mut knock = again(Scheme::Cavage, &first.key);
                knock.without_query = true;
                knocks.push(knock);
            }
            if asked || known != Some(PeerScheme::CavageOnly) {
                let mut knock = again(first.scheme.other(), &first.key);
                knock.demand = demand.filter(|_demand| knock.scheme == Scheme::Rfc9421);
                if asked {
                    knocks.insert(0, knock);
                } else {
                    knocks.push(knock);
                }
            }
        }
        if let Ok(Some(previous)) = self.keys.previous_key(&delivery.actor_id).await {
            knocks.push(again(first.scheme, &previous));
        }
        knocks
    }

    async fn knock(
        &self,
        delivery: &ClaimedDelivery,
        digest: BodyDigest,
        knock: &Knock,
        overdue: Timestamp,
    ) -> Reply {
        let added = match &self.decorator {
            Some(decorator) => decorator.headers(delivery).await,
            None => HeaderMap::new(),
        };
        let mut to_sign = RequestToSign::new(&Method::POST, &delivery.inbox, self.clock.now());
        to_sign = to_sign.digest(digest).headers(&added);
        if knock.without_query {
            to_sign = to_sign.without_query();
        }
        if let Some(demand) = &knock.demand {
            to_sign = to_sign.demanded(demand);
        }
        let mut headers = match to_sign.sign(knock.scheme, &knock.key) {
            Ok(headers) => headers,
            Err(error) => return Reply::Final(rejected(error.to_string())),
        };
        tracing::trace!(
            activity = %delivery.activity_id, inbox = %delivery.inbox, scheme = %knock.scheme,
            "signed"
        );
        headers.insert(CONTENT_TYPE, ACTIVITY_JSON);
        headers.insert(ACCEPT, ACTIVITY_JSON);
        let request = OutboundRequest::post(
            delivery.inbox.clone(),
            headers,
            delivery.body.clone(),
            self.limits,
        );
        // The transport keeps the deadline; this is for one that does not.
        let answer = tokio::select! {
            biased;
            answer = self.transport.execute(request) => answer,
            () = self.clock.sleep_until(overdue) => Err(FetchError::Timeout {
                deadline: self.limits.deadline,
            }),
        };
        match answer {
            Ok(answer) => {
                tracing::trace!(inbox = %delivery.inbox, status = answer.status.as_u16(), "answered");
                let retry_after = answer.retry_after(self.clock.now());
                let outcome = Outcome::from_status(answer.status, retry_after)
                    .explained(explanation(&answer));
                if !matches!(answer.status.as_u16(), 400 | 401 | 403) {
                    return Reply::Final(outcome);
                }
                let demand = (answer.status == StatusCode::UNAUTHORIZED)
                    .then(|| SignatureDemand::of(&answer.headers))
                    .flatten();
                Reply::Refused { outcome, demand }
            }
            Err(error) if error.is_retryable() => Reply::Final(Outcome::Retry {
                status: None,
                error: chain(&error),
                retry_after: error.retry_after(),
                peer_wide: error.is_peer_failure(),
            }),
            Err(error) if may_pass(&error, &delivery.inbox) => Reply::Final(alone(chain(&error))),
            Err(error) => Reply::Final(rejected(chain(&error))),
        }
    }
}

/// What a peer answered to one request.
enum Reply {
    /// It may take the same activity with another signature.
    Refused {
        outcome: Outcome,
        demand: Option<SignatureDemand>,
    },
    /// This is the outcome of the attempt.
    Final(Outcome),
}

fn accepted(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Delivered { .. })
}

/// Whether a refusal on this side may be of the moment: one wrong answer of the name service, or
/// a fault of this machine. It tells nothing about the peer.
fn may_pass(error: &FetchError, inbox: &Url) -> bool {
    match error {
        FetchError::Refused(GuardError::Address { .. }) => inbox.domain().is_some(),
        FetchError::Request(_) => true,
        _ => false,
    }
}

fn alone(error: String) -> Outcome {
    Outcome::Retry {
        status: None,
        error,
        retry_after: None,
        peer_wide: false,
    }
}

fn rejected(error: String) -> Outcome {
    Outcome::Rejected {
        status: None,
        error,
    }
}

/// An error with what caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
