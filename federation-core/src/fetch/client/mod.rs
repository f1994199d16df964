//! The guarded HTTP client, on reqwest.
//!
//! HTTP/1.1 over the system's TLS. Connections are kept and used again. Compression is neither
//! offered nor decoded, so the byte limit holds for what arrives and no bomb can unfold; an
//! answer that is compressed all the same is refused, except that a POST keeps its status. Proxy settings of the environment are
//! ignored, since a proxy would make the connection in place of the guard.

mod config;
mod resolver;
#[cfg(test)]
mod tests;
mod upgrade;

use std::error::Error;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue};
use http::{HeaderName, Method};
use reqwest::Certificate;
use reqwest::redirect::Policy;
use tokio::sync::OnceCell;
use url::Url;

use super::error::FetchError;
use super::guard::{GuardError, GuardPolicy};
use super::redirect::Chain;
use super::transport::{OutboundRequest, OutboundResponse, Transport};
pub use config::{ClientConfig, ClientError};
use resolver::GuardedResolver;
pub use resolver::{NameLookup, SystemLookup};

const SIGNATURE: HeaderName = HeaderName::from_static("signature");

/// The [`Transport`] for the real internet. Cheap to clone: clones share connections.
#[derive(Clone, Debug)]
pub struct GuardedClient {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    policy: Arc<GuardPolicy>,
    config: ClientConfig,
    certificates: Vec<Certificate>,
    user_agent: HeaderValue,
    /// Set up at the first request: reading the system's certificates takes longer than all else
    /// that a server does before it serves.
    http: OnceCell<reqwest::Client>,
}

