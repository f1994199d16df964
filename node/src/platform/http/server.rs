//! The listening side: accepts connections, bounds them (I11), and lets them finish at the end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::platform::tasks::Tasks;

/// How long a client may take for the head of a request, waiting for its next one included.
const HEAD_TIMEOUT: Duration = Duration::from_mins(1);
/// Bytes that the head of a request may take.
const HEAD_LIMIT: usize = 64 * 1024;
/// How long to wait when the system has no file descriptor left.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// The place of a connection among those allowed at once, free again when the last copy is dropped.
///
/// Every request carries it as an extension; whoever makes its connection a WebSocket holds on to
/// it.
#[derive(Clone, Debug)]
pub struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// Accepts connections until the signal to stop, `at_once` of them at the same time.
///
/// Each connection is background work of `tasks`: on the signal it finishes the request under way
/// and closes. A connection that became a WebSocket is its handler's to end, as is its [`Place`].
pub async fn serve(listener: TcpListener, router: Router, at_once: usize, tasks: Tasks) {
    let places = Arc::new(Semaphore::new(at_once.min(Semaphore::MAX_PERMITS)));
    let shutdown = tasks.shutdown().clone();
    loop {
        let accepted = shutdown
            .run_until_cancelled(accept(&listener, &places))
            .await;
        let Some(accepted) = accepted else { return };
        match accepted {
            Ok((stream, place)) => {
                let router = router.clone();
                tasks.spawn(connection(stream, router, place, shutdown.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<(TcpStream, Place)> {
    let permit = Arc::clone(places)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let place = Place {
        _permit: Arc::new(permit),
    };
    let (stream, _peer) = listener.accept().await?;
    // Answers are small and someone waits for each.
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

async fn connection(stream: TcpStream, router: Router, place: Place, shutdown: CancellationToken) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_LIMIT);
    let router = TowerToHyperService::new(router);
    let service = service_fn(|mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(place.clone());
        router.call(request)
    });
    let serving = builder
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut serving = std::pin::pin!(serving);
    let outcome = tokio::select! {
        outcome = serving.as_mut() => outcome,
        () = shutdown.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = outcome {
        // Clients go away all the time; what they sent wrong was answered.
        tracing::trace!(%error, "a connection ended early");
    }
}
