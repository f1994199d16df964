//! What answers requests on a host of the network.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};

/// An application as the network sees it: one request in, one answer out.
///
/// Closures that give a future are endpoints; with the feature `axum`, so is a `Router`.
pub trait Endpoint: Send + Sync + 'static {
    /// Answers a request, whose target is path and query, as servers see it; the host it was
    /// sent to is in the header `Host`.
    fn handle(&self, request: Request<Bytes>) -> BoxFuture<'_, Response<Bytes>>;
}

impl<F, A> Endpoint for F
where
    F: Fn(Request<Bytes>) -> A + Send + Sync + 'static,
    A: Future<Output = Response<Bytes>> + Send + 'static,
{
    fn handle(&self, request: Request<Bytes>) -> BoxFuture<'_, Response<Bytes>> {
        Box::pin(self(request))
    }
}

#[cfg(feature = "axum")]
impl Endpoint for axum::Router {
    /// An answer whose body breaks off is an empty 500: there is nobody to break it off to.
    fn handle(&self, request: Request<Bytes>) -> BoxFuture<'_, Response<Bytes>> {
        use axum::body::{Body, to_bytes};
        use http::StatusCode;
        use tower_service::Service as _;

        /// The most of an answer that is read.
        const MAX_ANSWER: usize = 16 * 1024 * 1024;

        let mut router = self.clone();
        Box::pin(async move {
            let Ok(answer) = router.call(request.map(Body::from)).await;
            let (parts, body) = answer.into_parts();
            match to_bytes(body, MAX_ANSWER).await {
                Ok(body) => Response::from_parts(parts, body),
                Err(_broken_off) => {
                    let mut answer = Response::new(Bytes::new());
                    *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                    answer
                }
            }
        })
    }
}