impl GuardedClient {
    /// Checks the settings. Must be called once, not per request: the client owns the connections.
    ///
    /// The system's certificates are read at the first request.
    ///
    /// # Errors
    /// [`ClientError`] when the extra certificates cannot be read or the user agent not be sent.
    pub fn new(config: ClientConfig) -> Result<Self, ClientError> {
        let inner = Inner {
            policy: Arc::new(config.policy.clone()),
            certificates: config.certificates()?,
            user_agent: config.user_agent()?,
            config,
            http: OnceCell::new(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The policy that the client keeps.
    pub fn policy(&self) -> &GuardPolicy {
        &self.inner.policy
    }

    async fn http(&self) -> Result<&reqwest::Client, FetchError> {
        let set_up = || async {
            let inner = Arc::clone(&self.inner);
            tokio::task::spawn_blocking(move || inner.set_up())
                .await
                .map_err(|stopped| FetchError::Request(stopped.into()))?
                .map_err(|error| FetchError::Request(error.into()))
        };
        self.inner.http.get_or_try_init(set_up).await
    }

    async fn follow(&self, mut request: OutboundRequest) -> Result<OutboundResponse, FetchError> {
        let redirectable = request.method == Method::GET
            && !request.headers.contains_key(SIGNATURE)
            && request.limits.max_redirects > 0;
        if !redirectable {
            return self.exchange(request).await;
        }
        let mut chain = Chain::new(request.limits.max_redirects);
        loop {
            let response = self.exchange(request.clone()).await?;
            match chain.next(&request.url, response.status, &response.headers)? {
                Some(target) => request.url = target,
                None => return Ok(response),
            }
        }
    }

    /// One request and its answer, without redirects.
    async fn exchange(&self, request: OutboundRequest) -> Result<OutboundResponse, FetchError> {
        self.inner.policy.check_url(&request.url)?;
        let http = self.http().await?;
        let expected = Expected::of(&request);
        let OutboundRequest {
            method,
            mut url,
            headers,
            body,
            ..
        } = request;
        url.set_fragment(None);
        let has_body = !body.is_empty() || method == Method::POST;
        let mut sent = reqwest::Request::new(method, url.clone());
        *sent.headers_mut() = headers;
        sent.headers_mut()
            .entry(ACCEPT_ENCODING)
            .or_insert(HeaderValue::from_static("identity"));
        if has_body {
            *sent.body_mut() = Some(body.into());
        }
        let response = http.execute(sent).await.map_err(classify)?;
        let peer = response.remote_addr();
        if let Some(peer) = peer {
            self.inner.policy.check_address(peer.ip())?;
        }
        answered(response, url, expected).await
    }
}

impl Inner {
    fn set_up(&self) -> reqwest::Result<reqwest::Client> {
        let lookup = Arc::clone(&self.config.lookup);
        let resolver = GuardedResolver::new(lookup, Arc::clone(&self.policy));
        reqwest::Client::builder()
            .user_agent(self.user_agent.clone())
            .redirect(Policy::none())
            // Who asks decides about that; a copy of each request would be kept for it.
            .retry(reqwest::retry::never().max_retries_per_request(0))
            .no_proxy()
            .referer(false)
            .http1_only()
            .tcp_nodelay(true)
            .connect_timeout(self.config.connect_timeout)
            .pool_idle_timeout(self.config.idle_timeout)
            .pool_max_idle_per_host(self.config.max_idle_per_host)
            .dns_resolver(Arc::new(resolver))
            .tls_certs_merge(self.certificates.iter().cloned())
            .build()
    }
}

impl Transport for GuardedClient {
    fn execute(
        &self,
        request: OutboundRequest,
    ) -> BoxFuture<'_, Result<OutboundResponse, FetchError>> {
        Box::pin(async move {
            let deadline = request.limits.deadline;
            // Set up outside the deadline: it is this machine's work, and is done once.
            self.http().await?;
            match tokio::time::timeout(deadline, self.follow(request)).await {
                Ok(outcome) => outcome,
                Err(_elapsed) => Err(FetchError::Timeout { deadline }),
            }
        })
    }
}

/// What is asked of an answer.
#[derive(Clone, Copy)]
struct Expected {
    is_post: bool,
    max_bytes: usize,
    cuts: bool,
}

impl Expected {
    fn of(request: &OutboundRequest) -> Self {
        Self {
            is_post: request.method == Method::POST,
            max_bytes: request.limits.max_bytes,
            cuts: request.limits.cuts,
        }
    }
}

/// The answer with its body.
///
/// To a POST it is the status that answers: it holds whatever is wrong with the body, which is
/// left empty then.
async fn answered(
    mut response: reqwest::Response,
    url: Url,
    expected: Expected,
) -> Result<OutboundResponse, FetchError> {
    let body = match read(&mut response, expected).await {
        Ok(body) => body,
        Err(_unreadable) if expected.is_post => Bytes::new(),
        Err(error) => return Err(error),
    };
    let peer = response.remote_addr();
    let headers = std::mem::take(response.headers_mut());
    let mut answer = OutboundResponse::new(response.status(), headers, body, url);
    answer.peer = peer;
    Ok(answer)
}

/// Reads the body up to the limit. What is left of one that is cut is not read: the connection ends
/// with it.
async fn read(response: &mut reqwest::Response, expected: Expected) -> Result<Bytes, FetchError> {
    let limit = expected.max_bytes;
    let encoding = response.headers().get(CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(FetchError::Encoding);
    }
    let announced = response.headers().get(CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let fits = |length: u64| usize::try_from(length).is_ok_and(|length| length <= limit);
    if !expected.cuts && announced.is_some_and(|length| !fits(length)) {
        return Err(FetchError::TooLarge { limit });
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(classify)? {
        let room = limit.saturating_sub(body.len());
        if chunk.len() > room && !expected.cuts {
            return Err(FetchError::TooLarge { limit });
        }
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if expected.cuts && body.len() >= limit {
            break;
        }
    }
    Ok(body.freeze())
}

/// Sorts an error of the HTTP library; a refusal of the guard is found among its causes.
fn classify(error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(current) = cause {
        if let Some(refusal) = current.downcast_ref::<GuardError>() {
            return FetchError::Refused(refusal.clone());
        }
        cause = current.source();
    }
    if error.is_builder() {
        FetchError::Request(error.into())
    } else if error.is_connect() || error.is_timeout() {
        FetchError::Connect(error.into())
    } else {
        FetchError::Interrupted(error.into())
    }
}
