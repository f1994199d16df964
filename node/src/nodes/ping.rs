//! `/api/v1/federation/peers/{domain}/ping`: how long another server takes to answer a signed request.

use axum::Extension;
use axum::extract::State;
use federation_core::discovery::{ApplicationError, application_actor};
use serde::Serialize;
use url::Url;
use utoipa_axum::routes;

use crate::base::privilege::Privilege;
use crate::federation::Edge;
use crate::peers;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::{Json, Path};
use crate::platform::http::routes::Routes;

/// What came of asking another server.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct PeerPing {
    /// The server, as it is kept.
    domain: String,
    /// Whether it answered a signed request for its own actor.
    is_reachable: bool,
    /// The actor of the server, when it names one.
    actor: Option<String>,
    /// How long the signed request took; `null` when there was no answer.
    milliseconds: Option<u64>,
    /// Why there was none.
    error: Option<String>,
}

/// The route of pings.
pub(super) fn router(edge: &Edge) -> Routes {
    Routes::new()
        .add(
            Access::privilege(Privilege::ManageFederation),
            routes!(ping),
        )
        .with(edge.clone())
}

/// Asks another server for its own actor, signed, and measures how long it takes.
#[utoipa::path(post, path = "/api/v1/federation/peers/{domain}/ping", tag = "federation", params(("domain" = String, Path, description = "The peer")), responses((status = 200, body = PeerPing)))]
async fn ping(
    State(ctx): State<Ctx>,
    Extension(edge): Extension<Edge>,
    Path(domain): Path<String>,
) -> Result<Json<PeerPing>, ApiError> {
    let host = peers::canonical(&domain).ok_or_else(ApiError::not_found)?;
    let mut schemes = vec!["https"];
    if ctx.config().federation.allow_http {
        schemes.push("http");
    }
    let mut result = PeerPing {
        domain: host.clone(),
        is_reachable: false,
        actor: None,
        milliseconds: None,
        error: None,
    };
    for scheme in schemes {
        let Ok(server) = Url::parse(&format!("{scheme}://{host}/")) else {
            return Err(ApiError::not_found());
        };
        match ask(&ctx, &edge, &server, &mut result).await {
            Ok(()) => {
                result.error = None;
                break;
            }
            Err(error) => result.error = Some(error),
        }
    }
    Ok(Json(result))
}

async fn ask(ctx: &Ctx, edge: &Edge, server: &Url, result: &mut PeerPing) -> Result<(), String> {
    let directory = edge.directory();
    let found = application_actor(directory, server).await;
    let actor = found.map_err(|error: ApplicationError| error.to_string())?;
    result.actor = Some(actor.id.to_string());
    let begun = ctx.now();
    let document = directory.document(&actor.id).await;
    let document = document.map_err(|error| error.to_string())?;
    if document.id != actor.id {
        return Err("the answer is another document".to_owned());
    }
    let took = ctx.now().since(begun);
    result.milliseconds = u64::try_from(took.as_millis()).ok();
    result.is_reachable = true;
    Ok(())
}
