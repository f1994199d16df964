//! `/api/v1/users/@me/presence`.

use axum::Extension;
use axum::extract::State;

use super::actions;
use super::wire::{PresenceView, SetPresence};
use crate::accounts::online::Online;
use crate::base::scope::Scope;
use crate::platform::ctx::Ctx;
use crate::platform::http::access::Access;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::Json;
use crate::platform::http::routes::Routes;
use utoipa_axum::routes;

/// The route of this feature.
pub fn router() -> Routes {
    Routes::new().add(Access::member(Scope::Write), routes!(choose))
}

/// Chooses how the member is seen while they are there.
#[utoipa::path(put, path = "/api/v1/users/@me/presence", tag = "users", request_body = SetPresence, responses((status = 200, body = PresenceView), (status = 422, body = Problem)))]
pub(super) async fn choose(
    State(ctx): State<Ctx>,
    Extension(online): Extension<Online>,
    me: CurrentUser,
    Json(body): Json<SetPresence>,
) -> Result<Json<PresenceView>, ApiError> {
    Ok(Json(
        actions::choose(&ctx, &online, me.id, &body.status).await?,
    ))
}
