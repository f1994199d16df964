//! `/api/v1/node/challenge|verify|introspect|revoke|stream`, for other nodes.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use federation_core::handshake::{self, Problem};
use federation_core::inbox::SourceAddress;
use federation_core::stream;

use super::{Nodes, Streams};
use crate::base::ids::RequestId;
use crate::federation::Edge;
use crate::platform::ctx::Ctx;
use crate::platform::http::server::PeerAddress;

/// The routes of this feature.
pub fn router(nodes: &Nodes, streams: &Streams, edge: &Edge) -> Router<Ctx> {
    let calls = handshake::router(nodes.issuer().clone())
        .layer(middleware::from_fn(with_instance))
        .layer(middleware::from_fn_with_state(edge.clone(), with_source));
    match streams.entrance() {
        Some(entrance) => calls.merge(stream::router(entrance)),
        None => calls,
    }
}

/// Tells the calls which address they come from.
async fn with_source(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get().map(|PeerAddress(peer)| *peer);
    if let Some(source) = edge.source(peer, request.headers()) {
        request.extensions_mut().insert(SourceAddress(source));
    }
    next.run(request).await
}

/// Puts the id of the request into problems, as everywhere else.
async fn with_instance(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().copied();
    let response = next.run(request).await;
    match (id, response.extensions().get::<Problem>().cloned()) {
        (Some(id), Some(problem)) => {
            let instance = format!("urn:uuid:{id}");
            problem.to_response_as(Some(&instance)).map(Body::from)
        }
        _ => response,
    }
}
