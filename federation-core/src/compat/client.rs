//! The guarded transport behind the client interface that `activitypub_federation` uses.

use std::sync::Arc;

use bytes::Bytes;
use http::{Extensions, StatusCode};
use reqwest::{Request, Response, ResponseBuilderExt as _};
use reqwest_middleware::{Error, Middleware, Next, Result};

use crate::clock::Clock;
use crate::fetch::{FetchLimits, OutboundRequest, OutboundResponse, RequestSigner, Transport};

/// Answers every request of a `ClientWithMiddleware` through a guarded [`Transport`]; nothing
/// reaches the client's own network code.
///
/// # Security
/// What the guard refuses is refused for the application too: private addresses, bodies that are
/// too long, redirects that lead to either. GETs are signed.
#[derive(Clone, Debug)]
pub struct GuardedMiddleware {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) signer: Arc<dyn RequestSigner>,
    pub(super) clock: Arc<dyn Clock>,
}

impl GuardedMiddleware {
    async fn answer(&self, request: Request) -> Result<Response> {
        let (method, url) = (request.method().clone(), request.url().clone());
        let headers = request.headers().clone();
        let body = request.body().and_then(reqwest::Body::as_bytes);
        let body = body.map(Bytes::copy_from_slice).unwrap_or_default();
        let mut outbound = OutboundRequest::get(url, FetchLimits::document());
        outbound.method = method;
        outbound.body = body;
        let outbound = outbound.with_headers(headers);
        let answer = if outbound.body.is_empty() && !outbound.headers.contains_key("signature") {
            self.execute_signed(outbound).await?
        } else {
            self.execute(outbound).await?
        };
        let mut response = http::Response::builder()
            .status(answer.status)
            .url(answer.final_url)
            .body(answer.body)
            .map_err(Error::middleware)?;
        *response.headers_mut() = answer.headers;
        Ok(Response::from(response))
    }

    /// Signs, and once more in another way when the server refuses the first.
    async fn execute_signed(&self, outbound: OutboundRequest) -> Result<OutboundResponse> {
        let (method, url) = (&outbound.method, &outbound.url);
        let signed = self.signer.sign(method, url, self.clock.now()).await;
        let signed = signed.map_err(Error::middleware)?;
        let first = outbound.clone().with_headers(signed.headers.clone());
        let answer = self.execute(first).await?;
        if !matches!(
            answer.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        ) {
            return Ok(answer);
        }
        let (now, refusal) = (self.clock.now(), &answer.headers);
        let again = self.signer.sign_again(&signed, refusal, method, url, now);
        match again.await.map_err(Error::middleware)? {
            Some(again) => self.execute(outbound.with_headers(again.headers)).await,
            None => Ok(answer),
        }
    }

    async fn execute(&self, outbound: OutboundRequest) -> Result<OutboundResponse> {
        let answer = self.transport.execute(outbound).await;
        answer.map_err(Error::middleware)
    }
}

#[async_trait::async_trait]
impl Middleware for GuardedMiddleware {
    async fn handle(
        &self,
        request: Request,
        _extensions: &mut Extensions,
        _next: Next<'_>,
    ) -> Result<Response> {
        self.answer(request).await
    }
}
