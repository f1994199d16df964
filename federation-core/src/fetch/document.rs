//! One `ActivityStreams` document from the server that has authority over it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, HeaderValue};
use http::{Method, StatusCode};
use thiserror::Error;
use url::Url;

use super::error::FetchError;
use super::limits::FetchLimits;
use super::media_type::{ACCEPT_ACTIVITY, is_activity_media_type};
use super::redirect::Chain;
use super::signer::RequestSigner;
use super::transport::{OutboundRequest, OutboundResponse, Transport};
use crate::clock::Clock;
use crate::metrics::{self, Stopwatch};
use crate::signature::SignError;
use crate::vocab::{self, Map, ParseError, Value, parse_id, same_origin};

/// A document, and the URL that it really came from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Document {
    /// The URL that answered, after redirects.
    pub url: Url,
    /// The document's own id, which is that URL or was confirmed by fetching it from there.
    pub id: Url,
    /// The bytes as they came.
    pub bytes: Bytes,
    /// The bytes read.
    pub map: Map<String, Value>,
}

/// Why there is no document.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// There was no answer.
    #[error("no answer from the server")]
    Fetch(#[from] FetchError),
    /// The answer has an error status.
    #[error("the server answered {status}")]
    Status {
        /// The status.
        status: StatusCode,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// The answer is something else than `ActivityStreams`.
    #[error("the answer has the media type {found:?}")]
    MediaType {
        /// The `Content-Type`, cut after 128 characters.
        found: String,
    },
    /// The answer is not JSON that is read here.
    #[error("the answer cannot be read")]
    Parse(#[from] ParseError),
    /// The document has no id, or one that is not a URL.
    #[error("the document has no usable id")]
    NoId,
    /// The document's id lies with another server, or its server shows another id there.
    #[error("the document at {found_at} claims the id {id}")]
    ForeignId {
        /// Where the document was found.
        found_at: Url,
        /// What it claims.
        id: Url,
    },
    /// The request could not be signed.
    #[error("the request could not be signed")]
    Sign(#[from] SignError),
}

impl DocumentError {
    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Fetch(error) => error.is_retryable(),
            Self::Status { status, .. } => {
                status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
            }
            _ => false,
        }
    }

    /// How long the server asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Fetch(error) => error.retry_after(),
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The status of the answer, when that was the fault.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// Fetches the document at `url`, signed when there is a signer.
///
/// The document's id has to be the URL that it was found at, after redirects. When it is another
/// URL of the same origin, the document is fetched once more from there and has to have that id.
///
/// # Errors
/// [`DocumentError`] by what went wrong.
///
/// # Security
/// What comes back is what the origin of [`Document::id`] says about that id; it says nothing
/// about other ids inside of it (FEP-fe34). Each redirect is signed anew, for its own URL.
#[tracing::instrument(level = "debug", name = "fetch", skip_all, fields(%url))]
pub async fn fetch_document(
    transport: &dyn Transport,
    signer: Option<&Arc<dyn RequestSigner>>,
    clock: &dyn Clock,
    limits: FetchLimits,
    url: &Url,
) -> Result<Document, DocumentError> {
    let deadline = limits.deadline;
    let fetcher = Fetcher {
        transport,
        signer,
        clock,
        limits,
    };
    measured(deadline, fetcher.confirmed(url)).await
}

/// A document that may be a key or a stub: read, but with no rule about its id.
#[tracing::instrument(level = "debug", name = "fetch", skip_all, fields(%url))]
pub(super) async fn fetch_unconfirmed(
    transport: &dyn Transport,
    signer: Option<&Arc<dyn RequestSigner>>,
    clock: &dyn Clock,
    limits: FetchLimits,
    url: &Url,
) -> Result<(Url, Bytes, Map<String, Value>), DocumentError> {
    let deadline = limits.deadline;
    let fetcher = Fetcher {
        transport,
        signer,
        clock,
        limits,
    };
    measured(deadline, fetcher.read(url)).await
}

/// Keeps the deadline, and records how long it took and how it ended.
async fn measured<T>(
    deadline: Duration,
    fetching: impl Future<Output = Result<T, DocumentError>>,
) -> Result<T, DocumentError> {
    let watch = Stopwatch::start();
    let outcome = match tokio::time::timeout(deadline, fetching).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => Err(FetchError::Timeout { deadline }.into()),
    };
    let ended = metrics::Outcome::of(&outcome, DocumentError::is_retryable);
    metrics::fetched(ended, watch.elapsed());
    outcome
}

struct Fetcher<'a> {
    transport: &'a dyn Transport,
    signer: Option<&'a Arc<dyn RequestSigner>>,
    clock: &'a dyn Clock,
    limits: FetchLimits,
}

