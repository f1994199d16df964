//! Collections: the lines of the input are the documents of a small web that links as it likes;
//! walking it ends within the limits. Cursors are read or refused.
#![no_main]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use federation_core::SystemClock;
use federation_core::collection::{Cut, MAX_PAGE};
use federation_core::fetch::{
    CollectionLimits, Directory, DirectoryConfig, FetchError, MemoryActorCache, OutboundRequest,
    OutboundResponse, ThreadLimits, Transport,
};
use federation_core::vocab::{Object, same_origin};
use futures_util::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Builder;
use url::Url;

/// Serves the lines at `https://a.example/0`, `/1` and so on.
#[derive(Debug)]
struct Web {
    lines: Vec<Bytes>,
    requests: Arc<AtomicUsize>,
}

impl Transport for Web {
    fn execute(
        &self,
        request: OutboundRequest,
    ) -> BoxFuture<'_, Result<OutboundResponse, FetchError>> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let page = request.url.path().trim_start_matches('/').parse::<usize>().ok();
        let body = page.and_then(|page| self.lines.get(page)).cloned();
        let status = if body.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
        let media_type = HeaderValue::from_static("application/activity+json");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, media_type)]);
        let body = body.unwrap_or_default();
        let answer = OutboundResponse::new(status, headers, body, request.url);
        Box::pin(async move { Ok(answer) })
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(Some(cut)) = Cut::from_query(Some(text))
    {
        assert!((1..=MAX_PAGE).contains(&cut.limit()));
    }
    let lines: Vec<Bytes> = bytes
        .split(|byte| *byte == b'\n')
        .map(Bytes::copy_from_slice)
        .collect();
    let first = lines.first().cloned().unwrap_or_default();
    let requests = Arc::new(AtomicUsize::new(0));
    let web = Web {
        lines,
        requests: Arc::clone(&requests),
    };
    let directory = Directory::new(
        Arc::new(web),
        Arc::new(MemoryActorCache::default()),
        None,
        Arc::new(SystemClock),
        DirectoryConfig::default(),
    );
    let start = Url::parse("https://a.example/0").expect("a constant");
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(async {
        if let Ok(read) = directory.collection(&start, CollectionLimits::new(4, 10)).await {
            assert!(read.items.len() <= 10);
            // The collection, where it says it is, and its pages.
            assert!(requests.swap(0, Ordering::Relaxed) <= 2 + 4);
        }
        requests.store(0, Ordering::Relaxed);
        if let Ok(read) = directory.conversation(&start, ThreadLimits::new(5)).await {
            assert!(read.owner.is_none_or(|owner| same_origin(&owner, &read.id)));
            for object in &read.objects {
                let context = object.context.as_ref();
                assert!(context == Some(&read.id) || context == Some(&start));
            }
            // Each of the five documents may be elsewhere than it is first found.
            assert!(requests.load(Ordering::Relaxed) <= 2 + 10 + 2 * 5);
        }
        if let Ok(object) = Object::parse(&first) {
            let thread = directory.ancestors(&object, ThreadLimits::new(5)).await;
            assert!(thread.objects.len() <= 5);
        }
    });
});
