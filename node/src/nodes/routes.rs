//! `/api/v1/node/challenge|verify|introspect|revoke|stream`, for other nodes; `…/visit` for members.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use federation_core::handshake::{
    self, CHALLENGE_PATH, INTROSPECT_PATH, Problem, REVOKE_PATH, VERIFY_PATH,
};
use federation_core::inbox::SourceAddress;
use federation_core::stream;
use http::Method;

use super::{Nodes, Streams, ping, visits};
use crate::base::ids::RequestId;
use crate::federation::Edge;
use crate::platform::http::access::{Access, RateClass};
use crate::platform::http::routes::Routes;
use crate::platform::http::server::PeerAddress;

/// The routes of this feature.
pub fn router(nodes: &Nodes, streams: &Streams, edge: &Edge) -> Routes {
    let calls = handshake::router(nodes.issuer().clone())
        .layer(middleware::from_fn(with_instance))
        .layer(middleware::from_fn_with_state(edge.clone(), with_source));
    let paths = [CHALLENGE_PATH, VERIFY_PATH, INTROSPECT_PATH, REVOKE_PATH];
    let signed = paths.map(|path| (Method::POST, path, Access::signed()));
    let routes = Routes::new()
        .foreign(calls, &signed)
        .merge(ping::router(edge))
        .merge(visits::router(nodes));
    match streams.entrance() {
        Some(entrance) => {
            let by_session = Access::judged("the token of a node session").class(RateClass::Inbox);
            routes.foreign(
                stream::router(entrance),
                &[(Method::GET, stream::PATH, by_session)],
            )
        }
        None => routes,
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
