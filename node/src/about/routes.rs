//! `/healthz`, `/readyz`, `/api/v1/info` and `/discovery`.

use std::time::Duration;

use axum::extract::State;

use super::wire::{Health, Info};
use crate::accounts::store;
use crate::platform::cluster::Standing;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::Json;
use crate::platform::http::routes::Routes;
use utoipa_axum::routes;

/// The routes of this feature.
pub fn router() -> Routes {
    Routes::new()
        .add(Access::public(), routes!(healthy))
        .add(Access::public(), routes!(ready))
        .add(Access::public(), routes!(info))
        .add(Access::public(), routes!(discover))
}

/// The process runs and answers.
#[utoipa::path(get, path = "/healthz", tag = "node", responses((status = 200, body = Health)))]
pub(super) async fn healthy() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Requests can be served: the database answers and the server is not about to stop.
#[utoipa::path(get, path = "/readyz", tag = "node", responses((status = 200, body = Health)))]
pub(super) async fn ready(State(ctx): State<Ctx>) -> Result<Json<Health>, ApiError> {
    if ctx.tasks().shutdown().is_cancelled() {
        return Err(ApiError::unavailable(
            "The server stops.",
            Duration::from_secs(5),
        ));
    }
    ctx.db().read(store::probe).await?;
    // Requests are served without Redis; it only takes longer until other processes know.
    let status = match ctx.cluster().standing() {
        Standing::Alone | Standing::Connected => "ok",
        Standing::Away => "degraded",
    };
    Ok(Json(Health { status }))
}

/// What this node is.
#[utoipa::path(get, path = "/api/v1/info", tag = "node", responses((status = 200, body = Info)))]
pub(super) async fn info(State(ctx): State<Ctx>) -> Json<Info> {
    Json(Info::new(ctx.config(), ctx.origin()))
}

/// What this node is, as `/api/v1/info`.
#[utoipa::path(get, path = "/discovery", tag = "node", responses((status = 200, body = Info)))]
pub(super) async fn discover(ctx: State<Ctx>) -> Json<Info> {
    info(ctx).await
}
