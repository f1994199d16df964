//! A web on which every server answers with hostile bytes: whatever is asked of it ends in a typed
//! error or a bounded answer.

use std::sync::Arc;

use bytes::Bytes;
use federation_core::Timestamp;
use federation_core::discovery::{application_actor, node_info};
use federation_core::fetch::{
    CollectionLimits, Directory, DirectoryConfig, FetchError, GuardPolicy, MemoryActorCache,
    OutboundRequest, OutboundResponse, ThreadLimits, Transport,
};
use federation_core::testing::ManualClock;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::runtime::Runtime;
use url::Url;

use super::{corpus, on_each};

/// Answers everything with the same bytes, as whatever was asked for.
#[derive(Debug)]
struct Hostile {
    body: Bytes,
    policy: GuardPolicy,
}

impl Transport for Hostile {
    fn execute(
        &self,
        request: OutboundRequest,
    ) -> BoxFuture<'_, Result<OutboundResponse, FetchError>> {
        Box::pin(async move {
            self.policy.check_url(&request.url)?;
            let mut headers = HeaderMap::new();
            if let Some(accept) = request.headers.get("accept") {
                let first = accept.to_str().unwrap().split(", ").next().unwrap();
                headers.insert(CONTENT_TYPE, HeaderValue::from_str(first).unwrap());
            }
            if let Ok(location) = HeaderValue::from_bytes(&self.body) {
                headers.insert(LOCATION, location);
            }
            let status = match self.body.len() % 7 {
                0 => StatusCode::FOUND,
                _ => StatusCode::OK,
            };
            let body = self.body.clone();
            Ok(OutboundResponse::new(status, headers, body, request.url))
        })
    }
}

fn directory(body: &[u8]) -> Directory {
    let transport = Hostile {
        body: Bytes::copy_from_slice(body),
        policy: GuardPolicy::default(),
    };
    let clock = ManualClock::new(Timestamp::parse_rfc3339("2026-11-20T16:30:00Z").unwrap());
    let store = Arc::new(MemoryActorCache::default());
    let config = DirectoryConfig::default();
    Directory::new(Arc::new(transport), store, None, Arc::new(clock), config)
}

#[test]
fn whatever_servers_answer_ends_in_a_typed_error_or_a_bounded_answer() {
    let runtime = Runtime::new().unwrap();
    let url = Url::parse("https://a.example/users/alice").unwrap();
    on_each(corpus::documents(), Vec::as_slice, |bytes| {
        runtime.block_on(async {
            // A new directory for each question: failures are remembered.
            if let Err(error) = directory(bytes).actor(&url).await {
                assert!(!error.is_retryable(), "{error:?}");
            }
            let _ = directory(bytes)
                .actor_at(&url)
                .await
                .map_err(|error| error.is_retryable());
            if let Err(error) = directory(bytes).key(&url).await {
                assert!(!error.is_retryable(), "{error:?}");
            }
            let limits = CollectionLimits::new(3, 50);
            if let Ok(read) = directory(bytes).collection(&url, limits).await {
                assert!(read.items.len() <= 50);
            }
            let limits = ThreadLimits::new(5);
            if let Ok(read) = directory(bytes).conversation(&url, limits).await {
                assert!(read.objects.len() <= 1_000);
            }
            let handle = directory(bytes).resolve_handle("@alice@a.example").await;
            if let Err(error) = handle {
                assert!(!error.is_retryable(), "{error:?}");
            }
            if let Err(error) = node_info(&directory(bytes), &url).await {
                assert!(!error.is_retryable(), "{error:?}");
            }
            if let Err(error) = application_actor(&directory(bytes), &url).await {
                assert!(!error.is_retryable(), "{error:?}");
            }
        });
    });
}
