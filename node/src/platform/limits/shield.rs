//! What a request passes first: the blocks, the limits of its address, and preflights.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode};

use super::tether::Tether;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::RateClass;
use crate::platform::http::address::ClientAddress;
use crate::platform::http::cors::Cors;
use crate::platform::http::routes::Declared;
use crate::platform::http::server::PeerAddress;

/// What requests are held against before anything of them is read.
#[derive(Clone, Debug)]
pub struct Shield {
    ctx: Ctx,
    declared: Arc<Declared>,
    cors: Arc<Cors>,
}

impl Shield {
    /// Holds requests against the limits of the classes that routes declare.
    pub fn new(ctx: Ctx, declared: Arc<Declared>, cors: Arc<Cors>) -> Self {
        Self {
            ctx,
            declared,
            cors,
        }
    }

    /// The class that pays for a request; what is served nowhere is paid for too.
    fn class(&self, request: &Request) -> RateClass {
        let path = request.extensions().get::<MatchedPath>();
        let declared = path.and_then(|path| self.declared.access(path.as_str(), request.method()));
        match (declared, request.method()) {
            (Some(access), _) => access.class,
            (None, &Method::GET | &Method::HEAD | &Method::OPTIONS) => RateClass::Read,
            (None, _) => RateClass::Write,
        }
    }
}

/// Middleware: refuses who is blocked or asks too much, before anything else is read.
pub async fn shield(State(shield): State<Shield>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get().map(|PeerAddress(peer)| *peer);
    // Only what never came over a listener has no peer.
    let Some(peer) = peer else {
        return next.run(request).await;
    };
    let limits = Arc::clone(shield.ctx.limits());
    let address = limits.proxies.source(peer, request.headers());
    request.extensions_mut().insert(ClientAddress(address));
    let shown = match limits.ask(address, shield.class(&request), shield.ctx.now()) {
        Ok(shown) => shown,
        Err(refusal) => return refusal.into_response(),
    };
    let tether = request.extensions().get::<Tether>().cloned();
    let mut response = match shield.cors.preflight(&request) {
        Some(answer) => answer,
        None => next.run(request).await,
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS
        && let Some(tether) = tether
    {
        limits.held.hold(address, &tether);
        // A block that came in between did not find the socket.
        if limits.is_blocked(address, shield.ctx.now()) {
            tether.cut();
        }
    }
    if let Some(shown) = shown {
        shown.add_to(response.headers_mut());
    }
    response
}
