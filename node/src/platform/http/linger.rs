//! Lets a client read a refusal while it still sends.
//!
//! A server that answers before it has read the body, and then closes, has unread bytes in its
//! socket: the connection is reset, and the client sees a broken pipe where the answer should be.
//! So the rest of a body that nobody reads any more is read here and thrown away, within bounds.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::EXPECT;
use http::{HeaderMap, Request};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::runtime::Handle;

use crate::platform::tasks::Tasks;

/// Bytes of an unread body that are read and thrown away at most.
pub const MOST_BYTES: u64 = 8 * 1024 * 1024;
/// How long that may take.
pub const LONGEST: Duration = Duration::from_secs(5);

/// The body of a request, whose rest is read and thrown away when it is dropped unfinished.
#[derive(Debug)]
pub struct Lingering<B: Body<Data = Bytes> + Send + Unpin + 'static = Incoming> {
    /// Nothing once the end was seen.
    inner: Option<B>,
    /// Nobody asked for the body yet, and the client sends none before somebody does.
    awaited: bool,
    tasks: Tasks,
}

/// The same request, whose body lingers.
pub fn lingering<B>(request: Request<B>, tasks: &Tasks) -> Request<Lingering<B>>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    let (parts, body) = request.into_parts();
    let body = Lingering {
        awaited: expects_continue(&parts.headers),
        inner: (!body.is_end_stream()).then_some(body),
        tasks: tasks.clone(),
    };
    Request::from_parts(parts, body)
}

/// Whether the client sends its body only when asked (RFC 9110 s10.1.1).
fn expects_continue(headers: &HeaderMap) -> bool {
    let expected = headers.get(EXPECT).and_then(|value| value.to_str().ok());
    expected.is_some_and(|text| text.eq_ignore_ascii_case("100-continue"))
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Body for Lingering<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.awaited = false;
        let Some(inner) = self.inner.as_mut() else {
            return Poll::Ready(None);
        };
        let frame = std::task::ready!(Pin::new(inner).poll_frame(context));
        // After a failure there is nothing more to come.
        if !matches!(frame, Some(Ok(_))) {
            self.inner = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Some(inner) => inner.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Drop for Lingering<B> {
    fn drop(&mut self) {
        let rest = self.inner.take().filter(|rest| !rest.is_end_stream());
        // Without a runtime, nothing reads this connection any more.
        if let Some(rest) = rest
            && !self.awaited
            && Handle::try_current().is_ok()
        {
            let shutdown = self.tasks.shutdown().clone();
            self.tasks.spawn(async move {
                let discarding = tokio::time::timeout(LONGEST, discard(rest));
                let _cut_short = shutdown.run_until_cancelled(discarding).await;
            });
        }
    }
}

/// Reads a body to its end, or to the bound; whether its end was seen.
async fn discard(mut body: impl Body<Data = Bytes> + Unpin) -> bool {
    let mut left = MOST_BYTES;
    loop {
        let frame = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        let Some(Ok(frame)) = frame else {
            return frame.is_none();
        };
        let size = frame.data_ref().map_or(0, Bytes::len);
        left = left.saturating_sub(u64::try_from(size).unwrap_or(u64::MAX));
        if left == 0 {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body as AnyBody;
    use futures_util::stream;
    use tokio::time::{Instant, sleep};

    use super::*;

    /// A body that sends this many bytes at once, now and then, and never ends.
    fn endless(bytes: usize, pause: Duration) -> AnyBody {
        let chunks = stream::unfold((), move |()| async move {
            sleep(pause).await;
            Some((Ok::<_, std::io::Error>(Bytes::from(vec![0; bytes])), ()))
        });
        AnyBody::from_stream(chunks)
    }

    /// How long the rest of this body is read after it was dropped.
    async fn read_on(request: Request<AnyBody>) -> Duration {
        let tasks = Tasks::default();
        let started = Instant::now();
        drop(lingering(request, &tasks));
        tasks.tracker().close();
        tasks.tracker().wait().await;
        started.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn attack_55_what_is_left_of_a_body_is_read_within_bounds() {
        let pause = Duration::from_millis(100);
        let drips = Request::new(endless(1, pause));
        assert_eq!(read_on(drips).await, LONGEST);
        let floods = Request::new(endless(1 << 20, pause));
        assert_eq!(read_on(floods).await, pause * 8);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_nobody_asked_for_is_not_waited_for() {
        let asks = Request::builder().header(EXPECT, "100-Continue");
        let unsent = asks.body(endless(1, Duration::from_secs(1))).unwrap();
        assert_eq!(read_on(unsent).await, Duration::ZERO);
        let nothing = Request::new(AnyBody::empty());
        assert_eq!(read_on(nothing).await, Duration::ZERO);
    }
}
