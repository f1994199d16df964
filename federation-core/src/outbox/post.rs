//! One attempt: sign the request of a delivery and post it (ActivityPub s7.1).

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method};
use thiserror::Error;
use url::Url;

use super::delivery::ClaimedDelivery;
use super::outcome::Outcome;
use crate::clock::Clock;
use crate::fetch::{FetchError, FetchLimits, GuardError, OutboundRequest, Transport};
use crate::signature::{BodyDigest, RequestToSign, Scheme, SigningKey};

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
}

/// What one attempt needs beside the delivery.
#[derive(Clone, Debug)]
pub(super) struct Poster {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) keys: Arc<dyn KeySource>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: FetchLimits,
}

impl Poster {
    /// Signs with `scheme`, posts, and says what the answer means.
    pub(super) async fn post(
        &self,
        delivery: &ClaimedDelivery,
        digest: BodyDigest,
        scheme: Scheme,
    ) -> Outcome {
        let key = match self.keys.signing_key(&delivery.actor_id).await {
            Ok(key) => key,
            Err(error) if error.retryable => return alone(error.to_string()),
            Err(error) => return rejected(error.to_string()),
        };
        let signed = RequestToSign::new(&Method::POST, &delivery.inbox, self.clock.now())
            .digest(digest)
            .sign(scheme, &key);
        let mut headers = match signed {
            Ok(headers) => headers,
            Err(error) => return rejected(error.to_string()),
        };
        tracing::trace!(activity = %delivery.activity_id, inbox = %delivery.inbox, %scheme, "signed");
        headers.insert(CONTENT_TYPE, ACTIVITY_JSON);
        headers.insert(ACCEPT, ACTIVITY_JSON);
        let request = OutboundRequest::post(
            delivery.inbox.clone(),
            headers,
            delivery.body.clone(),
            self.limits,
        );
        // The transport keeps the deadline; this is for one that does not.
        let overdue = self.clock.now().plus(self.limits.deadline * 2);
        let answer = tokio::select! {
            answer = self.transport.execute(request) => answer,
            () = self.clock.sleep_until(overdue) => Err(FetchError::Timeout {
                deadline: self.limits.deadline,
            }),
        };
        match answer {
            Ok(answer) => {
                tracing::trace!(inbox = %delivery.inbox, status = answer.status.as_u16(), "answered");
                let retry_after = answer.retry_after(self.clock.now());
                Outcome::from_status(answer.status, retry_after)
            }
            Err(error) if error.is_retryable() => Outcome::Retry {
                status: None,
                error: chain(&error),
                retry_after: error.retry_after(),
                peer_wide: error.is_peer_failure(),
            },
            Err(error) if may_pass(&error, &delivery.inbox) => alone(chain(&error)),
            Err(error) => rejected(chain(&error)),
        }
    }
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

/// The name under which the scheme a peer accepts is remembered.
pub(super) fn scheme_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Cavage => "cavage",
        Scheme::Rfc9421 => "rfc9421",
    }
}

/// The scheme for the next attempt: the one the peer accepted last, draft-cavage when unknown.
///
/// After a refusal the other one is tried in turn, since servers do not say which they take.
pub(super) fn choose_scheme(delivery: &ClaimedDelivery) -> Scheme {
    let (known, other) = match delivery.peer_health.signature_scheme.as_deref() {
        Some("rfc9421") => (Scheme::Rfc9421, Scheme::Cavage),
        _ => (Scheme::Cavage, Scheme::Rfc9421),
    };
    let refused = matches!(delivery.last_status, Some(401 | 403));
    if refused && delivery.attempts % 2 == 1 {
        other
    } else {
        known
    }
}
