//! `/healthz`, `/readyz`, `/api/v1/info` and `/discovery`.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;

use super::wire::{Health, Info};
use crate::accounts::store;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::Json;

/// The routes of this feature.
pub fn router() -> Router<Ctx> {
    Router::new()
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .route("/api/v1/info", get(info))
        .route("/discovery", get(info))
}

/// The process runs and answers.
async fn healthy() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Requests can be served: the database answers and the server is not about to stop.
async fn ready(State(ctx): State<Ctx>) -> Result<Json<Health>, ApiError> {
    if ctx.tasks().shutdown().is_cancelled() {
        return Err(ApiError::unavailable(
            "The server stops.",
            Duration::from_secs(5),
        ));
    }
    ctx.db().read(store::probe).await?;
    Ok(Json(Health { status: "ok" }))
}

async fn info(State(ctx): State<Ctx>) -> Json<Info> {
    Json(Info::new(ctx.config(), ctx.origin()))
}
