//! `/api/v1/dms`: the conversations of a member.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Extension, Router};
use serde::Deserialize;

use super::actions;
use crate::channels;
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::ApiError;
use crate::platform::http::idempotency::{Created, Creation};
use crate::platform::people::People;

/// The routes of this feature; `people` finds those of other nodes.
pub fn router(people: Arc<dyn People>) -> Router<Ctx> {
    Router::new()
        .route("/api/v1/dms", get(channels::list_route).post(open))
        .layer(Extension(people))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenDm {
    recipients: Vec<String>,
}

async fn open(
    State(ctx): State<Ctx>,
    Extension(people): Extension<Arc<dyn People>>,
    user: CurrentUser,
    creation: Creation<OpenDm>,
) -> Result<Created, ApiError> {
    let Creation { body, idempotency } = creation;
    actions::open(
        &ctx,
        people.as_ref(),
        user.id,
        &body.recipients,
        idempotency,
    )
    .await
}
