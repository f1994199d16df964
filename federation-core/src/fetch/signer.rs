//! Signing of GETs, for servers that show documents only to those who say who they are.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::{HeaderMap, Method};
use url::Url;

use super::schemes::{SchemeMemory, advertises_rfc9421};
use crate::clock::Timestamp;
use crate::outbox::KeySource;
use crate::signature::{
    PeerScheme, RequestToSign, Scheme, SignError, SignatureDemand, SigningKey, sign_request,
};
use crate::vocab::{Map, Value};

/// The headers of a signed request, and the scheme behind them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignedHeaders {
    /// The scheme.
    pub scheme: Scheme,
    /// What to add to the request.
    pub headers: HeaderMap,
}

impl SignedHeaders {
    /// Headers signed by `scheme`.
    pub const fn new(scheme: Scheme, headers: HeaderMap) -> Self {
        Self { scheme, headers }
    }
}

/// Signs requests without a body in the name of this server.
pub trait RequestSigner: fmt::Debug + Send + Sync + 'static {
    /// Signs the first request to `url`.
    ///
    /// # Errors
    /// What the signing key reports.
    fn sign<'a>(
        &'a self,
        method: &'a Method,
        url: &'a Url,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<SignedHeaders, SignError>>;

    /// Signs once more after the server refused (401 or 403); `None` when there is no other way to
    /// sign that it may take.
    ///
    /// # Errors
    /// What the signing key reports.
    fn sign_again<'a>(
        &'a self,
        _refused: &'a SignedHeaders,
        _answer: &'a HeaderMap,
        _method: &'a Method,
        _url: &'a Url,
        _now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<SignedHeaders>, SignError>> {
        Box::pin(async { Ok(None) })
    }

    /// Learns that the server took `scheme`, after it had refused the other.
    fn took<'a>(&'a self, _url: &'a Url, _scheme: Scheme) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    /// Learns from a document that the server of `url` has served.
    fn saw<'a>(&'a self, _url: &'a Url, _document: &'a Map<String, Value>) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }
}

impl RequestSigner for SigningKey {
    /// By draft-cavage-12, which every server understands.
    fn sign<'a>(
        &'a self,
        method: &'a Method,
        url: &'a Url,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<SignedHeaders, SignError>> {
        let headers = sign_request(Scheme::Cavage, self, method, url, None, now);
        Box::pin(async { Ok(SignedHeaders::new(Scheme::Cavage, headers?)) })
    }
}

/// Signs with an actor's present key, by the scheme that each server is known to take.
///
/// A success alone teaches nothing, since many servers show documents whatever the signature is; a
/// success after a refusal does.
#[derive(Clone, Debug)]
pub struct PeerSigner {
    keys: Arc<dyn KeySource>,
    actor: Url,
    schemes: SchemeMemory,
}

impl PeerSigner {
    /// Signs in the name of `actor`, mostly the server's own.
    pub fn new(keys: Arc<dyn KeySource>, actor: Url, schemes: SchemeMemory) -> Self {
        Self {
            keys,
            actor,
            schemes,
        }
    }

    async fn key(&self) -> Result<SigningKey, SignError> {
        let key = self.keys.signing_key(&self.actor).await;
        key.map_err(|error| SignError::NoKey {
            reason: error.to_string(),
        })
    }
}

impl RequestSigner for PeerSigner {
    fn sign<'a>(
        &'a self,
        method: &'a Method,
        url: &'a Url,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<SignedHeaders, SignError>> {
        Box::pin(async move {
            let scheme = PeerScheme::first(self.schemes.of(url).await);
            let key = self.key().await?;
            let headers = RequestToSign::new(method, url, now).sign(scheme, &key)?;
            Ok(SignedHeaders::new(scheme, headers))
        })
    }

    fn sign_again<'a>(
        &'a self,
        refused: &'a SignedHeaders,
        answer: &'a HeaderMap,
        method: &'a Method,
        url: &'a Url,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<SignedHeaders>, SignError>> {
        Box::pin(async move {
            let demand = SignatureDemand::of(answer);
            if demand.is_none() && self.schemes.of(url).await == Some(PeerScheme::CavageOnly) {
                return Ok(None);
            }
            let scheme = refused.scheme.other();
            let key = self.key().await?;
            let mut request = RequestToSign::new(method, url, now);
            if let Some(demand) = demand.as_ref().filter(|_| scheme == Scheme::Rfc9421) {
                request = request.demanded(demand);
            }
            let headers = request.sign(scheme, &key)?;
            Ok(Some(SignedHeaders::new(scheme, headers)))
        })
    }

    fn took<'a>(&'a self, url: &'a Url, scheme: Scheme) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let known = self.schemes.of(url).await;
            let learned = PeerScheme::after(known, scheme, true);
            self.schemes.learn(url, learned).await;
        })
    }

    fn saw<'a>(&'a self, url: &'a Url, document: &'a Map<String, Value>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if advertises_rfc9421(document) {
                self.schemes.knows_rfc9421(url).await;
            }
        })
    }
}
