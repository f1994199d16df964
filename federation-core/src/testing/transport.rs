//! A transport whose answers are written by the test.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use tokio::sync::watch;
use url::Url;

use crate::fetch::{FetchError, GuardPolicy, OutboundRequest, OutboundResponse, Transport};

type Answer = Box<dyn Fn(&OutboundRequest) -> Result<OutboundResponse, FetchError> + Send + Sync>;

/// A [`Transport`] without a network: answers by URL, and a record of every request.
///
/// URLs are matched without their fragment. A URL without an answer gets 404.
///
/// ```
/// use federation_core::fetch::{FetchLimits, OutboundRequest, Transport};
/// use federation_core::testing::ScriptedTransport;
/// use serde_json::json;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let web = ScriptedTransport::new();
/// web.serve("https://a.example/users/alice", &json!({"type": "Person"}));
/// let url = "https://a.example/users/alice".parse().unwrap();
/// let answer = web.execute(OutboundRequest::get(url, FetchLimits::document())).await.unwrap();
/// assert_eq!(answer.status, 200);
/// assert_eq!(web.requests().len(), 1);
/// # });
/// ```
#[derive(Default)]
pub struct ScriptedTransport {
    answers: Mutex<HashMap<Url, Answer>>,
    requests: Mutex<Vec<OutboundRequest>>,
    held: watch::Sender<bool>,
    policy: Option<GuardPolicy>,
}

impl ScriptedTransport {
    /// A web without a single page.
    pub fn new() -> Self {
        Self::default()
    }

    /// A web that refuses the URLs that `policy` refuses, as the real client does.
    pub fn guarded(policy: GuardPolicy) -> Self {
        Self {
            policy: Some(policy),
            ..Self::default()
        }
    }

    /// Serves a JSON document as `application/activity+json`.
    ///
    /// # Panics
    /// When `url` is not a URL.
    pub fn serve(&self, url: &str, document: &serde_json::Value) {
        self.serve_as(url, "application/activity+json", document.to_string());
    }

    /// Serves text under a media type.
    ///
    /// # Panics
    /// When `url` is not a URL or `media_type` not a header value.
    #[expect(
        clippy::unwrap_used,
        reason = "a test that passes nonsense has to fail"
    )]
    pub fn serve_as(&self, url: &str, media_type: &str, body: impl Into<Bytes>) {
        let media_type = HeaderValue::from_str(media_type).unwrap();
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, media_type)]);
        let body = body.into();
        self.on(url, move |request| {
            let url = request.url.clone();
            Ok(OutboundResponse::new(
                StatusCode::OK,
                headers.clone(),
                body.clone(),
                url,
            ))
        });
    }

    /// Answers with an empty body of this status and these headers.
    ///
    /// # Panics
    /// When `url` is not a URL.
    pub fn answer(&self, url: &str, status: StatusCode, headers: HeaderMap) {
        self.on(url, move |request| {
            let url = request.url.clone();
            Ok(OutboundResponse::new(
                status,
                headers.clone(),
                Bytes::new(),
                url,
            ))
        });
    }

    /// Answers with what `answer` gives.
    ///
    /// # Panics
    /// When `url` is not a URL.
    #[expect(
        clippy::unwrap_used,
        reason = "a test that passes nonsense has to fail"
    )]
    pub fn on<F>(&self, url: &str, answer: F)
    where
        F: Fn(&OutboundRequest) -> Result<OutboundResponse, FetchError> + Send + Sync + 'static,
    {
        let url = without_fragment(&Url::parse(url).unwrap());
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.insert(url, Box::new(answer));
    }

    /// The requests so far, in order.
    pub fn requests(&self) -> Vec<OutboundRequest> {
        let requests = self.requests.lock();
        requests.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often this URL was asked for.
    pub fn count(&self, url: &str) -> usize {
        let requests = self.requests.lock();
        let requests = requests.unwrap_or_else(PoisonError::into_inner);
        let asked = requests
            .iter()
            .filter(|request| request.url.as_str() == url);
        asked.count()
    }

    /// Holds all answers back until [`ScriptedTransport::release`].
    pub fn hold(&self) {
        self.held.send_replace(true);
    }

    /// Lets the answers through again.
    pub fn release(&self) {
        self.held.send_replace(false);
    }

    fn decide(&self, request: &OutboundRequest) -> Result<OutboundResponse, FetchError> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        match answers.get(&without_fragment(&request.url)) {
            Some(answer) => answer(request),
            None => Ok(OutboundResponse::new(
                StatusCode::NOT_FOUND,
                HeaderMap::new(),
                Bytes::new(),
                request.url.clone(),
            )),
        }
    }
}

impl Transport for ScriptedTransport {
    fn execute(
        &self,
        request: OutboundRequest,
    ) -> BoxFuture<'_, Result<OutboundResponse, FetchError>> {
        Box::pin(async move {
            if let Some(policy) = &self.policy {
                policy.check_url(&request.url)?;
            }
            let requests = self.requests.lock();
            requests
                .unwrap_or_else(PoisonError::into_inner)
                .push(request.clone());
            let mut held = self.held.subscribe();
            // The sender lives in `self`, which this future borrows, so waiting cannot fail.
            let _ = held.wait_for(|held| !held).await;
            self.decide(&request)
        })
    }
}

impl fmt::Debug for ScriptedTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requests = self.requests().len();
        formatter
            .debug_struct("ScriptedTransport")
            .field("requests", &requests)
            .finish_non_exhaustive()
    }
}

fn without_fragment(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_fragment(None);
    url
}
