//! Every route of the server, on one screen.

use std::sync::Arc;

use axum::{Extension, Router, middleware};

use crate::about;
use crate::accounts;
use crate::admin;
use crate::app::Parts;
use crate::attention;
use crate::auth;
use crate::blocks;
use crate::channels;
use crate::communities;
use crate::delivery;
use crate::departures;
use crate::dms;
use crate::exports;
use crate::federation;
use crate::follows;
use crate::gateway;
use crate::members;
use crate::messages;
use crate::moderation;
use crate::nodes;
use crate::oauth;
use crate::oidc;
use crate::openapi;
use crate::peers;
use crate::platform::ctx::Ctx;
use crate::platform::http::body::{self, BodyClass};
use crate::platform::http::cors::Cors;
use crate::platform::http::guard::{self, Guard};
use crate::platform::http::headers::{self, Headers};
use crate::platform::http::request;
use crate::platform::http::routes::Routes;
use crate::platform::limits::shield::{self, Shield};
use crate::presence;
use crate::roles;

/// The routes of every feature, and what surrounds them.
pub fn router(ctx: &Ctx, parts: &Parts) -> Router {
    let routes = Routes::new()
        .merge(about::router())
        .merge(accounts::router())
        .merge(auth::router(parts.auth.clone()))
        .merge(roles::router(parts.auth.clone()))
        .merge(members::router(
            parts.auth.clone(),
            parts.edge.sessions().clone(),
        ))
        .merge(auth::personal::router(parts.auth.clone()))
        .merge(oauth::router(parts.auth.clone()))
        .merge(oidc::router(parts.auth.clone(), parts.oidc.clone()))
        .merge(peers::router())
        .merge(delivery::router())
        .merge(communities::router(parts.known.clone()))
        .merge(channels::router(
            parts.known.clone(),
            Arc::new(moderation::rules::Names),
        ))
        .merge(messages::router(
            Arc::clone(parts.edge.people()),
            Arc::new(parts.edge.clone()),
            parts.known.clone(),
            parts.recent.clone(),
            parts.typing.clone(),
        ))
        .merge(channels::group::router(
            Arc::clone(parts.edge.people()),
            parts.known.clone(),
        ))
        .merge(attention::router())
        .merge(blocks::router())
        .merge(moderation::router())
        .merge(departures::router(parts.auth.clone()))
        .merge(exports::router(
            parts.auth.clone(),
            Arc::new(parts.edge.clone()),
        ))
        .merge(dms::router(Arc::clone(parts.edge.people())))
        .merge(follows::router(Arc::clone(parts.edge.people())))
        .merge(federation::router(ctx, parts.edge.clone()))
        .merge(nodes::router(&parts.nodes, &parts.streams, &parts.edge))
        .merge(presence::router())
        .merge(gateway::router(gateway::Sources {
            bus: parts.bus.clone(),
            presence: parts.presence.clone(),
            known: parts.known.clone(),
            recent: parts.recent.clone(),
            typing: parts.typing.clone(),
            analytics: parts.analytics.clone(),
        }))
        .merge(admin::router())
        .merge(openapi::router());
    let (served, declared, document) = routes.into_parts();
    let declared = Arc::new(declared);
    let cors = Arc::new(Cors::new(&ctx.config().server.cors_origins));
    let shield = Shield::new(ctx.clone(), Arc::clone(&declared), Arc::clone(&cors));
    let headers = Headers::new(ctx.origin(), cors);
    let guard = Guard::new(ctx.clone(), Arc::clone(&declared));
    let document = Arc::new(openapi::complete(document, &declared));
    served
        .layer(Extension(document))
        .layer(Extension(parts.presence.online().clone()))
        .layer(middleware::from_fn_with_state(guard, guard::guard))
        .method_not_allowed_fallback(request::no_method)
        .fallback(request::no_route)
        .layer(body::limit(BodyClass::Api, &ctx.config().limits))
        .layer(middleware::from_fn_with_state(shield, shield::shield))
        .layer(middleware::from_fn_with_state(
            ctx.clone(),
            request::surround,
        ))
        .layer(middleware::from_fn_with_state(headers, headers::put_on))
        .with_state(ctx.clone())
}