impl Fetcher<'_> {
    async fn confirmed(&self, url: &Url) -> Result<Document, DocumentError> {
        let first = self.document(url).await?;
        let mut whole = first.id.clone();
        whole.set_fragment(None);
        if whole == first.url {
            return Ok(first);
        }
        let found_at = first.url;
        let id = first.id;
        if !same_origin(&found_at, &id) {
            return Err(DocumentError::ForeignId { found_at, id });
        }
        let second = self.document(&id).await?;
        if second.id == id && second.url == whole {
            return Ok(second);
        }
        Err(DocumentError::ForeignId {
            found_at: second.url,
            id: second.id,
        })
    }

    async fn document(&self, url: &Url) -> Result<Document, DocumentError> {
        let (url, bytes, map) = self.read(url).await?;
        let id = map.get("id").and_then(Value::as_str);
        let id = id.and_then(parse_id).ok_or(DocumentError::NoId)?;
        Ok(Document {
            url,
            id,
            bytes,
            map,
        })
    }

    async fn read(&self, url: &Url) -> Result<(Url, Bytes, Map<String, Value>), DocumentError> {
        let answer = self.get(url).await?;
        if answer.status != StatusCode::OK {
            return Err(DocumentError::Status {
                status: answer.status,
                retry_after: answer.retry_after(self.clock.now()),
            });
        }
        let media_type = answer.content_type().unwrap_or_default();
        if !is_activity_media_type(media_type) {
            let found = media_type.chars().take(128).collect();
            return Err(DocumentError::MediaType { found });
        }
        let map = vocab::parse(&answer.body)?;
        if let Some(signer) = self.signer {
            signer.saw(&answer.final_url, &map).await;
        }
        Ok((answer.final_url, answer.body, map))
    }

    /// A signed request, and once more with another signature when the first is refused.
    async fn execute_signed(
        &self,
        signer: &dyn RequestSigner,
        request: OutboundRequest,
    ) -> Result<OutboundResponse, DocumentError> {
        let (url, now) = (request.url.clone(), self.clock.now());
        let first = signer.sign(&Method::GET, &url, now).await?;
        let attempt = request.clone().with_headers(first.headers.clone());
        let answer = self.transport.execute(attempt).await?;
        if !matches!(answer.status.as_u16(), 401 | 403) {
            return Ok(answer);
        }
        let again = signer.sign_again(&first, &answer.headers, &Method::GET, &url, now);
        let Some(again) = again.await? else {
            return Ok(answer);
        };
        let second = self.transport.execute(request.with_headers(again.headers));
        let second = second.await?;
        if second.status.is_success() {
            signer.took(&url, again.scheme).await;
        }
        Ok(second)
    }

    /// A GET that follows redirects itself, since each hop needs a signature of its own.
    async fn get(&self, url: &Url) -> Result<OutboundResponse, DocumentError> {
        let mut chain = Chain::new(self.limits.max_redirects);
        let mut url = url.clone();
        url.set_fragment(None);
        loop {
            let limits = self.limits.with_max_redirects(0);
            let mut request = OutboundRequest::get(url.clone(), limits);
            let accept = HeaderValue::from_static(ACCEPT_ACTIVITY);
            request.headers.insert(ACCEPT, accept);
            let answer = match self.signer {
                Some(signer) => self.execute_signed(signer.as_ref(), request).await?,
                None => self.transport.execute(request).await?,
            };
            match chain.next(&url, answer.status, &answer.headers)? {
                Some(target) => url = target,
                None => return Ok(answer),
            }
        }
    }
}
